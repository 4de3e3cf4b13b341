"""A policy's status from one step to the next. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from bellhop import durations
from bellhop.ledger import entry_id
from bellhop.scaling.behavior import Rules
from bellhop.scaling.evaluation import Evaluation
from bellhop.scaling.history import remembered
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import is_active
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import Approval
from bellhop.scaling.status import Condition, LastDecision, Phase, Question, Status
from bellhop.scaling.workload import Workload

ABLE_TO_SCALE = "AbleToScale"
SCALING_ACTIVE = "ScalingActive"
SCALING_LIMITED = "ScalingLimited"

_LIMITS = frozenset(
    {
        Reason.TOO_MANY_REPLICAS,
        Reason.TOO_FEW_REPLICAS,
        Reason.SCALE_UP_LIMIT,
        Reason.SCALE_DOWN_LIMIT,
        Reason.APPROVAL_NEEDED,
    }
)
_NOTHING_COMPUTED = frozenset(
    {Reason.SETTLING, Reason.PAUSED, Reason.ON_HOLD, Reason.METRIC_MISSING, Reason.NO_READY_PODS}
)
_INACTIVE = frozenset(
    {Reason.PAUSED, Reason.ON_HOLD, Reason.SCALING_DISABLED, Reason.METRIC_MISSING, Reason.NOTHING_RINGS}
)


def slot_at(policy: Policy, now: datetime) -> datetime:
    """When the evaluation slot that `now` is in began. Slots are as long as evaluateEverySeconds."""
    every = policy.spec.evaluate_every_seconds
    return datetime.fromtimestamp(int(now.timestamp()) // every * every, now.tzinfo)


def next_slot(policy: Policy, now: datetime) -> datetime:
    return slot_at(policy, now) + timedelta(seconds=policy.spec.evaluate_every_seconds)


def next_look(policy: Policy, now: datetime) -> datetime:
    """When a policy that needs it is looked at again: when the next slot begins, or later in it, when the rate that
    held the last decision allows more. At the slot's beginning that would be a moment too early, each time."""
    begins, status = next_slot(policy, now), policy.status
    last, changed = status.last_decision, status.last_scale_time
    behavior = policy.spec.full_behavior
    rules: dict[str, Rules] = {
        Reason.SCALE_UP_LIMIT: behavior.scale_up,
        Reason.SCALE_DOWN_LIMIT: behavior.scale_down,
    }
    held_by = None if last is None else rules.get(last.reason)
    if held_by is None or changed is None:
        return begins
    allows = changed + timedelta(seconds=min(rate.period_seconds for rate in held_by.policies))
    return allows if begins < allows < next_slot(policy, begins) else begins


def is_decided(policy: Policy, now: datetime) -> bool:
    """Whether this slot has had its decision."""
    return policy.status.slot is not None and policy.status.slot >= slot_at(policy, now)


def for_target(policy: Policy, workload: Workload) -> Policy:
    """The policy as it is for this target. For one that was made again under its name, all that was remembered is
    forgotten: it was of the one before."""
    last = policy.status.last_decision
    if last is None or last.target_uid in {"", workload.uid}:
        return policy
    status = msgspec.structs.replace(
        policy.status, recommendations=(), scale_events=(), ready_pods=(), last_scale_time=None
    )
    return msgspec.structs.replace(policy, status=status)


def decided(
    policy: Policy,
    workload: Workload,
    evaluation: Evaluation,
    *,
    cause: str,
    actor: str,
    owner: str,
    now: datetime,
    lease_until: datetime,
) -> Status:
    """The status that records the decision before it is carried out: the intent, the slot, and the history."""
    decision, dry = evaluation.decision, policy.spec.dry_run
    change = 0 if dry else decision.replicas - workload.size.replicas
    last = LastDecision(
        cause=cause,
        actor=actor,
        at=now,
        current=workload.size.replicas,
        desired=decision.replicas,
        reason=str(decision.reason),
        because=decision.because,
        working=evaluation.working,
        phase=Phase.PENDING,
        owner=owner,
        lease_until=lease_until,
        target_uid=workload.uid,
        dry=dry,
    )
    status = remembered(
        policy.status,
        policy.spec.full_behavior,
        size=workload.size,
        recommendation=evaluation.recommendation,
        change=change,
        now=now,
    )
    return msgspec.structs.replace(
        status,
        observed_generation=policy.generation,
        current_replicas=workload.size.replicas,
        desired_replicas=decision.replicas,
        last_decision=last,
        last_scale_time=now if change else status.last_scale_time,
        slot=slot_at(policy, now),
        triggers=evaluation.sources,
        ceiling=None if status.ceiling is not None and status.ceiling.until <= now else status.ceiling,
        hold=None if status.hold is not None and status.hold.until <= now else status.hold,
        question=_question(policy, evaluation, now),
    )


def closed(status: Status, *, applied: bool, now: datetime, refusal: tuple[str, str] | None = None) -> Status:
    """The status after the pending decision is over. refusal: (code, sentence) when it could not be done."""
    last = status.last_decision
    assert last is not None, "there is a decision to close"  # noqa: S101  the callers' invariant
    if not applied:
        status = taken_back(status)
    return msgspec.structs.replace(
        status,
        current_replicas=last.desired if applied and not last.dry else last.current,
        desired_replicas=last.desired if applied else last.current,
        last_decision=msgspec.structs.replace(last, phase=Phase.DONE),
        conditions=_conditions(status, last, refusal, now),
    )


def taken_back(status: Status) -> Status:
    """The status without the change that its pending decision recorded and never made."""
    last = status.last_decision
    assert last is not None, "there is a decision to take back"  # noqa: S101  the callers' invariant
    events = tuple(event for event in status.scale_events if event.at != last.at)
    before = status.last_scale_time
    if before == last.at:
        before = events[-1].at if events else None
    return msgspec.structs.replace(status, scale_events=events, last_scale_time=before)


def reopened(status: Status) -> Status:
    """The status as if its pending decision had not been made: its slot is free again."""
    return msgspec.structs.replace(taken_back(status), slot=None)


def refused(policy: Policy, *, code: str, said: str, now: datetime) -> Status:
    """The status after a look at which no decision could be made. One in hand, never carried out, is over."""
    last = policy.status.last_decision
    return msgspec.structs.replace(
        policy.status,
        observed_generation=policy.generation,
        last_decision=None if last is None else msgspec.structs.replace(last, phase=Phase.DONE),
        slot=slot_at(policy, now),
        told=code,
        conditions=_with(policy.status, ABLE_TO_SCALE, False, code, said, now),
    )


def needs_follow_up(policy: Policy, evaluation: Evaluation, minimum: int, now: datetime) -> bool:
    """Whether somebody must look again in the next slot, without being told to by an alarm."""
    reason = evaluation.decision.reason
    if reason in {Reason.PAUSED, Reason.ON_HOLD, Reason.SCALING_DISABLED, Reason.NOTHING_RINGS}:
        return False
    if reason is Reason.SETTLING:
        return True
    # Those of a trigger that was edited away are never looked at again.
    sources = [source for source in evaluation.sources if policy.trigger_of(source) is not None]
    if any(is_active(source, policy.spec, now) for source in sources):
        return True
    wanted = evaluation.recommendation
    group = policy.spec.node_group
    if group is not None and not group.scale_down:
        return False  # nothing rings, and it never shrinks
    # Less than the minimum is never had, however long one looks.
    waits = wanted is not None and max(wanted, minimum) != evaluation.decision.replicas
    over = any(source.state != "INSUFFICIENT_DATA" for source in sources) and not policy.spec.steps_down
    return waits or (over and evaluation.decision.replicas > minimum)


def _question(policy: Policy, evaluation: Evaluation, now: datetime) -> Question | None:
    """The open question, a new one, or none: nobody is asked for what is not wanted any more."""
    approval, asked = policy.spec.approval, policy.status.question
    if asked is not None and asked.expires_at <= now:
        asked = None
    if approval is not None and evaluation.decision.reason in _NOTHING_COMPUTED:
        return asked  # nothing says that it is wanted no more
    if approval is None or evaluation.wanted is None:
        return None
    if asked is not None:
        return msgspec.structs.replace(asked, wanted=evaluation.wanted)
    return _asked(policy, approval, evaluation.wanted, now)


def _asked(policy: Policy, approval: Approval, wanted: int, now: datetime) -> Question:
    return Question(
        id=entry_id(policy.uid, "question", now.isoformat())[:8],
        wanted=wanted,
        asked_at=now,
        expires_at=now + durations.parse(approval.expires_after),
    )


def _conditions(
    status: Status, last: LastDecision, refusal: tuple[str, str] | None, now: datetime
) -> tuple[Condition, ...]:
    """AbleToScale, ScalingActive and ScalingLimited, as the HorizontalPodAutoscaler has them."""
    reason, because = refusal or (last.reason, last.because)
    status = msgspec.structs.replace(
        status, conditions=_with(status, ABLE_TO_SCALE, refusal is None, reason, because, now)
    )
    status = msgspec.structs.replace(
        status,
        conditions=_with(
            status, SCALING_ACTIVE, last.reason not in _INACTIVE, last.reason, last.because, now
        ),
    )
    return _with(status, SCALING_LIMITED, last.reason in _LIMITS, last.reason, last.because, now)


def _with(
    status: Status, type_: str, value: bool, reason: str, message: str, now: datetime
) -> tuple[Condition, ...]:
    """The conditions with this one as it is now; its time changes when its status does."""
    before = next((c for c in status.conditions if c.type == type_), None)
    said: Literal["True", "False"] = "True" if value else "False"
    since = before.last_transition_time if before is not None and before.status == said else now
    new = Condition(type=type_, status=said, reason=reason, message=message, last_transition_time=since)
    if before is None:
        return (*status.conditions, new)
    return tuple(new if c.type == type_ else c for c in status.conditions)
