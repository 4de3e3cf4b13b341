"""Playing a policy over time, in memory: the function's own decisions, one look after the other. Pure.

As the function does it: a look when the alarm changes its state, then follow-ups for as long as one is needed, at
most one decision in each slot. The alarm looks at each datapoint when its period is over: ALARM beyond the
threshold, OK otherwise, INSUFFICIENT_DATA without a value. Nobody approves, pauses or scales by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Datapoint
from bellhop.errors import RefusedError
from bellhop.scaling.decision import Size
from bellhop.scaling.evaluation import Bounds, evaluate
from bellhop.scaling.policy import Policy
from bellhop.scaling.simulated_alarm import REPEATED_EVERY, SimulatedAlarm
from bellhop.scaling.simulated_load import Load, Pods, Series, measured
from bellhop.scaling.sources import readings, taken_in
from bellhop.scaling.transitions import closed, decided, is_decided, needs_follow_up, next_look
from bellhop.scaling.workload import Workload

PODS_START_AFTER = timedelta(seconds=30)
PERIOD = timedelta(minutes=1)

#: A target without bounds of its own.
NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Tick:
    """One look. value: the newest datapoint then; None: there is none. replicas, ready: before the look; desired:
    after it. working: the arithmetic, line by line."""

    at: datetime
    value: float | None
    replicas: int
    ready: int
    desired: int
    reason: str
    because: str
    working: tuple[str, ...] = ()

    @property
    def change(self) -> int:
        return self.desired - self.replicas


@dataclass(frozen=True, slots=True)
class Measured:
    """One datapoint. at: the start of its period. replicas, ready: at its end."""

    at: datetime
    value: float | None
    replicas: int
    ready: int


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: every look, every datapoint, and the policy with its memory as it is at the end.

    size: of the start, until the first look. ready: how many pods were, from when on. threshold: the alarm's. due:
    when the next follow-up would be; None: nobody looks again until the alarm changes.
    """

    start: datetime
    until: datetime
    size: Size
    threshold: float
    ticks: tuple[Tick, ...]
    measured: tuple[Measured, ...]
    ready: tuple[tuple[datetime, int], ...]
    policy: Policy
    due: datetime | None


def play(
    policy: Policy,
    *,
    size: Size,
    series: Series,
    start: datetime,
    until: datetime,
    load: Load,
    pods_start_after: timedelta = PODS_START_AFTER,
    threshold: float | None = None,
    period: timedelta = PERIOD,
    repeated_every: timedelta = REPEATED_EVERY,
    trigger: int = 0,
    bounds: Bounds = NO_BOUNDS,
    at_once: bool = False,
) -> Played:
    """Play the policy, from what its status remembers, from `start` to `until` (both with a time zone).

    size: of the start; `series` is what so many pods would measure when `load` is shared. threshold: the
    alarm's; the trigger's own or its target when not given. period: the metric's; periods begin at its whole
    multiples. repeated_every: how often a pushed alert is repeated. trigger: which of the policy's; there are no
    others. at_once: there is a datapoint of `series(start)` at the start, and a look. `dryRun` counts for
    nothing: what would happen is what is asked.

    Raises InvalidInputError: no such trigger, no threshold; RefusedError(PolicyInvalid).
    """
    if problem := policy.problem():
        raise RefusedError("PolicyInvalid", f"policy {policy.namespace}/{policy.name}: {problem}")
    bell = SimulatedAlarm(policy, trigger, threshold, repeated_every)
    pods = Pods(size, start, pods_start_after)
    run = _Run(bell, pods, bounds, period)
    if at_once:
        run.ring(start, Datapoint(series(start) or 0.0, start))
        run.look(start)
    points: list[Measured] = []
    arrival = _period_start(start, period) + period
    while (now := min(arrival, run.due or arrival)) <= until:
        pods.advance(now)
        if now == arrival:
            begin, arrival = arrival - period, arrival + period
            value = measured(series, pods, load, size.replicas, begin, period)
            points.append(Measured(begin, value, pods.replicas, pods.size.ready))
            run.datapoint(now, None if value is None else Datapoint(value, begin))
        if run.due is not None and run.due <= now:
            run.follow_up(now)
    pods.advance(until)
    return Played(
        start=start,
        until=until,
        size=size,
        threshold=bell.threshold,
        ticks=tuple(run.ticks),
        measured=tuple(points),
        ready=tuple(pods.levels),
        policy=run.policy,
        due=run.due,
    )


def _period_start(now: datetime, period: timedelta) -> datetime:
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + (now - epoch) // period * period


class _Run:
    """The policy's memory from look to look. due: when the next follow-up is."""

    def __init__(self, bell: SimulatedAlarm, pods: Pods, bounds: Bounds, period: timedelta) -> None:
        self.policy = bell.policy
        self.ticks: list[Tick] = []
        self.due: datetime | None = None
        self._bell, self._pods, self._bounds, self._period = bell, pods, bounds, period
        self._newest: Datapoint | None = None

    def ring(self, now: datetime, point: Datapoint | None) -> None:
        """The alarm's state and datapoint are taken in, changed or not."""
        self._newest = point
        self._take(self._bell.event(now, point), now)

    def datapoint(self, now: datetime, point: Datapoint | None) -> None:
        """A datapoint arrives; the policy is looked at when the alarm says something about it."""
        self._newest = point
        event = self._bell.news(now, point)
        if event is None:
            return
        self._take(event, now)
        if is_decided(self.policy, now):
            self._arm(now)
        else:
            self.look(now)

    def follow_up(self, now: datetime) -> None:
        self.due = None
        if not is_decided(self.policy, now):
            self.look(now)

    def look(self, now: datetime) -> None:
        policy, bell, size = self.policy, self._bell, self._pods.size
        metrics = {} if bell.metric is None else {bell.id: bell.metric}
        read = {} if bell.metric is None or self._newest is None else {bell.id: self._newest}
        found = readings(policy, now, metrics=metrics, datapoints=read)
        evaluation = evaluate(policy, size, found, now, bounds=self._bounds)
        workload = Workload(policy.namespace, policy.target_kind, policy.target_name, "", "", size)
        status = decided(policy, workload, evaluation, cause="", actor="", owner="", now=now, lease_until=now)
        status = closed(status, applied=True, now=now)
        self.policy = msgspec.structs.replace(policy, status=status)
        if needs_follow_up(policy, evaluation, max(policy.spec.min_replicas, self._bounds.floor), now):
            self._arm(now)
        decision = evaluation.decision
        self._pods.resize(now, decision.replicas)
        self.ticks.append(
            Tick(
                now,
                None if self._newest is None else self._newest.value,
                size.replicas,
                size.ready,
                decision.replicas,
                str(decision.reason),
                decision.because,
                evaluation.working,
            )
        )

    def _take(self, event: AlarmEvent, now: datetime) -> None:
        status = taken_in(self.policy.status, self._bell.trigger, event, now)
        self.policy = msgspec.structs.replace(self.policy, status=status)

    def _arm(self, now: datetime) -> None:
        self.due = next_look(self.policy, now)
