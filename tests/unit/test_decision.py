"""The HPA's decision: cases of its own tests, an independent reading of its code, and properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.behavior import (
    Behavior,
    Rate,
    RateType,
    Recommendation,
    Rules,
    ScaleEvent,
    SelectPolicy,
)
from bellhop.scaling.decision import Case, Metric, Size, TargetType, decide, recommend
from bellhop.scaling.reason import Reason

DEFAULT = Behavior()


def rate(type: RateType, value: int, period: int) -> Rate:
    return Rate(type=type, value=value, period_seconds=period)


def rules(*rates: Rate, window: int = 0, select: SelectPolicy = SelectPolicy.MAX) -> Rules:
    return Rules(stabilization_window_seconds=window, policies=rates, select_policy=select)


def case(
    current: int,
    desired: int,
    *,
    minimum: int = 1,
    maximum: int = 1000,
    up: Rules | None = None,
    down: Rules | None = None,
    recommended: tuple[tuple[float, int], ...] = (),
    changes: tuple[tuple[float, int], ...] = (),
) -> Case:
    behavior = Behavior(scale_up=up or DEFAULT.scale_up, scale_down=down or DEFAULT.scale_down)
    return Case(
        Size(current, current),
        minimum,
        maximum,
        behavior,
        desired=desired,
        recommendations=[Recommendation(seconds_ago=ago, replicas=n) for ago, n in recommended],
        scale_events=[ScaleEvent(seconds_ago=ago, change=n) for ago, n in changes],
    )


def outcome(one: Case) -> tuple[int, Reason]:
    decision = decide(one)
    assert decision.because
    return decision.replicas, decision.reason


@pytest.mark.parametrize(
    ("replicas", "ready", "type", "value", "target", "wanted"),
    [
        (1, 1, TargetType.VALUE, 8600, 4400, 2),
        (3, 1, TargetType.VALUE, 8600, 4400, 2),
        (3, 3, TargetType.VALUE, 8600, 8888, 3),
        (3, 3, TargetType.AVERAGE_VALUE, 8600, 2150, 4),
        (4, 4, TargetType.VALUE, 86, 60, 6),
        (0, 0, TargetType.VALUE, 8600, 4400, 2),
        (0, 0, TargetType.AVERAGE_VALUE, 8600, 2150, 4),
    ],
)
def test_the_recommendations_of_the_hpas_own_cases(
    replicas: int, ready: int, type: TargetType, value: float, target: float, wanted: int
) -> None:
    metric = Metric(value, target, type)
    assert recommend(Size(replicas, ready), value, metric, DEFAULT) == wanted


PODS, PERCENT = RateType.PODS, RateType.PERCENT


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (case(10, 50), (20, Reason.SCALE_UP_LIMIT)),
        (case(10, 500, up=rules(rate(PODS, 100, 60), rate(PERCENT, 100, 60))), (110, Reason.SCALE_UP_LIMIT)),
        (
            case(100, 2, down=rules(rate(PODS, 20, 60), rate(PERCENT, 1, 60))),
            (80, Reason.SCALE_DOWN_LIMIT),
        ),
        (
            case(100, 500, up=rules(rate(PODS, 5, 120)), changes=((100, 1), (60, 5), (10, 9))),
            (100, Reason.SCALE_UP_LIMIT),
        ),
        (
            case(100, 3, down=rules(rate(PERCENT, 100, 15), window=180), recommended=((120, 4), (60, 5))),
            (5, Reason.DESIRED_WITHIN_RANGE),
        ),
        (case(10, 1, down=rules(rate(PERCENT, 80, 60))), (1, Reason.DESIRED_WITHIN_RANGE)),
        (case(10, 0, minimum=0, down=rules(rate(PERCENT, 80, 60))), (1, Reason.SCALE_DOWN_LIMIT)),
        (case(10, 12), (12, Reason.DESIRED_WITHIN_RANGE)),
        (case(10, 15, maximum=12), (12, Reason.TOO_MANY_REPLICAS)),
        (case(10, 1, minimum=3), (3, Reason.TOO_FEW_REPLICAS)),
        (
            case(10, 50, up=rules(rate(PODS, 1, 15), select=SelectPolicy.DISABLED)),
            (10, Reason.SCALE_UP_LIMIT),
        ),
        (
            case(10, 1, down=rules(rate(PODS, 1, 15), select=SelectPolicy.DISABLED)),
            (10, Reason.SCALE_DOWN_LIMIT),
        ),
        (
            case(10, 50, up=rules(rate(PODS, 3, 15), rate(PERCENT, 100, 15), select=SelectPolicy.MIN)),
            (13, Reason.SCALE_UP_LIMIT),
        ),
        (
            case(10, 1, down=rules(rate(PODS, 3, 15), rate(PERCENT, 50, 15), select=SelectPolicy.MIN)),
            (7, Reason.SCALE_DOWN_LIMIT),
        ),
        (case(20, 15, maximum=12), (12, Reason.TOO_MANY_REPLICAS)),
        (case(1, 9, minimum=3), (3, Reason.TOO_FEW_REPLICAS)),
        (case(0, 9), (0, Reason.SCALING_DISABLED)),
        (case(0, 9, minimum=0), (4, Reason.SCALE_UP_LIMIT)),
    ],
)
def test_rates_windows_and_limits(one: Case, expected: tuple[int, Reason]) -> None:
    assert outcome(one) == expected


def test_what_is_exactly_as_old_as_its_period_is_outside_of_it() -> None:
    held = rules(rate(PODS, 5, 60))
    assert outcome(case(10, 50, up=held, changes=((60, 5),))) == (15, Reason.SCALE_UP_LIMIT)
    assert outcome(case(10, 50, up=held, changes=((59.9, 5),))) == (10, Reason.SCALE_UP_LIMIT)
    window = rules(rate(PERCENT, 100, 15), window=60)
    assert outcome(case(10, 2, down=window, recommended=((60, 8),)))[0] == 2
    assert outcome(case(10, 2, down=window, recommended=((59.9, 8),)))[0] == 8


def test_what_was_removed_in_the_period_may_come_back() -> None:
    assert outcome(case(5, 50, up=rules(rate(PODS, 2, 60)), changes=((30, -5),)))[0] == 12


def test_both_windows_bound_at_once() -> None:
    up = rules(rate(PERCENT, 100, 15), window=60)
    assert outcome(case(10, 20, up=up, recommended=((30, 12),)))[0] == 12


def metrics_case(*metrics: Metric, replicas: int = 4) -> Case:
    calm = rules(rate(PODS, 100, 15))
    return Case(Size(replicas, replicas), 1, 100, Behavior(scale_up=calm, scale_down=calm), metrics=metrics)


def test_of_several_metrics_the_largest_recommendation_counts() -> None:
    decision = decide(metrics_case(Metric(90, 60, name="cpu"), Metric(300, 100, name="queue")))
    assert decision.replicas == 12
    assert decision.because == "queue 300 of 100 over 4 pods asks for 12"


def test_a_metric_that_cannot_be_read_blocks_only_going_down() -> None:
    missing = Metric(None, 60, name="cpu")
    assert decide(metrics_case(Metric(300, 100), missing)).replicas == 12
    held = decide(metrics_case(Metric(10, 100), missing))
    assert held.replicas == 4
    assert "another metric could not be read" in held.because


def test_with_no_metric_at_all_nothing_changes() -> None:
    decision = decide(metrics_case(Metric(None, 60)))
    assert (decision.replicas, decision.reason) == (4, Reason.METRIC_MISSING)


# ------------------------------------------------------------ as properties
rates = st.builds(
    Rate, type=st.sampled_from(RateType), value=st.integers(1, 200), period_seconds=st.integers(1, 600)
)
some_rules = st.builds(
    Rules,
    stabilization_window_seconds=st.integers(0, 600),
    policies=st.lists(rates, min_size=1, max_size=3).map(tuple),
    select_policy=st.sampled_from(SelectPolicy),
)
cases = st.builds(
    lambda low, span, size, behavior, desired, past, events: Case(
        size, low, max(1, low + span), behavior, desired=desired, recommendations=past, scale_events=events
    ),
    st.integers(0, 50),
    st.integers(0, 200),
    st.integers(0, 300).map(lambda n: Size(n, n)),
    st.builds(Behavior, scale_up=some_rules, scale_down=some_rules),
    st.integers(0, 400),
    st.lists(
        st.builds(Recommendation, seconds_ago=st.floats(0, 900), replicas=st.integers(0, 400)), max_size=6
    ),
    st.lists(st.builds(ScaleEvent, seconds_ago=st.floats(0, 900), change=st.integers(-50, 50)), max_size=6),
)


def reference(one: Case) -> int:  # noqa: C901  as plain as the prose, not as short
    """A second reading of the HPA's rate and window code, as plain as its prose and sharing nothing with ours."""
    current = one.size.replicas
    if current == 0 and one.min_replicas > 0:
        return 0
    if not one.min_replicas <= current <= one.max_replicas:
        return max(one.min_replicas, min(current, one.max_replicas))
    assert one.desired is not None
    lowest = highest = one.desired
    for past in one.recommendations:
        if past.seconds_ago < one.behavior.scale_up.stabilization_window_seconds:
            lowest = min(lowest, past.replicas)
        if past.seconds_ago < one.behavior.scale_down.stabilization_window_seconds:
            highest = max(highest, past.replicas)
    wanted = current
    wanted = max(wanted, lowest)
    wanted = min(wanted, highest)
    up = wanted > current
    direction = one.behavior.scale_up if up else one.behavior.scale_down
    if wanted == current:
        return current
    if direction.select_policy is SelectPolicy.DISABLED:
        return current
    proposals = []
    for each in direction.policies:
        added = sum(
            e.change for e in one.scale_events if e.change > 0 and e.seconds_ago < each.period_seconds
        )
        removed = -sum(
            e.change for e in one.scale_events if e.change < 0 and e.seconds_ago < each.period_seconds
        )
        start = current - added + removed
        sign = 1 if up else -1
        if each.type is RateType.PODS:
            proposals.append(start + sign * each.value)
        elif up:
            proposals.append(math.ceil(start * (1 + each.value / 100)))
        else:
            proposals.append(math.trunc(start * (1 - each.value / 100)))
    most = (max if up else min)(proposals)
    least = (min if up else max)(proposals)
    allowed = least if direction.select_policy is SelectPolicy.MIN else most
    if up:
        return min(wanted, one.max_replicas, max(allowed, current))
    return max(wanted, one.min_replicas, min(allowed, current))


@given(one=cases)
def test_it_agrees_with_a_second_reading_of_the_hpas_code(one: Case) -> None:
    assert decide(one).replicas == reference(one)


@given(one=cases)
def test_never_outside_the_limits_and_never_without_a_sentence(one: Case) -> None:
    decision = decide(one)
    if decision.reason is not Reason.SCALING_DISABLED:
        assert one.min_replicas <= decision.replicas <= one.max_replicas
    assert decision.because


@given(one=cases)
def test_it_moves_towards_what_is_wanted_or_not_at_all(one: Case) -> None:
    current = one.size.replicas
    if one.min_replicas <= current <= one.max_replicas and one.recommendations == []:
        assert one.desired is not None
        moved, wished = decide(one).replicas - current, one.desired - current
        assert moved * wished >= 0
        assert abs(moved) <= abs(wished)
