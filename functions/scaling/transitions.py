"""A policy's status from one step to the next, and the ledger entries that tell of it. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from bellhop.alarms.alarm import AlarmEvent
from bellhop.ledger import Entry, Outcome, entry_id
from bellhop.scaling.decision import Decision
from bellhop.scaling.policy import (
    ALARMS_KEPT,
    AlarmSeen,
    Condition,
    LastDecision,
    Phase,
    Policy,
    Status,
)
from bellhop.scaling.workload import Workload

ABLE_TO_SCALE = "AbleToScale"


def is_news(status: Status, event: AlarmEvent) -> bool:
    """Whether the event is newer than what the policy has taken in of the same alarm. A repeat is not."""
    seen = status.seen(event.arn)
    return seen is None or event.at > seen.at


def needs_entry(policy: Policy, workload: Workload, decision: Decision) -> bool:
    """Whether the ledger is told: something changes, or the reason for holding is another than before."""
    last = policy.status.last_decision
    return decision.replicas != workload.size.replicas or last is None or last.reason != str(decision.reason)


def intent(
    policy: Policy,
    workload: Workload,
    event: AlarmEvent,
    decision: Decision,
    *,
    owner: str,
    now: datetime,
    lease_until: datetime,
) -> Status:
    """The status that records the decision before it is carried out."""
    last = LastDecision(
        event=event.id,
        alarm_name=event.name,
        alarm=_seen(event),
        at=now,
        current=workload.size.replicas,
        desired=decision.replicas,
        reason=str(decision.reason),
        because=decision.because,
        phase=Phase.PENDING,
        owner=owner,
        lease_until=lease_until,
        target_uid=workload.uid,
    )
    return msgspec.structs.replace(
        policy.status,
        observed_generation=policy.generation,
        current_replicas=workload.size.replicas,
        desired_replicas=decision.replicas,
        last_decision=last,
    )


def closed(status: Status, *, applied: bool, now: datetime, refusal: tuple[str, str] | None = None) -> Status:
    """The status after the pending decision is over. refusal: (code, sentence) when it could not be done."""
    last = status.last_decision
    assert last is not None, "there is a decision to close"  # noqa: S101  the callers' invariant
    changed = applied and last.current != last.desired
    size = last.desired if applied else last.current
    return msgspec.structs.replace(
        status,
        current_replicas=size,
        desired_replicas=size,
        last_decision=msgspec.structs.replace(last, phase=Phase.DONE),
        last_scale_time=last.at if changed else status.last_scale_time,
        alarms=_taken_in(status, last.alarm),
        conditions=_able_to_scale(status, refusal or (last.reason, last.because), refusal is None, now),
    )


def refused(policy: Policy, event: AlarmEvent, *, code: str, said: str, now: datetime) -> Status:
    """The status after an event that no decision could be made for."""
    return msgspec.structs.replace(
        policy.status,
        observed_generation=policy.generation,
        alarms=_taken_in(policy.status, _seen(event)),
        conditions=_able_to_scale(policy.status, (code, said), False, now),
    )


def decision_entry(policy: Policy, outcome: Outcome, *, now: datetime, note: str = "") -> Entry:
    """The one entry for the policy's last decision.

    Its id holds what came of the event too: told again it is the same entry, but whatever is changed after an
    entry that was told and not closed is an entry of its own. A change must never hide behind a refusal.
    """
    last = policy.status.last_decision
    assert last is not None, "there is a decision to tell of"  # noqa: S101  the callers' invariant
    changed = last.current != last.desired
    size = f"{last.current} -> {last.desired} replicas" if changed else f"held at {last.current} replicas"
    return Entry(
        id=entry_id(policy.uid, last.event, outcome, str(last.current), str(last.desired)),
        at=now,
        flow="scaling",
        action="scale",
        outcome=outcome,
        subject=policy.target,
        actor=f"alarm {last.alarm_name}",
        summary=f"{policy.target}: {size}",
        reason=last.reason,
        because="; ".join(text for text in (last.because, note) if text),
        cause=last.event,
        correlation=last.event,
    )


def refusal_entry(
    subject: str, event: AlarmEvent, *, id: str, outcome: Outcome, code: str, said: str, now: datetime
) -> Entry:
    """The entry for an event that changed nothing, saying why."""
    return Entry(
        id=id,
        at=now,
        flow="scaling",
        action="scale",
        outcome=outcome,
        subject=subject,
        actor=f"alarm {event.name}",
        summary=f"{subject}: not scaled",
        reason=code,
        because=said,
        cause=event.id,
        correlation=event.id,
    )


def _seen(event: AlarmEvent) -> AlarmSeen:
    return AlarmSeen(arn=event.arn, state=str(event.state), at=event.at)


def _taken_in(status: Status, alarm: AlarmSeen) -> tuple[AlarmSeen, ...]:
    """The alarms' last states with this one's; never a step back in time."""
    before = status.seen(alarm.arn)
    newest = alarm if before is None or alarm.at >= before.at else before
    others = sorted((a for a in status.alarms if a.arn != alarm.arn), key=lambda a: a.at)
    return (*others[-(ALARMS_KEPT - 1) :], newest)


def _able_to_scale(status: Status, why: tuple[str, str], able: bool, now: datetime) -> tuple[Condition, ...]:
    before = next((c for c in status.conditions if c.type == ABLE_TO_SCALE), None)
    value = "True" if able else "False"
    since = before.last_transition_time if before is not None and before.status == value else now
    reason, message = why
    return (
        Condition(
            type=ABLE_TO_SCALE,
            status="True" if able else "False",
            reason=reason,
            message=message,
            last_transition_time=since,
        ),
    )
