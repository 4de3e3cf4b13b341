"""What size one alarm or alert asks for. Pure: no SDK, no clock, no I/O.

One datapoint is computed with once, with the pods that were ready at its time; what came of it stands until a
newer datapoint is there. So looking often does not multiply, and a rate-limited way up goes on to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bellhop import durations
from bellhop.alarms.alarm import Datapoint, State
from bellhop.scaling import steps as banded
from bellhop.scaling.behavior import Behavior
from bellhop.scaling.decision import Metric, Size, TargetType, pods, recommend
from bellhop.scaling.policy import Policy
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import Spec, Trigger
from bellhop.scaling.status import Source

#: An observation of ready pods says something about a datapoint for so long after it was made: new pods take about
#: that long, however seldom a policy is looked at.
_READY_KNOWN_FOR = timedelta(minutes=2)
#: How far ahead of our own clock a sender's may be before its datapoints are disbelieved.
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reading:
    """A source, the trigger it is for, and the newest datapoint there is of it. metric: its name, for people.

    problem: why there is no datapoint, in words. readable: the metric can be read again at any time, so a
    missing value says something (of pushed alerts and composite alarms it does not).
    """

    source: Source
    trigger: Trigger
    datapoint: Datapoint | None = None
    metric: str = ""
    problem: str = ""
    readable: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """replicas: asked for; None: no opinion, or, with `failed`, not known. said: the sentence for it.

    hold: why the present size is asked for, when it is. source: with what was counted. ratio: value to target.
    """

    source: Source
    said: str
    replicas: int | None = None
    failed: bool = False
    hold: Reason | None = None
    working: str = ""


def propose(reading: Reading, policy: Policy, size: Size, behavior: Behavior, now: datetime) -> Proposal:
    """What the source asks for now."""
    spec, source = policy.spec, reading.source
    state, over = _state(source, spec, now)
    if state is State.INSUFFICIENT_DATA:
        return _missing(reading, spec, size, f"{source.name} has no data (INSUFFICIENT_DATA)")
    if state is State.OK and (reading.trigger.steps or not reading.readable):
        return _over(source, policy, over)
    proposal = _by_value(reading, policy, size, behavior, now)
    if state is State.OK and proposal.replicas is not None and proposal.replicas > size.replicas:
        # Its target may be below the alarm's threshold, but an alarm that is OK is no reason to grow.
        said = f"{proposal.said}, but {source.name} is OK: held"
        return Proposal(
            proposal.source, said, size.replicas, hold=Reason.DESIRED_WITHIN_RANGE, working=proposal.working
        )
    return proposal


def active_until(source: Source, spec: Spec) -> datetime | None:
    """When a pushed alert ends by itself; None for what is not one."""
    if source.received_at is None:
        return None
    return source.received_at + durations.parse(spec.active_for)


def is_active(source: Source, spec: Spec, now: datetime) -> bool:
    """Whether the source rings now."""
    return _state(source, spec, now)[0] is State.ALARM


def _state(source: Source, spec: Spec, now: datetime) -> tuple[State, str]:
    state, until = State(source.state), active_until(source, spec)
    if state is State.ALARM and until is not None and until <= now:
        return State.OK, f"{source.name} was not repeated for {spec.active_for} (activeFor)"
    return state, f"{source.name} is OK"


def _over(source: Source, policy: Policy, said: str) -> Proposal:
    """An alarm that is OK, and no metric that could say how much is needed: back to the minimum. What it asked for
    while it rang stands no more."""
    source = msgspec.structs.replace(source, counted_at=None, counted=None, recommended=None)
    if policy.spec.steps_down:
        return Proposal(source, f"{said}; steps are the way down")
    wanted = policy.spec.min_replicas
    return Proposal(source, f"{said} and asks for minReplicas {wanted}", wanted)


def _missing(reading: Reading, spec: Spec, size: Size, said: str) -> Proposal:
    replicas = spec.when_metric_missing.replicas
    if replicas is None:
        return Proposal(reading.source, f"{said}: held", failed=True, hold=Reason.METRIC_MISSING)
    if State(reading.source.state) is State.OK:
        replicas = min(replicas, size.replicas)
    said = f"{said}: whenMetricMissing asks for {replicas}"
    return Proposal(reading.source, said, replicas, hold=Reason.METRIC_MISSING)


def _by_value(reading: Reading, policy: Policy, size: Size, behavior: Behavior, now: datetime) -> Proposal:
    source, trigger, point = reading.source, reading.trigger, reading.datapoint
    if point is None:
        if trigger.steps and banded.band(trigger.steps, None) is not None:
            return _by_alarm_alone(source, trigger, size)
        return _missing(reading, policy.spec, size, reading.problem or f"{source.name} has no recent value")
    if trigger.target is not None and point.value < 0:
        return _missing(reading, policy.spec, size, f"{reading.metric} {point.value:g} is negative")
    if _is_counted(source, point):
        return _stands(reading, size, point)
    if _is_stale(reading, policy, point):
        return _stands(reading, size, point)
    counted = msgspec.structs.replace(source, counted_at=point.at, counted=point.value)
    if trigger.target is not None:
        return _by_target(reading, policy, size, behavior, point, counted, now)
    return _by_steps(reading, size, point, counted)


def _is_stale(reading: Reading, policy: Policy, point: Datapoint) -> bool:
    """Whether the value was measured, in part at least, before the last change of size and so says too much."""
    scaled_at, target = policy.status.last_scale_time, reading.trigger.target
    if scaled_at is None or point.at > scaled_at:
        return False
    if target is not None and target.type is TargetType.AVERAGE_VALUE:
        # A sum that the pods share does not depend on how many they are.
        return False
    # A pushed value comes once and again in hours: its first one counts, whatever another alarm just changed.
    return reading.source.received_at is None or reading.source.counted_at is not None


def _is_counted(source: Source, point: Datapoint) -> bool:
    if source.counted_at is None:
        return False
    if source.received_at is not None:
        # A repeat of the very same value is "still firing", not a measurement.
        return point.value == source.counted or point.at <= source.counted_at
    return point.at <= source.counted_at


def _stands(reading: Reading, size: Size, point: Datapoint) -> Proposal:
    """The datapoint says nothing new: what was computed last stands, else the present size."""
    source, standing = reading.source, reading.source.recommended
    if standing is None or standing == size.replicas:
        was = "counted already" if _is_counted(source, point) else "measured before the last change of size"
        said = f"{reading.metric} {point.value:g}, {was}: a newer datapoint is awaited"
        return Proposal(source, said, size.replicas, hold=Reason.AWAITING_METRIC, working=said)
    # What stands may be of an older datapoint than this one, which is too old to count.
    counted = point.value if source.counted is None else source.counted
    said = f"{reading.metric} {counted:g} was counted and still asks for {standing}"
    return Proposal(source, said, standing, working=said)


def _by_target(
    reading: Reading,
    policy: Policy,
    size: Size,
    behavior: Behavior,
    point: Datapoint,
    counted: Source,
    now: datetime,
) -> Proposal:
    target = reading.trigger.target
    assert target is not None  # noqa: S101  the caller's branch
    wanted = target.wanted or 0.0
    then = Size(size.replicas, _ready_at(policy, size, point, now))
    said = f"{reading.metric} {point.value:g} of {wanted:g} over {pods(then)}"
    if size.replicas > 0 and then.ready == 0 and target.type is TargetType.VALUE:
        # The HPA would multiply by zero ready pods and go to the minimum, in the middle of an outage.
        return Proposal(
            reading.source, f"{said}: held until one is ready", failed=True, hold=Reason.NO_READY_PODS
        )
    metric = Metric(point.value, wanted, target.type, reading.metric)
    replicas = recommend(then, point.value, metric, behavior)
    counted = msgspec.structs.replace(counted, recommended=replicas)
    working = f"{said}: {_arithmetic(then, point.value, metric, behavior)}"
    exact = target.type is TargetType.VALUE and point.value == wanted
    if replicas == size.replicas and not exact:
        return Proposal(
            counted, f"{said}, within tolerance", replicas, hold=Reason.WITHIN_TOLERANCE, working=working
        )
    return Proposal(counted, f"{said} asks for {replicas}", replicas, working=working)


def _arithmetic(size: Size, value: float, metric: Metric, behavior: Behavior) -> str:
    """One line as people would compute it by hand."""
    low, high = 1 - behavior.scale_down.tolerance, 1 + behavior.scale_up.tolerance
    if metric.type is TargetType.AVERAGE_VALUE:
        each = f"{value / size.replicas:g} for each pod" if size.replicas else "no pod"
        sum_ = f"ceil({value:g} / {metric.target:g}) = {recommend(Size(0, 0), value, metric, behavior)}"
        share = value / (metric.target * size.replicas) if size.replicas else None
        inside = share is not None and low <= share <= high
        return f"{each}, within {low:g} to {high:g}: stays" if inside else f"{each}; {sum_}"
    ratio = value / metric.target
    if size.replicas and low <= ratio <= high:
        return f"ratio {ratio:.3f} is within {low:g} to {high:g}: stays"
    if size.replicas == 0:
        return f"ratio {ratio:.3f}; from zero ceil({ratio:.3f}) = {recommend(size, value, metric, behavior)}"
    return f"ratio {ratio:.3f}; ceil({ratio:.3f} x {size.ready}) = {recommend(size, value, metric, behavior)}"


def _ready_at(policy: Policy, size: Size, point: Datapoint, now: datetime) -> int:
    """How many pods were ready when the datapoint's period began, as far as that was seen."""
    seen = [past for past in policy.status.ready_pods if past.at <= point.at]
    if not seen or point.at >= now:
        return size.ready
    last = seen[-1]
    return last.ready if point.at - last.at <= _READY_KNOWN_FOR else size.ready


def _by_steps(reading: Reading, size: Size, point: Datapoint, counted: Source) -> Proposal:
    trigger = reading.trigger
    threshold = trigger.threshold if trigger.threshold is not None else reading.source.threshold
    if threshold is None:
        if banded.band(trigger.steps, None) is not None:
            return _by_alarm_alone(reading.source, trigger, size)
        said = f"{reading.metric} {point.value:g}: no threshold to measure its breach from: held"
        return Proposal(reading.source, said, failed=True, hold=Reason.METRIC_MISSING)
    breach = point.value - threshold
    step = banded.band(trigger.steps, breach)
    said = f"{reading.metric} {point.value:g}, {breach:+g} from {threshold:g}"
    if step is None:
        counted = msgspec.structs.replace(counted, recommended=size.replicas)
        return Proposal(counted, f"{said}: in no step", size.replicas, hold=Reason.WITHIN_TOLERANCE)
    return _take_step(counted, said, step, size)


def _by_alarm_alone(source: Source, trigger: Trigger, size: Size) -> Proposal:
    """An alarm without a value: its one step, once for each time it rings."""
    step = banded.band(trigger.steps, None)
    assert step is not None  # noqa: S101  the callers looked
    if source.counted_at is not None and source.counted_at >= source.at and source.recommended is not None:
        said = f"{source.name} rings and still asks for {source.recommended}"
        hold = Reason.AWAITING_METRIC if source.recommended == size.replicas else None
        return Proposal(source, said, source.recommended, hold=hold, working=said)
    counted = msgspec.structs.replace(source, counted_at=source.at)
    return _take_step(counted, f"{source.name} rings", step, size)


def _take_step(counted: Source, said: str, step: banded.Step, size: Size) -> Proposal:
    replicas = banded.stepped(size.replicas, step)
    counted = msgspec.structs.replace(counted, recommended=replicas)
    said = f"{said}: step {step.change()} asks for {replicas}"
    return Proposal(counted, said, replicas, working=said)
