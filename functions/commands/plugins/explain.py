"""`explain`: one policy's last decision, with its arithmetic, and what comes next."""

from __future__ import annotations

from datetime import datetime

from arguments import namespace, policy_or_workload
from bellhop import durations
from bellhop.chat.access import Risk
from bellhop.scaling.policy import Policy
from bellhop.scaling.reason import meaning
from bellhop.scaling.status import Phase, Source
from finding import meant_policy
from registry import Answer, Argument, Call, Command
from wording import change, code, headline, holds, moment, paused_all, ringing, sentence

#: Characters of arithmetic, sources, and changes of size that are shown.
_ARITHMETIC, _SOURCES, _CHANGES = 1200, 8, 8


def run(call: Call) -> Answer:
    policy, note = meant_policy(call)
    now = call.at
    lines = [f"{headline(policy, now)}{f'. {note}' if note else ''}"]
    lines += _decision(policy, now)
    lines += _sources(policy, now)
    lines += _changes(policy, now)
    lines += [*paused_all(call.desk.paused(), now), *holds(policy, now)]
    lines.append(f"Looked at next: {_next(policy, now)}")
    return Answer("\n".join(lines), subject=f"{policy.namespace}/{policy.name}")


def _decision(policy: Policy, now: datetime) -> list[str]:
    last = policy.status.last_decision
    if last is None:
        return ["Nothing decided yet."]
    lines = [
        f"{moment(last.at, now)}, {sentence(last.actor)}: {change(last)}",
        f"*{sentence(last.reason)}* {meaning(last.reason)}".rstrip(),
        sentence(last.because),
    ]
    if last.working:
        lines.append(code(last.working, _ARITHMETIC))
    if last.phase is Phase.PENDING:
        lines.append(f"It is being carried out, at the latest until {moment(last.lease_until, now)}.")
    if policy.status.observed_generation != policy.generation:
        lines.append("The policy was edited since.")
    return lines


def _sources(policy: Policy, now: datetime) -> list[str]:
    rings = ringing(policy, now)
    ordered = sorted(policy.status.triggers, key=lambda source: (source not in rings, source.name))
    lines = [_source(policy, source, now) for source in ordered[:_SOURCES]]
    if len(ordered) > _SOURCES:
        lines.append(f"• and {len(ordered) - _SOURCES} alarms more")
    return lines or ["No alarm has rung for it yet."]


def _source(policy: Policy, source: Source, now: datetime) -> str:
    said = f"• {sentence(source.name)}: {sentence(source.state)} since {moment(source.at, now)}"
    if source.value is not None:
        said += f", value {source.value:g}"
        said += "" if source.measured_at is None else f" of {moment(source.measured_at, now)}"
    if source.threshold is not None:
        said += f", threshold {source.threshold:g}"
    if policy.trigger_of(source) is None:
        return f"{said}; no trigger is for it any more"
    ended = source.state == "ALARM" and not policy.problem() and source not in ringing(policy, now)
    return f"{said}; ended by activeFor {sentence(policy.spec.active_for)}" if ended else said


def _changes(policy: Policy, now: datetime) -> list[str]:
    """The changes of size that the rates still count."""
    events = policy.status.scale_events
    if not events:
        return []
    each = ", ".join(f"{event.change:+d} at {moment(event.at, now)}" for event in events[-_CHANGES:])
    earlier = f", and {len(events) - _CHANGES} earlier" if len(events) > _CHANGES else ""
    return [f"Changes that its rates count: {each}{earlier}"]


def _next(policy: Policy, now: datetime) -> str:
    due = policy.status.follow_up
    if due is not None and due > now:
        return f"{moment(due, now)}, in {durations.say(due - now)}."
    if due is not None and (policy.status.slot is None or due > policy.status.slot):
        return f"any moment, it is due since {moment(due, now)}."
    return "when an alarm changes; the resync looks every few minutes."


COMMAND = Command(
    name="explain",
    summary="A policy's last decision with its arithmetic, what holds it, and what comes next.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("policy", "a policy, or the workload that it sizes: web, deploy/web", policy_or_workload),
        Argument("--namespace", "the policy's namespace", namespace, short="-n"),
    ),
    examples=("explain web -n shop", "explain deploy/web -n shop"),
)
