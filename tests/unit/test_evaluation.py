"""What an alarm-driven scaler adds to the HPA's decision: one datapoint counts once, an outage shrinks nothing."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.evaluation import Limits, Measurement, evaluate
from bellhop.scaling.reason import Reason

WIDE = Limits(1, 1000)


def replicas(size: Size, limits: Limits, value: float, target: float) -> int:
    return evaluate(size, limits, Measurement("m", value, target)).replicas


def test_at_exactly_the_tolerance_nothing_changes() -> None:
    size = Size(10, 10)
    assert [replicas(size, WIDE, value, 100) for value in (110, 90, 110.1, 89.9)] == [10, 10, 12, 9]


def test_tolerance_is_per_direction() -> None:
    limits = Limits(1, 1000, tolerance_up=0.5, tolerance_down=0.0)
    assert [replicas(Size(10, 10), limits, value, 100) for value in (150, 99, 90)] == [10, 10, 9]


def test_limits_come_before_the_metric() -> None:
    assert replicas(Size(20, 20), Limits(1, 10), 600, 60) == 10
    assert replicas(Size(1, 1), Limits(3, 10), 1, 60) == 3
    assert evaluate(Size(20, 20), Limits(1, 10), None).reason is Reason.TOO_MANY_REPLICAS


def test_a_workload_scaled_to_zero_by_hand_is_left_alone() -> None:
    decision = evaluate(Size(0, 0), Limits(1, 10), Measurement("m", 600, 60))
    assert (decision.replicas, decision.reason) == (0, Reason.SCALING_DISABLED)


def test_from_zero_and_to_zero_where_the_minimum_is_zero() -> None:
    assert replicas(Size(0, 0), Limits(0, 10), 130, 60) == 3
    assert replicas(Size(3, 3), Limits(0, 10), 0, 60) == 0


def test_the_reason_names_the_limit_that_held() -> None:
    up = evaluate(Size(4, 4), Limits(1, 5), Measurement("cpu", 86, 60))
    assert (up.replicas, up.reason) == (5, Reason.TOO_MANY_REPLICAS)
    assert up.because == "cpu 86 of 60 over 4 pods asks for 6, held at maxReplicas 5"
    down = evaluate(Size(4, 4), Limits(3, 5), Measurement("cpu", 6, 60))
    assert (down.replicas, down.reason) == (3, Reason.TOO_FEW_REPLICAS)


def test_no_rate_and_no_window_holds_what_would_not_be_looked_at_again() -> None:
    assert replicas(Size(10, 10), WIDE, 5000, 100) == 500
    assert replicas(Size(500, 500), WIDE, 1, 100) == 5


def test_a_stale_metric_recommends_the_present_size() -> None:
    decision = evaluate(Size(4, 4), WIDE, Measurement("cpu", 86, 60, fresh=False))
    assert (decision.replicas, decision.reason) == (4, Reason.AWAITING_METRIC)


def test_without_a_ready_pod_nothing_changes() -> None:
    decision = evaluate(Size(4, 0), WIDE, Measurement("cpu", 86, 60))
    assert (decision.replicas, decision.reason) == (4, Reason.NO_READY_PODS)


sizes = st.integers(0, 500).flatmap(lambda n: st.builds(Size, st.just(n), st.integers(0, n)))
ranges = st.integers(0, 100).flatmap(
    lambda low: st.builds(
        Limits, st.just(low), st.integers(max(low, 1), 600), st.floats(0, 1), st.floats(0, 1)
    )
)
measurements = st.none() | st.builds(
    Measurement,
    st.just("m"),
    st.floats(-1e9, 1e9),
    st.floats(1e-3, 1e6),
    st.sampled_from(TargetType),
    st.booleans(),
)


@given(size=sizes, limits=ranges, measurement=measurements)
def test_never_outside_the_limits_and_never_without_a_sentence(
    size: Size, limits: Limits, measurement: Measurement | None
) -> None:
    decision = evaluate(size, limits, measurement)
    if decision.reason is not Reason.SCALING_DISABLED:
        assert limits.min_replicas <= decision.replicas <= limits.max_replicas
    assert decision.because


@given(count=st.integers(1, 500), value=st.floats(0.1, 1e6), target=st.floats(0.1, 1e6))
def test_with_all_pods_ready_value_is_the_textbook_formula(count: int, value: float, target: float) -> None:
    ratio = value / target
    wanted = count if 0.9 <= ratio <= 1.1 else math.ceil(ratio * count)
    assert replicas(Size(count, count), Limits(1, 10**12), value, target) == min(wanted, count + 1_000_000)
