"""What a policy is played against: pods that take time to start, and a metric that they share or do not. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median_low

from bellhop.scaling.decision import Size

#: A datapoint is the mean of so many moments of its period.
_MOMENTS = 60

type Series = Callable[[datetime], float | None]
"""The load's value at a moment; None: nothing was recorded."""


class Load(StrEnum):
    """What the series says. `shared`: what the metric would be if the pods of the start carried the load; with
    twice as many ready it is half (CPU, latency). `as-is`: what is measured, whatever the size: right for sums
    (queue depth, requests), too dark for the rest.
    """

    SHARED = "shared"
    AS_IS = "as-is"


class Pods:
    """Replicas asked for, and how many of them are ready at each moment. New pods are ready `start_after` later;
    those that are not ready yet go first, and at once."""

    def __init__(self, size: Size, start: datetime, start_after: timedelta) -> None:
        self.replicas = size.replicas
        self._start_after = start_after
        self._times, self._ready = [start], [min(size.ready, size.replicas)]
        self._starting: list[tuple[datetime, int]] = []
        if size.ready < size.replicas:
            self._starting.append((start + start_after, size.replicas - size.ready))
        self.advance(start)

    @property
    def size(self) -> Size:
        return Size(self.replicas, self._ready[-1])

    @property
    def levels(self) -> list[tuple[datetime, int]]:
        """How many were ready from when on."""
        return list(zip(self._times, self._ready, strict=True))

    def advance(self, now: datetime) -> None:
        """Let those become ready that are due."""
        while self._starting and self._starting[0][0] <= now:
            at, count = self._starting.pop(0)
            self._level(at, self._ready[-1] + count)

    def resize(self, now: datetime, replicas: int) -> None:
        added, self.replicas = replicas - self.replicas, replicas
        if added > 0:
            self._starting.append((now + self._start_after, added))
            self.advance(now)
            return
        gone = -added
        while gone and self._starting:
            at, count = self._starting.pop()
            if count > gone:
                self._starting.append((at, count - gone))
            gone -= min(count, gone)
        if gone:
            self._level(now, self._ready[-1] - gone)

    def ready_at(self, moment: datetime) -> int:
        """How many were ready then; before the start, as many as at it."""
        return self._ready[max(0, bisect_right(self._times, moment) - 1)]

    def _level(self, at: datetime, ready: int) -> None:
        self._times.append(at)
        self._ready.append(ready)


def held(samples: Sequence[tuple[datetime, float | None]], spacing: timedelta) -> Series:
    """A recorded series: each value lasts until the next one, at most `spacing`. samples: in order of time."""
    times = [at for at, _ in samples]

    def at(moment: datetime) -> float | None:
        place = bisect_right(times, moment) - 1
        if place < 0 or moment - times[place] >= spacing:
            return None
        return samples[place][1]

    return at


def usual_spacing(times: Sequence[datetime]) -> timedelta:
    """How far apart a series' values are, mostly; one minute when that cannot be told."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return median_low(gaps) if gaps else timedelta(minutes=1)


def measured(
    series: Series, pods: Pods, load: Load, start_pods: int, begin: datetime, period: timedelta
) -> float | None:
    """The datapoint of the period: the mean of what its moments measure; None when none of them measures.

    A shared load is measured by pods: without a ready one there is nothing.
    """
    found = []
    for moment in (begin + period * step / _MOMENTS for step in range(_MOMENTS)):
        value = series(moment)
        if value is None:
            continue
        if load is Load.SHARED:
            ready = pods.ready_at(moment)
            if ready == 0:
                continue
            value = value * max(1, start_pods) / ready
        found.append(value)
    return _mean(found)


def _mean(values: Sequence[float]) -> float | None:
    if not values:
        return None
    first = values[0]
    # Of equal values exactly that value: a datapoint at exactly the tolerance must stay there.
    mean = first + math.fsum(value - first for value in values) / len(values)
    return mean if math.isfinite(mean) else None
