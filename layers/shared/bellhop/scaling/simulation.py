"""What a policy would do if its metric had a given value now: one decision, and the minutes after it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bellhop import durations
from bellhop.errors import InvalidInputError
from bellhop.scaling.decision import Size, TargetType, pods
from bellhop.scaling.evaluation import Bounds
from bellhop.scaling.playing import NO_BOUNDS, PODS_START_AFTER, Tick, play
from bellhop.scaling.policy import Policy
from bellhop.scaling.reason import Reason
from bellhop.scaling.simulated_alarm import name_of, rings_below
from bellhop.scaling.simulated_load import Load
from bellhop.scaling.spec import Trigger

__all__ = ["Load", "Simulation", "Tick", "as_text", "simulate"]

#: Changes that are written out, and lines of the first decision; the rest are counted.
_SHOWN, _WORKING_SHOWN = 8, 6


@dataclass(frozen=True, slots=True)
class Simulation:
    """now: the first decision. later: the looks after it that changed the size. last: the last look, or, when it
    only waits for the next datapoint, the one before that says why the size is what it is.

    assumption: what was taken for granted, parted by "; ". minutes: how far was looked. settled: the
    last look changed nothing, or nobody looks again.
    """

    policy: str
    value: float
    now: Tick
    later: tuple[Tick, ...]
    last: Tick
    assumption: str
    minutes: int
    settled: bool


def simulate(
    policy: Policy,
    value: float,
    *,
    now: datetime,
    minutes: int = 10,
    load: Load | None = None,
    size: Size | None = None,
    trigger: int = 0,
    threshold: float | None = None,
    bounds: Bounds = NO_BOUNDS,
) -> Simulation:
    """What the policy would do with a fresh datapoint of `value` now (with a time zone), and in the minutes after.

    It starts from what the policy's status remembers. size: as it is; when not given, the status's. load: when
    not given, shared for a Value target, else `value` stays whatever the size. minutes: 1 to 1440. trigger,
    threshold, bounds: as for `play`. Raises InvalidInputError and RefusedError(PolicyInvalid), in words for
    people.
    """
    if not 1 <= minutes <= 1440:
        raise InvalidInputError(f"{minutes} minutes are not from 1 to 1440")
    if not math.isfinite(value):
        raise InvalidInputError(f"{value} is not a finite number")
    chosen = policy.spec.triggers[trigger] if 0 <= trigger < len(policy.spec.triggers) else None
    if chosen is not None and chosen.target is not None and value < 0:
        raise InvalidInputError(f"{value:g} is negative, and a target's metric never is")
    load = load or default_load(chosen)
    start, started_from = (size, "as it is now") if size is not None else _size(policy)
    played = play(
        policy,
        size=start,
        series=lambda _: value,
        start=now,
        until=now + timedelta(minutes=minutes),
        load=load,
        threshold=threshold,
        trigger=trigger,
        bounds=bounds,
        at_once=True,
    )
    first, *rest = played.ticks
    said = [f"from {pods(start)}, {started_from}", _of_load(load, value)]
    if chosen is not None:
        word = "below" if rings_below(chosen) else "above"
        said.append(f"{name_of(chosen)} rings {word} {played.threshold:g}")
        if len(policy.spec.triggers) > 1:
            said.append("no other trigger rings")
    if policy.spec.approval is not None:
        said.append("nobody approves anything")
    if policy.spec.dry_run:
        said.append("the policy's dryRun is left out: in truth nothing would be changed")
    return Simulation(
        f"{policy.namespace}/{policy.name}",
        value,
        first,
        tuple(tick for tick in rest if tick.change),
        _telling(played.ticks),
        "; ".join(said),
        minutes,
        not played.ticks[-1].change or played.due is None,
    )


def default_load(trigger: Trigger | None) -> Load:
    """Shared for a Value target; sums and what steps look at are taken as they are."""
    target = trigger.target if trigger is not None else None
    return Load.SHARED if target is not None and target.type is TargetType.VALUE else Load.AS_IS


def as_text(simulation: Simulation) -> list[str]:
    """Lines for people, without markup, 25 at most: the first decision, the changes after it, the end."""
    first = simulation.now
    working = first.working or (first.because, f"decided: {first.desired} ({first.reason})")
    found = [f"if {simulation.policy} measured {simulation.value:g} now:"]
    found += [f"  {line}" for line in working[:_WORKING_SHOWN]]
    found.append(f"then, for {_minutes(simulation)}:")
    found += [f"  {_change(tick, first.at)}" for tick in simulation.later[:_SHOWN]]
    if len(simulation.later) > _SHOWN:
        found.append(f"  and {len(simulation.later) - _SHOWN} changes more")
    found.append(f"  {_end(simulation)}")
    return [*found, "assumed:", *(f"  {line}" for line in simulation.assumption.split("; "))]


def _telling(ticks: Sequence[Tick]) -> Tick:
    last = ticks[-1]
    for tick in reversed(ticks):
        if tick.change:
            break
        if tick.reason != Reason.AWAITING_METRIC:
            return tick
    return last


def _change(tick: Tick, since: datetime) -> str:
    passed = durations.say(tick.at - since)
    return f"+{passed}  {tick.replicas} -> {tick.desired} ({tick.reason}): {tick.because}"


def _end(simulation: Simulation) -> str:
    last = simulation.last
    size = "1 replica" if last.desired == 1 else f"{last.desired} replicas"
    if not simulation.settled:
        return f"still changing after {_minutes(simulation)}: {size}"
    changed = [tick for tick in (simulation.now, *simulation.later) if tick.change]
    since = f" from +{durations.say(changed[-1].at - simulation.now.at)}" if simulation.later else ""
    return f"stays at {size}{since} ({last.reason})"


def _minutes(simulation: Simulation) -> str:
    return "1 minute" if simulation.minutes == 1 else f"{simulation.minutes} minutes"


def _size(policy: Policy) -> tuple[Size, str]:
    status = policy.status
    if status.current_replicas is None:
        replicas = policy.spec.min_replicas
        return Size(replicas, replicas), "minReplicas, since the status does not say how many there are"
    return Size(status.current_replicas, status.current_replicas), "as the status says, all of them ready"


def _of_load(load: Load, value: float) -> str:
    if load is Load.AS_IS:
        return f"the metric stays at {value:g} whatever the size"
    after = durations.say(PODS_START_AFTER)
    return f"the load is shared: with more pods ready the metric falls; new pods are ready after {after}"
