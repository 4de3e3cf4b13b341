"""What a policy remembers: nothing that a window, a rate or a late datapoint still needs is ever dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.behavior import (
    Behavior,
    Rate,
    RateType,
    Recommendation,
    Rules,
    ScaleEvent,
    rate_limited,
    stabilised,
)
from bellhop.scaling.decision import Size
from bellhop.scaling.history import remembered
from bellhop.scaling.status import PastChange, PastReady, PastRecommendation, Status

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOTHING = Status()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def rules(window: int, *periods: int) -> Rules:
    rates = [Rate(type=RateType.PODS, value=2, period_seconds=period) for period in periods or (15,)]
    return Rules(stabilization_window_seconds=window, policies=tuple(rates))


def behavior(up: int = 0, down: int = 300) -> Behavior:
    return Behavior(scale_up=rules(up), scale_down=rules(down))


def look(
    status: Status,
    now: float,
    recommendation: int | None,
    *,
    change: int = 0,
    size: int = 4,
    by: Behavior | None = None,
) -> Status:
    return remembered(
        status,
        by or behavior(),
        size=Size(size, size),
        recommendation=recommendation,
        change=change,
        now=at(now),
    )


def kept(status: Status) -> list[tuple[float, int]]:
    return [((past.at - T0).total_seconds(), past.replicas) for past in status.recommendations]


# ------------------------------------------------------------ recommendations
def test_first_sight_remembers_the_present_size_as_recommended() -> None:
    assert kept(look(NOTHING, 0, None, size=7)) == [(0, 7)]
    assert kept(look(NOTHING, 0, 2, size=7)) == [(0, 7), (0, 2)]
    assert kept(look(NOTHING, 0, 0, size=7)) == [(0, 7), (0, 0)], "zero is a recommendation too"


def test_a_look_without_a_recommendation_adds_none() -> None:
    seen = look(NOTHING, 0, None, size=7)
    assert kept(look(seen, 15, None, size=3)) == [(0, 7)]


def test_the_newest_recommendation_is_kept_however_old_it_is() -> None:
    """Else a look after a long pause would be a first sight."""
    seen = look(NOTHING, 0, 9, size=7)
    assert kept(look(seen, 10**6, None)) == [(0, 9)]


def test_what_a_newer_one_outdoes_on_both_sides_is_dropped() -> None:
    status = NOTHING
    for second, replicas in enumerate((5, 5, 9, 2, 3, 3)):
        status = look(status, second, replicas, size=5)
    assert kept(status) == [(2, 9), (3, 2), (5, 3)]


def test_what_is_as_old_as_the_longest_window_is_dropped() -> None:
    by = behavior(up=60, down=30)
    seen = look(NOTHING, 0, 9, size=9, by=by)
    assert kept(look(seen, 59.9, 5, by=by)) == [(0, 9), (59.9, 5)]
    assert kept(look(seen, 60, 5, by=by)) == [(60, 5)]


looks = st.lists(st.tuples(st.integers(1, 200), st.none() | st.integers(0, 20)), min_size=1, max_size=40)


@given(
    looks=looks,
    windows=st.tuples(st.integers(0, 900), st.integers(0, 900)),
    asked=st.tuples(st.integers(0, 900), st.integers(0, 900)),
    sizes=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    later=st.integers(0, 300),
)
def test_what_is_dropped_never_changes_what_any_window_says(
    looks: list[tuple[int, int | None]],
    windows: tuple[int, int],
    asked: tuple[int, int],
    sizes: tuple[int, int],
    later: int,
) -> None:
    declared = behavior(*windows)
    # Any shorter window too: the spec may be edited at any time.
    shorter = behavior(min(asked[0], max(windows)), min(asked[1], max(windows)))
    everything: list[PastRecommendation] = []
    status, now = NOTHING, 0
    for seconds, replicas in looks:
        now += seconds
        if not everything:
            everything.append(PastRecommendation(at=at(now), replicas=4))
        if replicas is not None:
            everything.append(PastRecommendation(at=at(now), replicas=replicas))
        status = look(status, now, replicas, by=declared)
        assert 1 <= len(status.recommendations) <= 42, "at most one for each value and side"
    desired, current = sizes
    for by in (declared, shorter):
        full = stabilised(desired, current, by, ago(everything, now + later))
        assert stabilised(desired, current, by, ago(status.recommendations, now + later)) == full


def ago(past: list[PastRecommendation] | tuple[PastRecommendation, ...], now: float) -> list[Recommendation]:
    return [
        Recommendation(seconds_ago=(at(now) - each.at).total_seconds(), replicas=each.replicas)
        for each in past
    ]


# ------------------------------------------------------------ changes of size
def changes(status: Status) -> list[tuple[float, int]]:
    return [((event.at - T0).total_seconds(), event.change) for event in status.scale_events]


def test_changes_of_either_direction_are_remembered_and_looks_without_one_are_not() -> None:
    status = look(look(look(NOTHING, 0, 4, change=3), 5, 4), 10, 4, change=-2)
    assert changes(status) == [(0, 3), (10, -2)]


def test_a_change_is_kept_for_the_longest_period_of_either_direction() -> None:
    for by in (
        Behavior(scale_up=rules(0, 15, 120), scale_down=rules(0, 60)),
        Behavior(scale_up=rules(0, 60), scale_down=rules(0, 120, 15)),
    ):
        status = look(look(NOTHING, 0, 4, change=3, by=by), 60, 4, change=1, by=by)
        assert changes(look(status, 119.9, 4, by=by)) == [(0, 3), (60, 1)]
        assert changes(look(status, 120, 4, by=by)) == [(60, 1)]


def test_the_newest_change_is_kept_until_there_is_another() -> None:
    """Else a change that is taken back would take the time of the one before with it."""
    status = look(NOTHING, 0, 4, change=3)
    assert changes(look(status, 10**6, 4)) == [(0, 3)]
    status = look(look(status, 10**6, 4, change=1), 10**6 + 60, 4)
    assert changes(status) == [(10**6, 1)]


@given(
    looks=st.lists(st.tuples(st.integers(1, 90), st.integers(-5, 5)), min_size=1, max_size=20),
    periods=st.tuples(*[st.integers(1, 300)] * 3),
    later=st.integers(0, 200),
    desired=st.integers(0, 60),
)
def test_what_is_dropped_never_changes_what_the_rates_allow(
    looks: list[tuple[int, int]], periods: tuple[int, int, int], later: int, desired: int
) -> None:
    by = Behavior(scale_up=rules(0, periods[0], periods[1]), scale_down=rules(0, periods[2]))
    status, now = NOTHING, 0
    everything: list[PastChange] = []
    for seconds, change in looks:
        now += seconds
        everything.append(PastChange(at=at(now), change=change))
        status = look(status, now, None, change=change, by=by)

    def allowed(past: tuple[PastChange, ...]) -> int:
        events = [
            ScaleEvent(seconds_ago=(at(now + later) - e.at).total_seconds(), change=e.change) for e in past
        ]
        return rate_limited(desired, 30, 0, 1000, by, events)[0]

    assert allowed(status.scale_events) == allowed(tuple(everything))


# ------------------------------------------------------------ ready pods
def test_ready_pods_are_remembered_and_age_out_after_ten_minutes() -> None:
    status = NOTHING
    for second in (0, 300, 599.9):
        status = look(status, second, None, size=int(second) // 100)
    assert [ready.ready for ready in status.ready_pods] == [0, 3, 5]
    status = look(status, 600, None, size=8)
    assert [ready.at for ready in status.ready_pods] == [at(300), at(599.9), at(600)]


def test_ready_pods_are_counted_and_not_replicas() -> None:
    status = remembered(NOTHING, behavior(), size=Size(9, 2), recommendation=None, change=0, now=at(0))
    assert status.ready_pods == (PastReady(at=at(0), ready=2),)


def test_the_rest_of_the_status_stays() -> None:
    status = Status(told="NothingRings", desired_replicas=4, last_scale_time=at(-9))
    after = look(status, 0, 4, change=2)
    assert msgspec.structs.replace(after, recommendations=(), scale_events=(), ready_pods=()) == status
