"""What is played is what the function does: the same datapoints through the function's own reconciler."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.alarms.alarm import Datapoint, State
from bellhop.scaling.behavior import DeclaredBehavior, DeclaredRules, Rate, RateType
from bellhop.scaling.decision import Size
from bellhop.scaling.playing import Played, play
from bellhop.scaling.simulated_load import Load, held
from bellhop.scaling.spec import WhenMetricMissing
from tests.unit.scaling_world import START, World, alarm, world

MINUTE = timedelta(minutes=1)
SLOW = DeclaredBehavior(
    scale_up=DeclaredRules(policies=(Rate(type=RateType.PODS, value=1, period_seconds=60),)),
    scale_down=DeclaredRules(stabilization_window_seconds=120),
)


def through_the_function(there: World, played: Played) -> None:
    """The datapoints reach the world as CloudWatch would bring them: an event when the alarm changes, else only
    the metric; follow-ups are delivered when they are due."""
    state = None
    for point in played.measured:
        arrival = point.at + MINUTE
        there.follow_ups(until=arrival - timedelta(microseconds=1))
        there.now = arrival
        there.value = None if point.value is None else Datapoint(point.value, point.at)
        before, state = state, seen(point.value)
        if state is not before:
            event = alarm(state=state, at=arrival, value=point.value, measured_at=point.at)
            there.alarms[event.name] = alarm(state=state, at=arrival)  # DescribeAlarms says no value
            there.by_alarm().take(event, owner=f"event-{arrival.isoformat()}")
    there.follow_ups(until=played.until)


def seen(value: float | None) -> State:
    if value is None:
        return State.INSUFFICIENT_DATA
    return State.ALARM if value > 60 else State.OK


@pytest.mark.parametrize("behavior", [DeclaredBehavior(), SLOW])
@pytest.mark.parametrize("every", [15, 60, 90])
@pytest.mark.parametrize("missing", [None, 6])
@given(values=st.lists(st.sampled_from([None, 6.0, 40.0, 60.0, 66.0, 86.0, 300.0]), min_size=1, max_size=25))
def test_what_is_played_is_what_the_function_does(
    behavior: DeclaredBehavior, every: int, missing: int | None, values: list[float | None]
) -> None:
    there = world(
        behavior=behavior,
        evaluate_every_seconds=every,
        when_metric_missing=WhenMetricMissing(replicas=missing),
    )
    played = play(
        there.policy,
        size=Size(4, 4),
        series=held([(START + place * MINUTE, value) for place, value in enumerate(values)], MINUTE),
        start=START,
        until=START + len(values) * MINUTE,
        load=Load.SHARED,
        pods_start_after=timedelta(0),  # as in the world
        threshold=60,
    )
    through_the_function(there, played)
    assert there.writes == [(tick.replicas, tick.desired) for tick in played.ticks if tick.change]
    kept, mine = there.policy.status, played.policy.status
    assert kept.recommendations == mine.recommendations
    assert kept.scale_events == mine.scale_events
    assert kept.ready_pods == mine.ready_pods
    assert kept.slot == mine.slot
    assert (kept.last_decision is None) == (mine.last_decision is None)
    if kept.last_decision is not None and mine.last_decision is not None:
        assert (kept.last_decision.reason, kept.last_decision.at) == (
            mine.last_decision.reason,
            mine.last_decision.at,
        )
