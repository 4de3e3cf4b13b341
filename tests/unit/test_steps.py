"""Steps: which band a breach is in, what size it makes, and which lists of bands are none.

The cases of rounding and of bounds are those of AWS's page on step scaling policies.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.steps import Step, StepType, band, problem, stepped


def pods(value: int, lower: float | None = None, upper: float | None = None) -> Step:
    return Step(type=StepType.PODS, value=value, lower_bound=lower, upper_bound=upper)


def percent(value: int) -> Step:
    return Step(type=StepType.PERCENT, value=value)


def replicas(value: int) -> Step:
    return Step(type=StepType.REPLICAS, value=value)


# Both ways around the threshold, as the page's two policies are.
BANDS = (pods(-30, None, -20), pods(-10, -20, -10), pods(0, -10, 10), pods(10, 10, 20), pods(30, 20, None))


@pytest.mark.parametrize(
    ("breach", "value"),
    [
        (-100, -30),
        (-20, -30),
        (-19.9, -10),
        (-10, -10),
        (-9.9, 0),
        (0, 0),
        (9.9, 0),
        (10, 10),
        (19.9, 10),
        (20, 30),
        (1e9, 30),
    ],
)
def test_above_the_threshold_the_lower_bound_belongs_to_the_band_and_below_it_the_upper(
    breach: float, value: int
) -> None:
    found = band(BANDS, breach)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize("breach", [-0.1, 10, 25])
def test_a_breach_outside_of_all_bands_has_no_step(breach: float) -> None:
    assert band((pods(1, 0, 5), pods(2, 5, 10)), breach) is None


def test_a_band_that_ends_at_the_threshold_is_for_what_is_below_it() -> None:
    below = (pods(-1, None, 0),)
    assert band(below, -0.1) is below[0]
    assert band(below, 0) is None


@pytest.mark.parametrize("breach", [-1e9, 0, 1e9, None])
def test_an_open_band_takes_every_breach_and_an_alarm_without_a_value(breach: float | None) -> None:
    everything = pods(2)
    assert everything.covers_all
    assert band((everything,), breach) is everything


def test_without_a_value_a_band_with_a_bound_is_not_taken() -> None:
    assert band((pods(1, None, 0), pods(2, 0, None)), None) is None


@pytest.mark.parametrize(
    ("current", "value", "size"),
    [
        (667, 1, 673),  # 6.67 -> 6
        (67, 1, 68),  # 0.67 -> 1
        (667, -1, 661),  # -6.67 -> -6
        (67, -1, 66),  # -0.67 -> -1
        (10, 10, 11),
        (10, 15, 11),
        (10, 25, 12),
        (10, -15, 9),
        (3, 100, 6),
        (3, 0, 3),
        (0, 50, 0),
        (4, -100, 0),
        (4, -500, 0),
    ],
)
def test_percent_is_rounded_towards_zero_and_is_at_least_one_pod(current: int, value: int, size: int) -> None:
    assert stepped(current, percent(value)) == size


@pytest.mark.parametrize(
    ("current", "step", "size"),
    [(4, pods(2), 6), (4, pods(-2), 2), (4, pods(-9), 0), (4, replicas(10), 10), (4, replicas(0), 0)],
)
def test_pods_are_added_and_replicas_are_the_size_itself(current: int, step: Step, size: int) -> None:
    assert stepped(current, step) == size


@pytest.mark.parametrize(
    ("step", "said", "shrinks"),
    [
        (pods(2), "+2 pods", False),
        (pods(-2), "-2 pods", True),
        (percent(50), "+50 %", False),
        (percent(-25), "-25 %", True),
        (replicas(10), "to 10", False),
    ],
)
def test_a_change_is_said_in_words(step: Step, said: str, shrinks: bool) -> None:
    assert (step.change(), step.shrinks) == (said, shrinks)


@pytest.mark.parametrize(
    "steps",
    [
        BANDS,
        BANDS[::-1],
        (pods(1),),
        (pods(1, 0, 5),),
        (pods(-1, None, 0), pods(1, 0, None)),
        (replicas(0),),
    ],
)
def test_bands_that_meet_have_no_problem_in_any_order(steps: tuple[Step, ...]) -> None:
    assert problem(steps) is None


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "no band"),
        ((pods(1, 5, 5),), "steps[0]: lowerBound is not below upperBound"),
        ((pods(1, 0, 5), pods(1, 9, 5)), "steps[1]: lowerBound is not below upperBound"),
        ((replicas(-1),), "steps[0]: -1 replicas are below 0"),
        ((pods(1, math.nan),), "nan is not a finite number"),
        ((pods(1, 0, math.inf),), "inf is not a finite number"),
        ((pods(1, 0, 10), pods(2, 5, 15)), "two bands overlap"),
        ((pods(1, 0, 10), pods(2, 2, 3), pods(3, 10, 20)), "two bands overlap"),
        ((pods(1), pods(2)), "two bands overlap"),
        ((pods(1, 0), pods(2, 5)), "two bands overlap"),
        ((pods(1, None, 5), pods(2, None, 9)), "two bands overlap"),
        ((pods(1, 10), pods(2, 0, 5)), "no band from 5 to 10"),
    ],
)
def test_bands_that_overlap_or_leave_a_gap_are_named(steps: tuple[Step, ...], said: str) -> None:
    found = problem(steps)
    assert found is not None
    assert said in found


def _meeting(edges: list[float]) -> list[Step]:
    bounds = [None, *sorted(edges), None]
    return [pods(place, *edge) for place, edge in enumerate(pairwise(bounds))]


_EDGES = st.lists(st.floats(-1e6, 1e6), unique=True, max_size=6)


@given(_EDGES, st.floats(-2e6, 2e6))
def test_bands_that_meet_take_every_breach_exactly_once(edges: list[float], breach: float) -> None:
    steps = _meeting(edges)
    assert problem(steps) is None
    takers = [step for step in steps if step.covers(breach)]
    assert takers == [band(steps, breach)]


@given(st.integers(1, 10_000), st.sampled_from([StepType.PODS, StepType.PERCENT]), st.integers(-200, 500))
def test_a_step_changes_the_size_its_own_way_and_never_below_zero(
    current: int, kind: StepType, value: int
) -> None:
    size = stepped(current, Step(type=kind, value=value))
    assert size >= 0
    assert (size > current, size < current) == (value > 0, value < 0)
