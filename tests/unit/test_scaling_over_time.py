"""What an autoscaler owes its users over minutes: it arrives, it does not compound, it waits, it comes back."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.alarms.alarm import AlarmEvent, Datapoint, State
from bellhop.scaling.behavior import DeclaredBehavior, DeclaredRules, Rate, RateType
from bellhop.scaling.decision import TargetType
from bellhop.scaling.spec import AlarmMatch, AlertMatch, MetricTarget, Trigger
from bellhop.scaling.status import Phase
from tests.unit.scaling_life import Change, Life
from tests.unit.scaling_world import START, World, alarm, alert, world

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
HPA = DeclaredBehavior()


def value_of(value: float, type_: TargetType = TargetType.VALUE) -> MetricTarget:
    if type_ is TargetType.VALUE:
        return MetricTarget(type=type_, value=value)
    return MetricTarget(type=type_, average_value=value)


def pushed(target: MetricTarget, **declared: object) -> World:
    trigger = Trigger(alert=AlertMatch(match_labels={"team": "shop"}), target=target)
    return world(triggers=(trigger,), **declared)  # type: ignore[arg-type]


def slots(changes: list[Change], every: int) -> list[int]:
    return [int(change.at.timestamp()) // every for change in changes]


# ------------------------------------------------------------ it arrives
@given(value=st.integers(1, 3000), pods=st.integers(1, 5), period=st.sampled_from([15, 30, 60]))
@settings(max_examples=60)
def test_a_sustained_alarm_with_a_single_event_reaches_its_target(value: int, pods: int, period: int) -> None:
    rate = Rate(type=RateType.PODS, value=pods, period_seconds=period)
    slow = DeclaredBehavior(
        scale_up=DeclaredRules(policies=(rate,)),
        scale_down=DeclaredRules(policies=(rate,), stabilization_window_seconds=0),
    )
    it = pushed(value_of(60, TargetType.AVERAGE_VALUE), behavior=slow, max_replicas=40)
    it.by_alarm().take(alert(value=str(value)), owner="a")
    it.follow_ups(START + 60 * MINUTE)
    share = value / (60 * 4)
    expected = 4 if 0.9 <= share <= 1.1 else min(40, max(2, math.ceil(value / 60)))
    assert it.workload_now().size.replicas == expected


def test_a_rate_limited_way_up_goes_on_to_its_end_on_one_datapoint() -> None:
    it = world(behavior=HPA, max_replicas=30)
    it.value = Datapoint(300.0, START - MINUTE)
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(value=300.0), owner="a")
    it.follow_ups(START + MINUTE)
    assert it.writes == [(4, 8), (8, 16), (16, 20)]


def test_a_rate_as_long_as_the_slot_is_used_in_every_slot() -> None:
    """The first look falls anywhere in its slot: what a rate allows 15 s later is not there when the next begins."""
    one = Rate(type=RateType.PODS, value=1, period_seconds=15)
    it = world(behavior=DeclaredBehavior(scale_up=DeclaredRules(policies=(one,))))
    it.alarms["web-cpu-high"] = replace(alarm(), datapoint=None)
    it.now = START + 9 * SECOND
    it.by_alarm().take(alarm(at=it.now, value=120.0), owner="a")
    it.follow_ups(START + 55 * SECOND)
    assert it.writes == [(4, 5), (5, 6), (6, 7), (7, 8)]


# ------------------------------------------------------------ it does not compound
def test_86_of_60_on_4_pods_looked_at_every_15_seconds_is_6_and_stays_6() -> None:
    it = world(behavior=HPA)
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(value=86.0), owner="a")
    looks = it.follow_ups(START + 2 * MINUTE)
    assert looks >= 7
    assert it.writes == [(4, 6)]


@pytest.mark.parametrize("pods_after", [0, 10, 30, 45, 90, 180])
def test_a_sustained_load_of_86_over_4_pods_settles_and_does_not_compound(pods_after: int) -> None:
    it = world(behavior=HPA, value=None)
    life = Life(it, lambda _now: 86.0 * 4, pods_after=pods_after * SECOND)
    life.live(20 * MINUTE)
    assert life.size == 6
    assert [(c.before, c.after) for c in life.changes] == [(4, 6)]


def test_a_sum_that_falls_stops_a_slow_way_up() -> None:
    """Each step of a slow rate must not make the next datapoint stale: the sum does not depend on the size."""
    one = Rate(type=RateType.PODS, value=1, period_seconds=60)
    slow = DeclaredBehavior(scale_up=DeclaredRules(policies=(one,)))
    trigger = Trigger(alarm=AlarmMatch(name="web-cpu-high"), target=value_of(100, TargetType.AVERAGE_VALUE))
    it = world(replicas=2, behavior=slow, triggers=(trigger,), max_replicas=40)
    it.alarms["web-cpu-high"] = replace(alarm(), datapoint=None)
    it.by_alarm().take(alarm(value=2000.0), owner="a")
    for minute in range(1, 20):
        it.value = Datapoint(500.0, START + (minute - 1) * MINUTE)
        it.follow_ups(START + minute * MINUTE)
    assert max(after for _, after in it.writes) == 5


def test_a_pushed_value_counts_once_however_often_it_is_repeated() -> None:
    it = pushed(value_of(60), behavior=HPA)
    for minutes in range(5):
        it.now = START + minutes * MINUTE
        it.by_alarm().take(alert(received=it.now), owner=f"repeat-{minutes}")
        it.follow_ups(it.now + 45 * SECOND)
    assert it.writes == [(4, 6)]


def test_two_alerts_of_one_group_both_count() -> None:
    it = pushed(value_of(60), behavior=HPA)
    second = alert(value="180", labels={"alertname": "Slow", "team": "shop"})
    second = replace(second, source="alert/2")
    it.by_alarm().take_all([alert(value="75"), second], owner="a")
    it.follow_ups(START + 2 * MINUTE)
    assert it.workload_now().size.replicas == 12


def test_a_repeat_with_another_value_is_a_measurement() -> None:
    it = pushed(value_of(60), behavior=HPA)
    it.by_alarm().take(alert(value="86"), owner="a")
    it.now += 5 * MINUTE
    it.by_alarm().take(alert(value="90", received=it.now), owner="b")
    assert it.writes == [(4, 6), (6, 9)]


# ------------------------------------------------------------ it waits, and comes back
@given(peak=st.integers(300, 700), window=st.sampled_from([60, 300, 600]), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_ok_returns_to_the_minimum_without_passing_a_window(peak: int, window: int, seed: int) -> None:
    noise = random.Random(seed)
    behavior = DeclaredBehavior(scale_down=DeclaredRules(stabilization_window_seconds=window))
    it = world(behavior=behavior, value=None)

    def load(now: datetime) -> float:
        return peak * (0.9 + 0.2 * noise.random()) if now < START + 10 * MINUTE else 10.0

    life = Life(it, load, pods_after=20 * SECOND)
    life.live(90 * MINUTE)
    assert life.size == 2
    ups = [c for c in life.changes if c.after > c.before]
    downs = [c for c in life.changes if c.after < c.before]
    assert ups
    # What was wanted last before the load ended was wanted until then, at least.
    assert downs[-1].at - (START + 10 * MINUTE) >= timedelta(seconds=window) - 2 * MINUTE
    assert downs[0].at - ups[-1].at >= timedelta(seconds=window)


def test_a_resolved_alert_returns_to_the_minimum_after_the_window_and_then_nobody_looks() -> None:
    it = pushed(value_of(60), behavior=HPA)
    it.by_alarm().take(alert(), owner="a")
    it.follow_ups(START + MINUTE)
    resolved = alert(state=State.OK, received=it.now)
    it.by_alarm().take(resolved, owner="b")
    it.follow_ups(START + 5 * MINUTE)
    assert it.writes == [(4, 6)]
    it.follow_ups(START + 10 * MINUTE)
    assert it.writes == [(4, 6), (6, 2)]
    assert it.sent == []


def test_an_alert_whose_end_was_lost_ends_after_active_for() -> None:
    it = pushed(value_of(60), behavior=HPA, active_for="10m")
    it.by_alarm().take(alert(), owner="a")
    it.follow_ups(START + 9 * MINUTE)
    assert it.workload_now().size.replicas == 6
    it.follow_ups(START + 20 * MINUTE)
    assert it.workload_now().size.replicas == 2
    assert it.sent == []


def test_a_repeat_keeps_an_alert_active() -> None:
    it = pushed(value_of(60), behavior=HPA, active_for="10m")
    it.by_alarm().take(alert(), owner="a")
    for minutes in (8, 16, 24):
        it.follow_ups(START + minutes * MINUTE)
        it.by_alarm().take(alert(received=it.now), owner=f"repeat-{minutes}")
    it.follow_ups(START + 30 * MINUTE)
    assert it.workload_now().size.replicas == 6


# ------------------------------------------------------------ whatever happens
RATES = st.builds(
    Rate,
    type=st.just(RateType.PODS),
    value=st.integers(1, 5),
    period_seconds=st.sampled_from([15, 60, 120]),
)


@given(
    loads=st.lists(st.integers(0, 1500), min_size=2, max_size=6),
    up=RATES,
    down=RATES,
    every=st.sampled_from([15, 30, 60]),
    copies=st.integers(1, 3),
    crashes=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_limits_rates_and_slots_hold_whatever_the_load_the_copies_and_the_crashes(
    loads: list[int], up: Rate, down: Rate, every: int, copies: int, crashes: float, seed: int
) -> None:
    behavior = DeclaredBehavior(
        scale_up=DeclaredRules(policies=(up,)),
        scale_down=DeclaredRules(policies=(down,), stabilization_window_seconds=60),
    )
    it = world(behavior=behavior, value=None, evaluate_every_seconds=every)
    life = Life(
        it,
        lambda now: float(loads[min(int((now - START) / (7 * MINUTE)), len(loads) - 1)]),
        pods_after=20 * SECOND,
        copies=copies,
        crashes=crashes,
        chance=random.Random(seed),
    )
    life.live(7 * MINUTE * len(loads))
    assert all(2 <= change.after <= 12 for change in life.changes)
    taken = slots(life.changes, every)
    assert len(set(taken)) == len(taken)
    for rate, sign in ((up, 1), (down, -1)):
        moves = [(c.at, sign * (c.after - c.before)) for c in life.changes]
        for at, _ in moves:
            inside = [m for then, m in moves if at - timedelta(seconds=rate.period_seconds) < then <= at]
            assert sum(m for m in inside if m > 0) <= rate.value + sum(-m for m in inside if m < 0)
    for before, after in pairwise(life.changes):
        assert before.after == after.before


@given(
    changes=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from([30.0, 200.0, 500.0])),
        min_size=1,
        max_size=6,
        unique_by=lambda change: change[0],
    ),
    data=st.data(),
)
@settings(max_examples=80)
def test_duplicates_and_reorderings_of_a_delivery_end_in_the_same_replicas(
    changes: list[tuple[int, float]], data: st.DataObject
) -> None:
    """The alarm's last state and its metric decide, however the messages about it came."""
    exact = DeclaredBehavior(
        scale_up=DeclaredRules(tolerance=0.0),
        scale_down=DeclaredRules(tolerance=0.0, stabilization_window_seconds=60),
    )
    trigger = Trigger(alarm=AlarmMatch(name="web-cpu-high"), target=value_of(60, TargetType.AVERAGE_VALUE))
    events = [
        alarm(state=State.ALARM if value > 60 else State.OK, at=START + minute * MINUTE, value=value)
        for minute, value in sorted(changes)
    ]
    deliveries = data.draw(st.permutations(events * 2))
    ends = {_after(events, events, exact, trigger), _after(events, deliveries, exact, trigger)}
    assert len(ends) == 1


def _after(
    events: list[AlarmEvent], deliveries: list[AlarmEvent], behavior: DeclaredBehavior, trigger: Trigger
) -> int:
    it = world(behavior=behavior, triggers=(trigger,))
    last = events[-1]
    assert last.datapoint is not None
    it.now = START + 30 * MINUTE
    it.alarms[last.name] = replace(last, datapoint=None)
    for number, event in enumerate(deliveries):
        it.value = Datapoint(last.datapoint.value, it.now - MINUTE)
        it.by_alarm().take(event, owner=f"delivery-{number}")
        it.now += 10 * SECOND
    for _ in range(60):
        it.value = Datapoint(last.datapoint.value, it.now - MINUTE)
        it.follow_ups(it.now + MINUTE)
    decision = it.policy.status.last_decision
    assert decision is not None
    assert decision.phase is Phase.DONE
    return it.workload_now().size.replicas
