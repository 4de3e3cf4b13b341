"""Whatever the policy and whatever the series: limits, slots and rates hold, by a checker of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.scaling.behavior import RateType, Rules, SelectPolicy
from bellhop.scaling.decision import Size
from bellhop.scaling.playing import Tick, play
from bellhop.scaling.policy import Policy, parse_policy
from bellhop.scaling.simulated_load import Load, held

START = datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)

rates = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Pods", "Percent"]),
        "value": st.integers(1, 120),
        "periodSeconds": st.sampled_from([1, 15, 60, 240, 600]),
    }
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "stabilizationWindowSeconds": st.sampled_from([0, 30, 120, 600]),
        "policies": st.lists(rates, min_size=1, max_size=3),
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "tolerance": st.floats(0, 0.5),
    },
)
targets = st.one_of(
    st.builds(lambda v: {"target": {"type": "Value", "value": v}}, st.floats(1, 200)),
    st.builds(lambda v: {"target": {"type": "AverageValue", "averageValue": v}}, st.floats(1, 200)),
    st.builds(
        lambda type_, low, high: {
            "threshold": 100.0,
            "steps": [
                {"type": type_, "value": low, "upperBound": 50.0},
                {"type": type_, "value": high, "lowerBound": 50.0},
            ],
        },
        st.sampled_from(["Pods", "Percent"]),
        st.integers(-50, 50),
        st.integers(1, 50),
    ),
)
alarms = st.sampled_from([{"alarm": {"name": "a"}}, {"alert": {"matchLabels": {"a": "b"}}}])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    least = draw(st.integers(0, 5))
    most = draw(st.integers(max(1, least), 60))
    spec: dict[str, Any] = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": least,
        "maxReplicas": most,
        "triggers": [draw(alarms) | draw(targets)],
        "evaluateEverySeconds": draw(st.sampled_from([15, 20, 60, 300])),
        "behavior": {"scaleUp": draw(rules), "scaleDown": draw(rules)},
        "activeFor": draw(st.sampled_from(["1m", "5h"])),
    }
    if draw(st.booleans()):
        spec["whenMetricMissing"] = {"replicas": draw(st.integers(least, most))}
    if most > least and draw(st.booleans()):
        spec["approval"] = {"above": draw(st.integers(least, most - 1))}
    metadata = {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "1"}
    return parse_policy({"metadata": metadata, "spec": spec})


values = st.one_of(st.none(), st.floats(0, 1000), st.sampled_from([0.0, 60.0, 66.0, 1e12]))


@settings(max_examples=150)
@given(
    policy=policies(),
    series=st.lists(st.tuples(values, st.integers(1, 6)), min_size=1, max_size=12),
    load=st.sampled_from(Load),
    start=st.integers(0, 60),
    pods_start_after=st.sampled_from([0, 30, 200]),
)
def test_limits_slots_and_rates_always_hold(
    policy: Policy, series: list[tuple[float | None, int]], load: Load, start: int, pods_start_after: int
) -> None:
    spec = policy.spec
    size = min(max(start, spec.min_replicas), spec.max_replicas)
    flat = [value for value, minutes in series for _ in range(minutes)]
    minute = timedelta(minutes=1)
    played = play(
        policy,
        size=Size(size, size),
        series=held([(START + place * minute, value) for place, value in enumerate(flat)], minute),
        start=START,
        until=START + len(flat) * minute,
        load=load,
        pods_start_after=timedelta(seconds=pods_start_after),
    )
    ticks = played.ticks
    assert all(spec.min_replicas <= tick.desired <= spec.max_replicas for tick in ticks)
    slots = [math.floor(tick.at.timestamp() / spec.evaluate_every_seconds) for tick in ticks]
    assert len(set(slots)) == len(slots)
    assert [tick.replicas for tick in ticks] == [size, *(tick.desired for tick in ticks[:-1])][: len(ticks)]
    assert all(0 <= tick.ready <= tick.replicas for tick in ticks)
    behavior = spec.full_behavior
    for place, tick in enumerate(ticks):
        if tick.change > 0:
            assert tick.desired <= fastest(behavior.scale_up, tick, ticks[:place], up=True)
        if tick.change < 0:
            assert tick.desired >= fastest(behavior.scale_down, tick, ticks[:place], up=False)


def fastest(rules: Rules, tick: Tick, before: Sequence[Tick], *, up: bool) -> int:
    """How far the rates allow the size to go at the tick, in exact numbers; a pod more for percentages, whose
    floating point may round past a whole number as the HorizontalPodAutoscaler's does."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return tick.replicas
    limits = []
    for rate in rules.policies:
        period = timedelta(seconds=rate.period_seconds)
        begun = tick.replicas - sum(past.change for past in before if tick.at - past.at < period)
        sign = 1 if up else -1
        if rate.type is RateType.PODS:
            limits.append(begun + sign * rate.value)
            continue
        exact = begun * (1 + sign * Fraction(rate.value, 100))
        limits.append(math.ceil(exact) + 1 if up else math.trunc(exact) - 1)
    widest = (rules.select_policy is SelectPolicy.MAX) is up
    limit = max(limits) if widest else min(limits)
    return max(limit, tick.replicas) if up else min(limit, tick.replicas)
