"""Timing that can be trusted on a busy machine: rounds in turn, medians, spreads, ratios round by round."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

#: A timed part lasts at least this long, so that the clock's own cost does not count.
_LEAST_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Sample:
    """One value for each round, in the order of the rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The values a quarter and three quarters of the way up; of a single value, itself twice."""
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def times(self, factor: float) -> Sample:
        """In another unit."""
        return Sample(tuple(value * factor for value in self.values))

    def over(self, other: Sample) -> Sample:
        """The ratio to the other's value of the same round: a machine that slows down slows both."""
        return Sample(tuple(mine / its for mine, its in zip(self.values, other.values, strict=True)))

    def percentile(self, share: float) -> float:
        """The least value that `share` (0 to 1) of all are not above (nearest rank)."""
        ranked = sorted(self.values)
        return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection in here; one before."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def interleaved(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    least_seconds: float = _LEAST_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Sample]:
    """Seconds for one call of each, over the rounds. Ours and the peer are measured in one call of this.

    Each is called once to warm up, then as often in each round as fills `least_seconds`. Every round runs all of
    them, beginning with another one each time.
    """
    names = list(work)
    counts = {name: _fitting(work[name], least_seconds, clock) for name in names}
    taken: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds):
        first = round_ % len(names)
        for name in (*names[first:], *names[:first]):
            taken[name].append(_timed(work[name], counts[name], clock))
    return {name: Sample(tuple(values)) for name, values in taken.items()}


def _fitting(act: Callable[[], object], least_seconds: float, clock: Callable[[], float]) -> int:
    """How many calls last that long. The first call, which fills caches, does not count."""
    act()
    return max(1, math.ceil(least_seconds / max(_timed(act, 1, clock), 1e-9)))


def _timed(act: Callable[[], object], count: int, clock: Callable[[], float]) -> float:
    with collector_off():
        began = clock()
        for _ in range(count):
            act()
        return (clock() - began) / count
