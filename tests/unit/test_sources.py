"""From alarm events to sources: what is news in which order, what is taken in, what value an alert carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.alarms.alarm import AlarmEvent, Alert, Datapoint, Metric, State
from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import CLOCK_SKEW, propose
from bellhop.scaling.sources import alert_value, is_news, readings, taken_in, without
from bellhop.scaling.spec import AlarmMatch, AlertMatch, MetricTarget, Spec, Trigger, ValueFrom
from bellhop.scaling.status import SOURCES_KEPT, Source, Status
from bellhop.scaling.steps import Step, StepType

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = T0 + timedelta(days=1)
CPU_60 = MetricTarget(type=TargetType.VALUE, value=60)
BY_ALARM = Trigger(alarm=AlarmMatch(pattern="cpu*"), target=CPU_60)
BY_ALERT = Trigger(alert=AlertMatch(match_labels={"alertname": "cpu"}), target=CPU_60)
LABELS = {"alertname": "cpu"}
NOTHING = Status()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def change(
    state: State,
    when: float,
    *,
    name: str = "cpu",
    point: Datapoint | None = None,
    threshold: float | None = None,
) -> AlarmEvent:
    return AlarmEvent(f"arn:{name}", name, state, at(when), datapoint=point, threshold=threshold)


def pushed(state: State, since: float, received: float, value: str | None = "86") -> AlarmEvent:
    annotations = {} if value is None else {"value": value}
    return AlarmEvent("alert/f", "cpu", state, at(since), alert=Alert(LABELS, annotations, {}, at(received)))


def firing(since: float, received: float, value: str | None = "86") -> AlarmEvent:
    return pushed(State.ALARM, since, received, value)


def resolved(since: float, received: float) -> AlarmEvent:
    return pushed(State.OK, since, received, None)


def after(
    events: Sequence[AlarmEvent], *, status: Status = NOTHING, now: datetime = LATER, news_only: bool = True
) -> Status:
    for event in events:
        trigger = BY_ALARM if event.alert is None else BY_ALERT
        if is_news(status, event) or not news_only:
            status = taken_in(status, trigger, event, now)
    return status


def only(status: Status) -> Source:
    (source,) = status.triggers
    return source


def policy(*triggers: Trigger, status: Status = NOTHING) -> Policy:
    spec = Spec(max_replicas=100, triggers=triggers)
    return Policy(
        namespace="shop", name="web", uid="u", generation=1, resource_version="1", spec=spec, status=status
    )


# ------------------------------------------------------------ what is news
def test_what_was_never_heard_of_is_news() -> None:
    assert is_news(NOTHING, change(State.OK, -(10**6)))
    assert is_news(NOTHING, resolved(-(10**6), 0))


@pytest.mark.parametrize(("when", "news"), [(9.999, False), (10, False), (10.001, True)])
@pytest.mark.parametrize("state", list(State))
def test_a_change_is_news_when_it_is_newer(state: State, when: float, news: bool) -> None:
    assert is_news(after([change(State.ALARM, 10)]), change(state, when)) is news


@pytest.mark.parametrize(
    ("seen", "event", "news"),
    [
        ([firing(0, 10)], firing(0, 10), False),
        ([firing(0, 10)], firing(0, 70), True),
        ([firing(0, 70)], firing(0, 10), False),
        ([firing(0, 10)], resolved(0, 20), True),
        ([firing(0, 30)], resolved(0, 20), False),
        ([resolved(0, 20)], firing(0, 30), True),
        ([resolved(0, 20)], firing(0, 10), False),
        ([resolved(0, 20)], resolved(0, 20), False),
        ([resolved(0, 20)], resolved(0, 30), True),
        ([resolved(0, 20)], firing(40, 50), True),
        ([firing(40, 50)], firing(0, 60), False),
        ([firing(40, 50)], resolved(0, 60), False),
        ([firing(40, 50)], resolved(40, 60), True),
    ],
)
def test_an_alert_is_ordered_by_when_it_began_and_then_by_when_it_was_taken_in(
    seen: list[AlarmEvent], event: AlarmEvent, news: bool
) -> None:
    assert is_news(after(seen), event) is news


changes = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(State), st.none() | st.floats(0, 100)),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one[0],
).map(
    lambda found: [
        change(state, when, point=None if value is None else Datapoint(value, at(when)))
        for when, state, value in found
    ]
)


@st.composite
def episodes(draw: st.DrawFn) -> list[AlarmEvent]:
    """Firing, repeats, perhaps a resolution, perhaps fired again all the same, then anew: in a sender's order."""
    events: list[AlarmEvent] = []
    clock = 0
    for _ in range(draw(st.integers(1, 3))):
        since = clock = clock + draw(st.integers(1, 20))
        for _ in range(draw(st.integers(1, 3))):
            clock += draw(st.integers(1, 20))
            events.append(firing(since, clock, str(draw(st.integers(50, 90)))))
        if draw(st.booleans()):
            clock += draw(st.integers(1, 20))
            events.append(resolved(since, clock))
            if draw(st.booleans()):
                clock += draw(st.integers(1, 20))
                events.append(firing(since, clock))
    return events


@given(data=st.data(), events=changes | episodes())
def test_in_whatever_order_and_however_often_they_are_delivered_the_end_is_the_same(
    data: st.DataObject, events: list[AlarmEvent]
) -> None:
    doubled = events + data.draw(st.lists(st.sampled_from(events), max_size=6))
    shuffled = data.draw(st.permutations(doubled))
    ordered = after(sorted(events, key=lambda e: (e.at, e.alert and e.alert.received_at)))
    one, other = only(ordered), only(after(shuffled))
    assert (one.state, one.at, one.received_at) == (other.state, other.at, other.received_at)
    if one.received_at is not None:
        assert one == other, "of an alert nothing is left of what came before"


@given(events=changes | episodes())
def test_what_was_taken_in_is_no_news_again(events: list[AlarmEvent]) -> None:
    status = after(events)
    assert not any(is_news(status, event) for event in events)


# ------------------------------------------------------------ what is taken in
def test_an_event_is_taken_in_with_value_and_threshold() -> None:
    point = Datapoint(86, at(-90))
    source = only(after([change(State.ALARM, 0, point=point, threshold=80)]))
    assert source == Source(
        source="arn:cpu",
        name="cpu",
        state="ALARM",
        at=at(0),
        value=86,
        measured_at=at(-90),
        threshold=80,
    )


def test_what_a_change_does_not_say_stays_known() -> None:
    first = change(State.ALARM, 0, point=Datapoint(86, at(-90)), threshold=80)
    source = only(after([first, change(State.OK, 60)]))
    assert (source.state, source.value, source.measured_at, source.threshold) == ("OK", 86, at(-90), 80)


def test_what_was_counted_outlives_a_change_of_the_alarm() -> None:
    counted = msgspec.structs.replace(only(after([change(State.ALARM, 0)])), counted_at=at(0), recommended=6)
    source = only(after([change(State.OK, 60)], status=Status(triggers=(counted,))))
    assert (source.counted_at, source.recommended) == (at(0), 6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_taken_in(value: float) -> None:
    source = only(after([change(State.ALARM, 0, point=Datapoint(value, at(0)))]))
    assert (source.value, source.measured_at) == (None, None)


def test_a_repeat_without_a_value_forgets_the_last_one() -> None:
    source = only(after([firing(0, 10), firing(0, 70, None)]))
    assert (source.value, source.measured_at, source.received_at) == (None, None, at(70))


def test_an_alerts_value_was_measured_when_it_was_received() -> None:
    source = only(after([firing(0, 10)]))
    assert (source.value, source.measured_at, source.at, source.labels) == (86, at(10), at(0), LABELS)


def test_an_alert_cannot_be_received_later_than_now() -> None:
    source = only(after([firing(0, 60)], now=at(30)))
    assert (source.received_at, source.measured_at) == (at(30), at(30))


def test_a_clock_that_is_far_ahead_does_not_make_all_that_follows_old_news() -> None:
    ahead = after([change(State.ALARM, 86_400)], now=at(0))
    assert only(ahead).at == at(0)
    assert is_news(ahead, change(State.OK, 1))


@pytest.mark.parametrize("ahead", [5, CLOCK_SKEW.total_seconds(), 86_400])
def test_repeats_of_an_alert_whose_clock_is_ahead_take_its_step_once(ahead: float) -> None:
    """Else each would look like a new episode, and replicas run to the maximum."""
    one = Trigger(alert=BY_ALERT.alert, steps=(Step(type=StepType.PODS, value=2),))
    status, size = Status(), Size(4, 4)
    for now in range(10, 400, 60):
        event = firing(ahead, now, None)
        if is_news(status, event):
            status = taken_in(status, one, event, at(now))
        it = policy(one, status=status)
        (reading,) = readings(it, at(now), metrics={}, datapoints={})
        found = propose(reading, it, size, it.spec.full_behavior, at(now))
        status, size = Status(triggers=(found.source,)), Size(found.replicas or 0, found.replicas or 0)
        assert size == Size(6, 6)


def counted_episode() -> Status:
    source = only(after([firing(0, 10)]))
    counted = msgspec.structs.replace(source, counted_at=at(10), counted=86.0, recommended=6)
    return Status(triggers=(counted,))


def test_what_an_episode_asked_for_stands_through_its_repeats_and_no_longer() -> None:
    kept = only(after([firing(0, 70)], status=counted_episode()))
    assert (kept.counted_at, kept.counted, kept.recommended) == (at(10), 86, 6)
    new = only(after([resolved(0, 70), firing(80, 90)], status=counted_episode()))
    assert (new.counted_at, new.counted, new.recommended) == (None, None, None)


def test_the_same_value_in_a_new_episode_counts_anew() -> None:
    it = policy(BY_ALERT, status=after([firing(80, 90)], status=counted_episode()))
    (reading,) = readings(it, at(100), metrics={}, datapoints={})
    assert propose(reading, it, Size(8, 8), it.spec.full_behavior, at(100)).replicas == 12


def test_the_newest_is_last_and_the_others_stay() -> None:
    status = after([change(State.ALARM, 0, name="cpu-a"), change(State.ALARM, 1, name="cpu-b")])
    status = after([change(State.OK, 2, name="cpu-a")], status=status)
    assert [(source.name, source.state) for source in status.triggers] == [
        ("cpu-b", "ALARM"),
        ("cpu-a", "OK"),
    ]


def full(ok: Sequence[int]) -> Status:
    return after(
        [
            change(State.OK if place in ok else State.ALARM, place, name=f"cpu-{place}")
            for place in range(SOURCES_KEPT)
        ]
    )


def test_when_there_are_too_many_the_one_longest_over_is_forgotten() -> None:
    before = full(ok=(7, 30))
    status = after([change(State.ALARM, 100, name="cpu-new")], status=before)
    gone = {s.name for s in before.triggers} - {s.name for s in status.triggers}
    assert (gone, len(status.triggers)) == ({"cpu-7"}, SOURCES_KEPT)


def test_when_all_ring_the_one_that_rings_longest_is_forgotten() -> None:
    status = after([change(State.OK, 100, name="cpu-new")], status=full(ok=()))
    assert status.source("arn:cpu-0") is None
    assert len(status.triggers) == SOURCES_KEPT


def test_a_known_source_takes_nobodys_place() -> None:
    before = full(ok=(7,))
    status = after([change(State.OK, 100, name="cpu-3")], status=before)
    assert {s.name for s in status.triggers} == {s.name for s in before.triggers}


def test_deleted_alarms_are_forgotten() -> None:
    status = after([change(State.ALARM, 0, name="cpu-a"), change(State.ALARM, 1, name="cpu-b")])
    assert [source.name for source in without(status, {"arn:cpu-a", "arn:other"}).triggers] == ["cpu-b"]


# ------------------------------------------------------------ the value of an alert
def carried(
    annotations: dict[str, str] | None = None, values: dict[str, float] | None = None, **place: str
) -> tuple[float | None, str]:
    match = AlertMatch(match_labels=LABELS, value_from=ValueFrom(**place))
    trigger = Trigger(alert=match, target=CPU_60)
    return alert_value(trigger, Alert(LABELS, annotations or {}, values or {}, T0))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("86", 86),
        (" 86 ", 86),
        ("86\n", 86),
        ("8.6e+01", 86),
        ("1E3", 1000),
        ("1.234567e-05", 1.234567e-05),
        ("-3.5", -3.5),
        ("+3", 3),
        (".5", 0.5),
        ("5.", 5),
        ("0", 0),
    ],
)
def test_a_number_in_the_annotation_is_its_value(text: str, value: float) -> None:
    assert carried({"value": text}) == (value, "")


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "nan", "+Inf", "-Inf", "inf", "1e400"),
        *("1.2k", "86 %", "86%", "1,5", "8 6", "value: 86"),
        *("", " ", ".", "e5", "1e", "0x10", "1_000", "\u0668\u0666"),
    ],
)
def test_what_is_not_plainly_a_number_is_no_value(text: str) -> None:
    said = f"the alert's annotation value is not a number: {text.strip()}"
    assert carried({"value": text}) == (None, said)


def test_a_long_annotation_is_cut_in_the_sentence() -> None:
    _, said = carried({"value": "x" * 5000})
    assert said == f"the alert's annotation value is not a number: {'x' * 40}"


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_read_back(value: float) -> None:
    assert carried({"value": repr(value)}) == (value, "")


def test_the_annotation_may_have_another_name() -> None:
    assert carried({"depth": "7", "value": "1"}, annotation="depth") == (7, "")
    assert carried({"value": "1"}, annotation="depth") == (None, "the alert has no annotation depth")
    assert carried() == (None, "the alert has no annotation value")


def test_grafanas_only_value_is_the_value() -> None:
    assert carried({"value": "1"}, {"B": 44.2}) == (44.2, "")


def test_of_several_values_of_grafanas_one_must_be_named() -> None:
    assert carried({}, {"B": 44.2, "C": 1}) == (None, "the alert has no annotation value")
    assert carried({"value": "3"}, {"B": 44.2, "C": 1}) == (3, "")
    assert carried({"value": "3"}, {"B": 44.2, "C": 0.0}, ref_id="C") == (0, "")


def test_a_named_value_that_is_not_there_is_not_guessed() -> None:
    assert carried({"value": "3"}, {"B": 44.2}, ref_id="A") == (None, "the alert has no value A")
    assert carried({}, {"B": 44.2}, annotation="depth") == (None, "the alert has no annotation depth")


# ------------------------------------------------------------ readings
CPU = Metric("CPUUtilization", 60, ())


def known(value: float | None, when: float, *, name: str = "cpu") -> Source:
    point = None if value is None else Datapoint(value, at(when))
    return only(after([change(State.ALARM, 0, name=name, point=point)]))


@pytest.mark.parametrize(
    ("known_at", "read_at", "value"), [(0, 60, 2), (60, 0, 1), (0, 0, 1), (None, 0, 2), (0, None, 1)]
)
def test_the_newest_datapoint_counts_whoever_knows_it(
    known_at: float | None, read_at: float | None, value: float
) -> None:
    source = known(None if known_at is None else 1.0, known_at or 0)
    points = {} if read_at is None else {source.source: Datapoint(2.0, at(read_at))}
    it = policy(BY_ALARM, status=Status(triggers=(source,)))
    (reading,) = readings(it, at(100), metrics={source.source: CPU}, datapoints=points)
    assert reading.datapoint is not None
    assert (reading.datapoint.value, reading.problem) == (value, "")


def test_a_metric_gives_its_name_and_can_be_read_again() -> None:
    status = Status(triggers=(known(1, 0, name="cpu-a"), known(1, 0, name="cpu-b")))
    first, second = readings(
        policy(BY_ALARM, status=status), at(9), metrics={"arn:cpu-a": CPU}, datapoints={}
    )
    assert (first.metric, first.readable) == ("CPUUtilization", True)
    assert (second.metric, second.readable) == ("cpu-b", False)


def test_only_what_cannot_be_read_at_all_is_said_to_carry_no_value() -> None:
    source = known(None, 0)
    it = policy(BY_ALARM, status=Status(triggers=(source,)))
    assert readings(it, at(9), metrics={}, datapoints={})[0].problem == "cpu carries no usable value"
    assert readings(it, at(9), metrics={source.source: CPU}, datapoints={})[0].problem == ""


def test_a_source_whose_trigger_was_edited_away_is_not_read() -> None:
    status = Status(triggers=(known(1, 0, name="cpu"), known(1, 0, name="disk")))
    found = readings(policy(BY_ALARM, status=status), at(9), metrics={}, datapoints={})
    assert [reading.source.name for reading in found] == ["cpu"]


def test_a_source_is_read_for_the_first_trigger_that_is_for_it() -> None:
    exact = Trigger(alarm=AlarmMatch(name="cpu"), target=MetricTarget(type=TargetType.VALUE, value=5))
    status = Status(triggers=(known(1, 0), only(after([firing(0, 1)]))))
    found = readings(policy(exact, BY_ALARM, BY_ALERT, status=status), at(9), metrics={}, datapoints={})
    assert [reading.trigger for reading in found] == [exact, BY_ALERT]


@pytest.mark.parametrize(("ahead", "believed"), [(0.0, True), (0.001, False)])
def test_a_datapoint_from_the_future_is_disbelieved(ahead: float, believed: bool) -> None:
    source = known(1, 100 + CLOCK_SKEW.total_seconds() + ahead)
    it = policy(BY_ALARM, status=Status(triggers=(source,)))
    (reading,) = readings(it, at(100), metrics={source.source: CPU}, datapoints={})
    assert (reading.datapoint is not None) is believed
    assert ("from the future" in reading.problem) is not believed


def test_a_datapoint_from_the_future_does_not_hide_one_that_is_not() -> None:
    source = known(1, 7200)
    it = policy(BY_ALARM, status=Status(triggers=(source,)))
    present = Datapoint(2.0, at(60))
    (reading,) = readings(it, at(100), metrics={source.source: CPU}, datapoints={source.source: present})
    assert (reading.datapoint, reading.problem) == (present, "")
