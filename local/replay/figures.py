"""What a played series comes to, in figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from bellhop import durations
from bellhop.scaling.decision import TargetType
from bellhop.scaling.playing import Measured, Played, Tick
from bellhop.scaling.spec import Trigger


@dataclass(frozen=True, slots=True)
class Figures:
    """replica_hours: of replicas asked for. over: for how long the metric was beyond what is wanted. missing: for
    how long there was no value."""

    length: timedelta
    replica_hours: float
    ups: int
    downs: int
    lowest: int
    highest: int
    over: timedelta
    missing: timedelta

    @property
    def changes_per_hour(self) -> float:
        return (self.ups + self.downs) / (self.length / timedelta(hours=1))


def figures(played: Played, trigger: Trigger, period: timedelta) -> Figures:
    """The figures of a series played through a policy's trigger. period: the metric's."""
    sizes = list(sizes_of(played))
    hours = sum(
        replicas * ((later - at) / timedelta(hours=1)) for (at, replicas), (later, _) in pairwise(sizes)
    )
    over = sum(1 for point in played.measured if _is_over(point, trigger, played.threshold))
    missing = sum(1 for point in played.measured if point.value is None)
    return Figures(
        length=played.until - played.start,
        replica_hours=hours,
        ups=sum(1 for tick in played.ticks if tick.change > 0),
        downs=sum(1 for tick in played.ticks if tick.change < 0),
        lowest=min(replicas for _, replicas in sizes),
        highest=max(replicas for _, replicas in sizes),
        over=over * period,
        missing=missing * period,
    )


def sizes_of(played: Played) -> Iterator[tuple[datetime, int]]:
    """The replicas asked for: from when on how many; the last is that of the end."""
    yield played.start, played.size.replicas
    last = played.size.replicas
    for tick in played.ticks:
        if tick.change:
            last = tick.desired
            yield tick.at, last
    yield played.until, last


def wanted(trigger: Trigger, threshold: float, replicas: int) -> float:
    """What the metric should not be beyond with so many replicas: the target, the target's share for each of
    them, or the threshold of steps."""
    target = trigger.target
    if target is None or target.wanted is None:
        return threshold
    return target.wanted * replicas if target.type is TargetType.AVERAGE_VALUE else target.wanted


def _is_over(point: Measured, trigger: Trigger, threshold: float) -> bool:
    return point.value is not None and point.value > wanted(trigger, threshold, point.replicas)


def as_lines(found: Figures) -> list[str]:
    """The figures for people."""
    rows = [
        ("length", durations.say(found.length)),
        ("replica-hours", f"{found.replica_hours:.1f}"),
        ("scale-ups", str(found.ups)),
        ("scale-downs", str(found.downs)),
        ("changes per hour", f"{found.changes_per_hour:.2f}"),
        ("lowest, highest", f"{found.lowest}, {found.highest} replicas"),
        ("over target", f"{found.over.total_seconds():.0f} s ({found.over / found.length:.1%})"),
        ("without a value", f"{found.missing.total_seconds():.0f} s"),
    ]
    return [f"{name:<17} {value}" for name, value in rows]


def as_table(played: Played, *, counted: bool) -> list[str]:
    """One line for each change of size. counted: times count from the start."""
    rows = [f"{'time':<20} {'metric':>10} {'from':>5} {'to':>5}  reason"]
    rows += [_row(tick, counted=counted) for tick in played.ticks if tick.change]
    return rows


def _row(tick: Tick, *, counted: bool) -> str:
    value = "-" if tick.value is None else f"{tick.value:.4g}"
    at = _elapsed(tick.at) if counted else f"{tick.at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{at:<20} {value:>10} {tick.replicas:>5} {tick.desired:>5}  {tick.reason}: {tick.because}"


def _elapsed(at: datetime) -> str:
    seconds = int(at.timestamp())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
