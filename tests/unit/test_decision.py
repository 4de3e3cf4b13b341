"""The HPA's arithmetic, against cases of its own tests and as properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.decision import Limits, Measurement, Reason, Size, TargetType, decide, recommend

WIDE = Limits(1, 1000)


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
def test_the_hpas_own_cases(
    replicas: int, ready: int, type: TargetType, value: float, target: float, wanted: int
) -> None:
    measured = Measurement("m", value, target, type)
    assert recommend(Size(replicas, ready), Limits(0, 1000), measured) == wanted


def test_at_exactly_the_tolerance_nothing_changes() -> None:
    size = Size(10, 10)
    assert recommend(size, WIDE, Measurement("m", 110, 100)) == 10
    assert recommend(size, WIDE, Measurement("m", 90, 100)) == 10
    assert recommend(size, WIDE, Measurement("m", 110.1, 100)) == 12
    assert recommend(size, WIDE, Measurement("m", 89.9, 100)) == 9


def test_tolerance_is_per_direction() -> None:
    limits = Limits(1, 1000, tolerance_up=0.5, tolerance_down=0.0)
    assert recommend(Size(10, 10), limits, Measurement("m", 150, 100)) == 10
    assert recommend(Size(10, 10), limits, Measurement("m", 99, 100)) == 10
    assert recommend(Size(10, 10), limits, Measurement("m", 90, 100)) == 9


def test_limits_come_before_the_metric() -> None:
    busy = Measurement("m", 600, 60)
    assert decide(Size(20, 20), Limits(1, 10), busy).replicas == 10
    assert decide(Size(1, 1), Limits(3, 10), Measurement("m", 1, 60)).replicas == 3
    assert decide(Size(20, 20), Limits(1, 10), None).reason is Reason.TOO_MANY_REPLICAS


def test_a_workload_scaled_to_zero_by_hand_is_left_alone() -> None:
    decision = decide(Size(0, 0), Limits(1, 10), Measurement("m", 600, 60))
    assert (decision.replicas, decision.reason) == (0, Reason.SCALING_DISABLED)


def test_from_zero_and_to_zero_where_the_minimum_is_zero() -> None:
    assert decide(Size(0, 0), Limits(0, 10), Measurement("m", 130, 60)).replicas == 3
    assert decide(Size(3, 3), Limits(0, 10), Measurement("m", 0, 60)).replicas == 0


def test_the_reason_names_the_limit_that_held() -> None:
    up = decide(Size(4, 4), Limits(1, 5), Measurement("cpu", 86, 60))
    assert (up.replicas, up.reason) == (5, Reason.TOO_MANY_REPLICAS)
    assert up.because == "cpu 86 of 60 over 4 pods asks for 6, held at maxReplicas 5"
    down = decide(Size(4, 4), Limits(3, 5), Measurement("cpu", 6, 60))
    assert (down.replicas, down.reason) == (3, Reason.TOO_FEW_REPLICAS)


def test_a_stale_metric_recommends_the_present_size() -> None:
    decision = decide(Size(4, 4), WIDE, Measurement("cpu", 86, 60, fresh=False))
    assert (decision.replicas, decision.reason) == (4, Reason.AWAITING_METRIC)


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
    decision = decide(size, limits, measurement)
    if decision.reason is not Reason.SCALING_DISABLED:
        assert limits.min_replicas <= decision.replicas <= limits.max_replicas
    assert decision.because
    assert decision == decide(size, limits, measurement)


@given(replicas=st.integers(1, 500), value=st.floats(0.1, 1e6), target=st.floats(0.1, 1e6))
def test_with_all_pods_ready_value_is_the_textbook_formula(
    replicas: int, value: float, target: float
) -> None:
    ratio = value / target
    wanted = recommend(Size(replicas, replicas), WIDE, Measurement("m", value, target))
    assert wanted == (replicas if 0.9 <= ratio <= 1.1 else math.ceil(ratio * replicas))
