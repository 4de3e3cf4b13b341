"""What one alarm or alert asks for: the formula, the standing recommendation, OK, missing values, steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.alarms.alarm import Datapoint, State
from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Proposal, Reading, active_until, is_active, propose
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import AlarmMatch, AlertMatch, MetricTarget, Spec, Trigger, WhenMetricMissing
from bellhop.scaling.status import PastReady, Source, Status
from bellhop.scaling.steps import Step, StepType

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CPU_60 = MetricTarget(type=TargetType.VALUE, value=60)
ONE_STEP = (Step(type=StepType.PODS, value=2),)
BANDS = (
    Step(type=StepType.PODS, value=-1, upper_bound=0),
    Step(type=StepType.PODS, value=2, lower_bound=0, upper_bound=20),
    Step(type=StepType.PERCENT, value=100, lower_bound=20),
)
UP_BANDS = BANDS[1:]
NOTHING = Status()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def trigger(
    target: MetricTarget | None = CPU_60, *, steps: tuple[Step, ...] = (), threshold: float | None = None
) -> Trigger:
    return Trigger(
        alarm=AlarmMatch(name="cpu"), target=None if steps else target, steps=steps, threshold=threshold
    )


def alert_trigger(*, steps: tuple[Step, ...] = (), threshold: float | None = None) -> Trigger:
    match = AlertMatch(match_labels={"alertname": "cpu"})
    return Trigger(alert=match, target=None if steps else CPU_60, steps=steps, threshold=threshold)


def policy(one: Trigger, *, status: Status = NOTHING, missing: int | None = None, minimum: int = 1) -> Policy:
    spec = Spec(
        max_replicas=100,
        min_replicas=minimum,
        triggers=(one,),
        when_metric_missing=WhenMetricMissing(replicas=missing),
        active_for="5h",
    )
    return Policy(
        namespace="shop", name="web", uid="u", generation=1, resource_version="1", spec=spec, status=status
    )


def alarm(state: State = State.ALARM, *, since: float = 0, threshold: float | None = None) -> Source:
    return Source(source="arn:cpu", name="cpu", state=str(state), at=at(since), threshold=threshold)


def alert(state: State = State.ALARM, *, since: float = 0, received: float = 0) -> Source:
    labels = {"alertname": "cpu"}
    return msgspec.structs.replace(alarm(state, since=since), labels=labels, received_at=at(received))


def read(source: Source, one: Trigger, value: float | None, when: float = 0) -> Reading:
    point = None if value is None else Datapoint(value, at(when))
    return Reading(source, one, point, "CPU", readable=source.received_at is None)


def ask(
    reading: Reading,
    size: Size,
    *,
    now: float = 0,
    status: Status = NOTHING,
    missing: int | None = None,
    minimum: int = 1,
) -> Proposal:
    it = policy(reading.trigger, status=status, missing=missing, minimum=minimum)
    return propose(reading, it, size, it.spec.full_behavior, at(now))


def again(reading: Reading, before: Proposal, value: float | None, when: float) -> Reading:
    """The reading at a later look: of the source as it was remembered."""
    return read(before.source, reading.trigger, value, when)


# ------------------------------------------------------------ the formula
@pytest.mark.parametrize(
    ("size", "value", "wanted", "type", "replicas"),
    [
        (Size(1, 1), 8600, 4400, TargetType.VALUE, 2),
        (Size(3, 1), 8600, 4400, TargetType.VALUE, 2),
        (Size(3, 3), 8600, 8888, TargetType.VALUE, 3),
        (Size(3, 3), 8600, 2150, TargetType.AVERAGE_VALUE, 4),
        (Size(3, 0), 8600, 2150, TargetType.AVERAGE_VALUE, 4),
        (Size(4, 4), 86, 60, TargetType.VALUE, 6),
        (Size(10, 10), 66, 60, TargetType.VALUE, 10),
        (Size(10, 10), 54, 60, TargetType.VALUE, 10),
        (Size(10, 10), 53.9, 60, TargetType.VALUE, 9),
        (Size(0, 0), 8600, 4400, TargetType.VALUE, 2),
        (Size(0, 0), 8600, 2150, TargetType.AVERAGE_VALUE, 4),
        (Size(0, 0), 0, 60, TargetType.VALUE, 0),
    ],
)
def test_a_value_asks_for_what_the_hpa_would(
    size: Size, value: float, wanted: float, type: TargetType, replicas: int
) -> None:
    average = type is TargetType.AVERAGE_VALUE
    target = MetricTarget(
        type=type, value=None if average else wanted, average_value=wanted if average else None
    )
    found = ask(read(alarm(), trigger(target), value), size, minimum=0)
    assert (found.replicas, found.failed) == (replicas, False)


def test_the_pods_that_were_ready_when_the_datapoint_began_are_computed_with() -> None:
    seen = (PastReady(at=at(-60), ready=2), PastReady(at=at(-10), ready=4), PastReady(at=at(5), ready=9))
    found = ask(read(alarm(), trigger(), 86, 0), Size(9, 9), now=30, status=Status(ready_pods=seen))
    assert found.replicas == 6
    assert found.said == "CPU 86 of 60 over 4 ready of 9 pods asks for 6"


def test_an_observation_right_at_the_datapoints_time_counts() -> None:
    seen = Status(ready_pods=(PastReady(at=at(0), ready=2),))
    assert ask(read(alarm(), trigger(), 120, 0), Size(9, 9), now=30, status=seen).replicas == 4


@pytest.mark.parametrize(("age", "replicas"), [(120, 4), (120.1, 18)])
def test_an_observation_too_long_before_the_datapoint_says_nothing(age: float, replicas: int) -> None:
    seen = Status(ready_pods=(PastReady(at=at(-age), ready=2),))
    assert ask(read(alarm(), trigger(), 120, 0), Size(9, 9), now=30, status=seen).replicas == replicas


def test_between_rare_looks_an_old_observation_says_nothing_of_the_pods_there_are_by_now() -> None:
    it = policy(trigger(), status=Status(ready_pods=(PastReady(at=at(-1800), ready=2),)))
    it = msgspec.structs.replace(it, spec=msgspec.structs.replace(it.spec, evaluate_every_seconds=900))
    found = propose(read(alarm(), trigger(), 120, 0), it, Size(9, 9), it.spec.full_behavior, at(30))
    assert found.replicas == 18  # 4 would be of the two pods of half an hour ago


def test_a_datapoint_of_this_very_moment_is_computed_with_the_present_pods() -> None:
    seen = Status(ready_pods=(PastReady(at=at(-10), ready=2),))
    assert ask(read(alarm(), trigger(), 120, 30), Size(9, 9), now=30, status=seen).replicas == 18


def test_with_no_ready_pod_nothing_is_multiplied_by_zero() -> None:
    found = ask(read(alarm(), trigger(), 86), Size(4, 0))
    assert (found.replicas, found.failed, found.hold) == (None, True, Reason.NO_READY_PODS)
    assert found.source.counted_at is None, "it counts once a pod is ready"


@pytest.mark.parametrize(("value", "hold"), [(61, Reason.WITHIN_TOLERANCE), (60, None)])
def test_within_tolerance_is_said_unless_the_target_is_met_exactly(value: float, hold: Reason | None) -> None:
    found = ask(read(alarm(), trigger(), value), Size(4, 4))
    assert (found.replicas, found.hold) == (4, hold)


# ------------------------------------------------------------ one datapoint, one computation
@given(looks=st.lists(st.integers(1, 60), min_size=1, max_size=20), start=st.integers(1, 40))
def test_a_datapoint_looked_at_many_times_never_compounds(looks: list[int], start: int) -> None:
    now, size = 0, Size(start, start)
    first = last = ask(read(alarm(), trigger(), 86, 0), size)
    assert first.replicas is not None
    for seconds in looks:
        now += seconds
        # Every look is applied in full, and nothing tells when: the datapoint alone must hold it.
        size = Size(last.replicas or 0, last.replicas or 0)
        last = ask(read(last.source, trigger(), 86, 0), size, now=now)
        assert last.replicas == first.replicas
    assert last.hold is Reason.AWAITING_METRIC


def test_a_way_up_that_rates_cut_short_goes_on_to_its_end() -> None:
    reading = read(alarm(), trigger(), 600, 0)
    first = ask(reading, Size(4, 4))
    assert first.replicas == 40
    after = Status(last_scale_time=at(5))
    second = ask(again(reading, first, 600, 0), Size(8, 8), now=15, status=after)
    assert (second.replicas, second.hold) == (40, None)
    assert second.said == "CPU 600 was counted and still asks for 40"
    third = ask(again(reading, second, 600, 0), Size(40, 40), now=30, status=after)
    assert (third.replicas, third.hold) == (40, Reason.AWAITING_METRIC)


def test_a_datapoint_from_before_the_last_change_of_size_holds() -> None:
    for when in (-1, 0):
        found = ask(read(alarm(), trigger(), 86, when), Size(6, 6), status=Status(last_scale_time=at(0)))
        assert (found.replicas, found.hold) == (6, Reason.AWAITING_METRIC)
        assert (found.failed, found.source.counted_at) == (False, None)
        assert found.said == "CPU 86, measured before the last change of size: a newer datapoint is awaited"


def test_a_sum_that_the_pods_share_is_not_made_stale_by_a_change_of_size() -> None:
    target = MetricTarget(type=TargetType.AVERAGE_VALUE, average_value=60)
    reading = read(alarm(), trigger(target), 600, -1)
    found = ask(reading, Size(6, 6), status=Status(last_scale_time=at(0)))
    assert (found.replicas, found.hold) == (10, None)
    held = ask(again(reading, found, 600, -1), Size(10, 10), status=Status(last_scale_time=at(5)), now=15)
    assert (held.replicas, held.said) == (10, "CPU 600, counted already: a newer datapoint is awaited")


def test_what_stands_stays_when_a_newer_datapoint_is_from_before_the_last_change() -> None:
    counted = msgspec.structs.replace(alarm(), counted_at=at(-60), counted=600.0, recommended=40)
    found = ask(read(counted, trigger(), 300, -5), Size(8, 8), status=Status(last_scale_time=at(0)))
    assert (found.replicas, found.said) == (40, "CPU 600 was counted and still asks for 40")


def test_a_newer_datapoint_counts_again() -> None:
    reading = read(alarm(), trigger(), 86, 0)
    first = ask(reading, Size(4, 4))
    second = ask(again(reading, first, 86, 60), Size(6, 6), now=61, status=Status(last_scale_time=at(5)))
    assert second.replicas == 9
    assert (second.source.counted_at, second.source.recommended) == (at(60), 9)


def test_an_older_datapoint_after_a_newer_one_is_left_aside() -> None:
    first = ask(read(alarm(), trigger(), 86, 60), Size(4, 4), now=61)
    assert ask(read(first.source, trigger(), 600, 0), Size(4, 4), now=62).replicas == 6


# ------------------------------------------------------------ pushed alerts
def repeated(before: Proposal, received: float) -> Source:
    return msgspec.structs.replace(before.source, received_at=at(received))


def test_a_pushed_value_that_is_only_repeated_counts_once() -> None:
    one = alert_trigger()
    first = ask(read(alert(), one, 86, 0), Size(4, 4))
    second = ask(read(repeated(first, 60), one, 86, 60), Size(6, 6), now=60)
    assert (first.replicas, second.replicas, second.hold) == (6, 6, Reason.AWAITING_METRIC)


def test_another_pushed_value_counts() -> None:
    one = alert_trigger()
    first = ask(read(alert(), one, 86, 0), Size(4, 4))
    second = ask(read(repeated(first, 60), one, 90, 60), Size(6, 6), now=60)
    assert second.replicas == 9
    back = ask(read(repeated(second, 120), one, 86, 120), Size(6, 6), now=120)
    assert (back.replicas, back.source.counted) == (9, 86)


def test_an_alert_that_is_not_repeated_ends_by_itself() -> None:
    one, source = alert_trigger(), alert(received=10)
    spec, end = policy(one).spec, 5 * 3600 + 10
    assert active_until(source, spec) == at(end)
    assert [is_active(source, spec, at(s)) for s in (end - 0.001, end)] == [True, False]
    found = ask(read(source, one, 86, 10), Size(6, 6), now=end, minimum=2)
    assert found.replicas == 2
    assert found.said == "cpu was not repeated for 5h (activeFor) and asks for minReplicas 2"


def test_an_alarm_of_cloudwatch_never_ends_by_itself() -> None:
    spec = policy(trigger()).spec
    assert active_until(alarm(), spec) is None
    assert is_active(alarm(), spec, at(10**8))
    assert not is_active(alarm(State.INSUFFICIENT_DATA), spec, at(0))


def test_after_its_end_the_same_value_counts_anew() -> None:
    one = alert_trigger()
    first = ask(read(alert(), one, 86, 0), Size(4, 4))
    over = ask(read(first.source, one, 86, 0), Size(6, 6), now=5 * 3600)
    later = ask(read(repeated(over, 18060), one, 86, 18060), Size(4, 4), now=18060)
    assert (over.source.counted, later.replicas) == (None, 6)


# ------------------------------------------------------------ OK and INSUFFICIENT_DATA
@pytest.mark.parametrize(("value", "replicas"), [(86, 4), (30, 2), (62, 4)])
def test_an_ok_alarm_whose_metric_can_be_read_only_scales_down(value: float, replicas: int) -> None:
    found = ask(read(alarm(State.OK), trigger(), value), Size(4, 4))
    assert found.replicas == replicas
    assert ("is OK: held" in found.said) is (value == 86)
    assert found.source.counted == value


@pytest.mark.parametrize("source", [alert(State.OK), alarm(State.OK)])
def test_ok_without_a_metric_to_read_asks_for_the_minimum(source: Source) -> None:
    counted = msgspec.structs.replace(source, counted_at=at(0), counted=86.0, recommended=6)
    one = alert_trigger() if source.received_at else trigger()
    found = ask(Reading(counted, one, Datapoint(86, at(0)), "CPU"), Size(6, 6), minimum=2)
    assert (found.replicas, found.said) == (2, "cpu is OK and asks for minReplicas 2")
    assert (found.source.counted_at, found.source.counted, found.source.recommended) == (None, None, None)


def test_an_ok_alarm_with_steps_asks_for_the_minimum_even_if_it_can_be_read() -> None:
    found = ask(read(alarm(State.OK), trigger(steps=UP_BANDS, threshold=60), 95), Size(6, 6))
    assert found.replicas == 1


def test_where_steps_lead_down_an_ok_alarm_has_no_opinion() -> None:
    found = ask(read(alarm(State.OK), trigger(steps=BANDS, threshold=60), 30), Size(6, 6))
    assert (found.replicas, found.failed, found.hold) == (None, False, None)
    assert found.said == "cpu is OK; steps are the way down"


def test_where_steps_lead_down_a_new_episode_does_not_ask_for_the_size_of_the_last_one() -> None:
    """Else a firing alert would scale down from what others made of the workload meanwhile."""
    one = alert_trigger(steps=BANDS, threshold=60)
    first = ask(read(alert(), one, 70, 0), Size(4, 4))
    over = ask(read(msgspec.structs.replace(first.source, state="OK"), one, None), Size(6, 6), now=30)
    rings = msgspec.structs.replace(over.source, state="ALARM", at=at(60), received_at=at(60))
    assert (first.replicas, over.source.recommended) == (6, None)
    assert ask(read(rings, one, 70, 60), Size(8, 8), now=60).replicas == 10


def test_without_data_the_size_is_held_and_nothing_may_shrink() -> None:
    found = ask(read(alarm(State.INSUFFICIENT_DATA), trigger(), 86), Size(4, 4))
    assert (found.replicas, found.failed, found.hold) == (None, True, Reason.METRIC_MISSING)
    assert found.said == "cpu has no data (INSUFFICIENT_DATA): held"


def test_when_metric_missing_names_a_size() -> None:
    found = ask(read(alarm(State.INSUFFICIENT_DATA), trigger(), None), Size(4, 4), missing=8)
    assert (found.replicas, found.failed, found.hold) == (8, False, Reason.METRIC_MISSING)
    assert found.said == "cpu has no data (INSUFFICIENT_DATA): whenMetricMissing asks for 8"


@pytest.mark.parametrize(("missing", "replicas"), [(8, 4), (3, 3)])
def test_a_missing_metric_makes_nothing_grow_while_the_alarm_is_ok(missing: int, replicas: int) -> None:
    found = ask(read(alarm(State.OK), trigger(), None), Size(4, 4), missing=missing)
    assert (found.replicas, found.hold) == (replicas, Reason.METRIC_MISSING)


def test_a_value_that_is_missing_is_said_as_the_reading_says_it() -> None:
    reading = Reading(alarm(), trigger(), None, "CPU", problem="cpu carries no usable value")
    assert ask(reading, Size(4, 4)).said == "cpu carries no usable value: held"
    assert ask(read(alarm(), trigger(), None), Size(4, 4)).said == "cpu has no recent value: held"


def test_a_negative_value_is_no_value_for_a_target_but_one_for_steps() -> None:
    found = ask(read(alarm(), trigger(), -1), Size(4, 4))
    assert (found.failed, found.said) == (True, "CPU -1 is negative: held")
    by_steps = ask(read(alarm(), trigger(steps=BANDS, threshold=0), -1), Size(4, 4))
    assert (by_steps.replicas, by_steps.failed) == (3, False)


# ------------------------------------------------------------ steps
@pytest.mark.parametrize(
    ("value", "replicas"), [(60, 6), (79.9, 6), (80, 8), (1000, 8), (59.9, 3), (-(10**6), 3)]
)
def test_a_breach_takes_the_step_of_its_band(value: float, replicas: int) -> None:
    assert ask(read(alarm(), trigger(steps=BANDS, threshold=60), value), Size(4, 4)).replicas == replicas


def test_the_sentence_of_a_step_has_value_breach_and_change() -> None:
    found = ask(read(alarm(), trigger(steps=BANDS, threshold=60), 85), Size(4, 4))
    assert found.said == "CPU 85, +25 from 60: step +100 % asks for 8"


def test_the_triggers_threshold_goes_before_the_alarms() -> None:
    source = alarm(threshold=80)
    assert ask(read(source, trigger(steps=UP_BANDS, threshold=60), 85), Size(4, 4)).replicas == 8
    assert ask(read(source, trigger(steps=UP_BANDS), 85), Size(4, 4)).replicas == 6
    assert ask(read(alarm(threshold=0.0), trigger(steps=UP_BANDS), 10), Size(4, 4)).replicas == 6


def test_without_any_threshold_bands_cannot_be_told_apart() -> None:
    found = ask(read(alarm(), trigger(steps=UP_BANDS), 85), Size(4, 4))
    assert (found.replicas, found.failed, found.hold) == (None, True, Reason.METRIC_MISSING)
    assert found.source.counted_at is None


def test_a_breach_in_no_band_keeps_the_size_and_goes_on_doing_so() -> None:
    one = trigger(steps=UP_BANDS, threshold=60)
    counted = msgspec.structs.replace(alarm(), counted_at=at(-60), counted=70.0, recommended=6)
    first = ask(read(counted, one, 50, 0), Size(4, 4))
    assert (first.replicas, first.hold) == (4, Reason.WITHIN_TOLERANCE)
    assert ask(read(first.source, one, 50, 0), Size(4, 4), now=15).replicas == 4


def test_a_step_is_taken_once_for_each_datapoint() -> None:
    one = trigger(steps=BANDS, threshold=60)
    first = ask(read(alarm(), one, 70, 0), Size(4, 4))
    same = ask(read(first.source, one, 70, 0), Size(6, 6), now=15)
    newer = ask(read(same.source, one, 70, 60), Size(6, 6), now=61)
    assert (first.replicas, same.replicas, newer.replicas) == (6, 6, 8)


def test_an_alarm_without_a_value_takes_its_one_step_each_time_it_rings() -> None:
    one = trigger(steps=ONE_STEP)
    first = ask(read(alarm(), one, None), Size(4, 4))
    assert (first.replicas, first.said) == (6, "cpu rings: step +2 pods asks for 6")
    cut_short = ask(read(first.source, one, None), Size(5, 5), now=15)
    assert (cut_short.replicas, cut_short.hold) == (6, None)
    same = ask(read(cut_short.source, one, None), Size(6, 6), now=600)
    assert (same.replicas, same.hold) == (6, Reason.AWAITING_METRIC)
    rings_again = msgspec.structs.replace(same.source, at=at(700))
    assert ask(read(rings_again, one, None), Size(6, 6), now=700).replicas == 8


def test_without_a_threshold_the_one_step_is_taken_once_whatever_the_value_does() -> None:
    one, last, size = trigger(steps=ONE_STEP), alarm(since=90), Size(4, 4)
    for look, when in enumerate((0, 0, 60, 120, 180)):
        found = ask(read(last, one, 70 + look, when), size, now=90 + look)
        assert found.replicas == 6
        last, size = found.source, Size(6, 6)


def test_without_a_threshold_a_new_episode_takes_the_step_again() -> None:
    one = alert_trigger(steps=ONE_STEP)
    first = ask(read(alert(), one, 70, 10), Size(4, 4), now=10)
    rings = msgspec.structs.replace(first.source, at=at(60), received_at=at(70))
    assert (first.replicas, ask(read(rings, one, 71, 70), Size(8, 8), now=70).replicas) == (6, 10)


def test_bands_need_a_value() -> None:
    found = ask(read(alarm(), trigger(steps=UP_BANDS, threshold=60), None), Size(4, 4))
    assert (found.replicas, found.failed) == (None, True)


def test_steps_start_from_zero_as_aws_has_them() -> None:
    assert ask(read(alarm(), trigger(steps=ONE_STEP), None), Size(0, 0), minimum=0).replicas == 2
    percent = (Step(type=StepType.PERCENT, value=50),)
    assert ask(read(alarm(), trigger(steps=percent), None), Size(0, 0), minimum=0).replicas == 0
    exact = (Step(type=StepType.REPLICAS, value=3),)
    assert ask(read(alarm(), trigger(steps=exact), None), Size(0, 0), minimum=0).replicas == 3


def test_from_zero_there_need_be_no_ready_pod() -> None:
    found = ask(read(alarm(), trigger(), 130), Size(0, 0), minimum=0)
    assert (found.replicas, found.failed) == (3, False)
    assert found.working == "CPU 130 of 60 over 0 pods: ratio 2.167; from zero ceil(2.167) = 3"


@pytest.mark.parametrize(
    ("type", "value", "size", "working"),
    [
        (TargetType.VALUE, 86, Size(4, 3), "over 3 ready of 4 pods: ratio 1.433; ceil(1.433 x 3) = 5"),
        (TargetType.VALUE, 62, Size(4, 4), "over 4 pods: ratio 1.033 is within 0.9 to 1.1: stays"),
        (TargetType.AVERAGE_VALUE, 300, Size(4, 4), "over 4 pods: 75 for each pod; ceil(300 / 60) = 5"),
        (TargetType.AVERAGE_VALUE, 248, Size(4, 4), "over 4 pods: 62 for each pod, within 0.9 to 1.1: stays"),
        (TargetType.AVERAGE_VALUE, 90, Size(0, 0), "over 0 pods: no pod; ceil(90 / 60) = 2"),
    ],
)
def test_the_working_is_the_arithmetic_by_hand(
    type: TargetType, value: float, size: Size, working: str
) -> None:
    target = MetricTarget(type=type, value=60, average_value=60)
    found = ask(read(alarm(), trigger(target), value), size, minimum=0)
    assert found.working == f"CPU {value} of 60 {working}"
