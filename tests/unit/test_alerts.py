"""Alert messages of the door's: every event they become, and everything that is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bellhop.alarms import alerts, fields, senders
from bellhop.alarms.alarm import State
from bellhop.errors import InvalidInputError

REGION = "eu-west-1"
RECEIVED_AT = 1795167590.8276
CLOUDWATCH = Path(__file__).parents[2] / "events/cloudwatch"


def alert(**changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "fingerprint": "8f78c9e05158455b",
        "status": "firing",
        "starts_at": "2026-11-20T07:59:50.827Z",
        "labels": {"alertname": "QueueDeep", "deployment": "worker"},
        "annotations": {"summary": "42 of 10", "value": "42.5"},
        "values": {"B": 42.5, "C": 1},
    }
    return given | changed


def message(*alerts: Any, **changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "bellhop": "alerts",
        "sender": "alertmanager",
        "received_at": RECEIVED_AT,
        "correlation": "req-1",
        "alerts": list(alerts),
    }
    return given | changed


def test_a_firing_alert_is_an_alarm_event_with_all_it_carries() -> None:
    (event,) = alerts.parse(message(alert()))
    assert (event.source, event.name) == ("alert/8f78c9e05158455b", "QueueDeep")
    assert event.state is State.ALARM
    assert event.at == datetime(2026, 11, 20, 7, 59, 50, 827000, tzinfo=UTC)
    assert event.reason == "42 of 10"
    assert (event.metric, event.datapoint, event.threshold) == (None, None, None)
    assert event.alert is not None
    assert event.alert.labels == {"alertname": "QueueDeep", "deployment": "worker"}
    assert event.alert.annotations == {"summary": "42 of 10", "value": "42.5"}
    assert event.alert.values == {"B": 42.5, "C": 1.0}
    assert event.alert.received_at == datetime(2026, 11, 20, 9, 39, 50, 828000, tzinfo=UTC)


def test_each_alert_of_a_group_is_an_event_in_its_own_state() -> None:
    events = alerts.parse(
        message(alert(), alert(fingerprint="aa", status="resolved"), alert(fingerprint="bb"))
    )
    assert [(event.source, event.state) for event in events] == [
        ("alert/8f78c9e05158455b", State.ALARM),
        ("alert/aa", State.OK),
        ("alert/bb", State.ALARM),
    ]


def test_no_alerts_are_no_events() -> None:
    assert alerts.parse(message()) == []


@pytest.mark.parametrize("labels", [{}, {"alertname": ""}])
def test_without_a_name_the_fingerprint_is_it(labels: dict[str, str]) -> None:
    (event,) = alerts.parse(message(alert(labels=labels, annotations={}, values={})))
    assert (event.name, event.reason) == ("8f78c9e05158455b", "")


def test_a_long_summary_is_cut() -> None:
    (event,) = alerts.parse(message(alert(annotations={"summary": "x" * 5000})))
    assert len(event.reason) == alerts.LONGEST_REASON


def test_a_repeat_is_another_event_and_a_second_delivery_the_same() -> None:
    (first,) = alerts.parse(message(alert()))
    (again,) = alerts.parse(message(alert()))
    (repeat,) = alerts.parse(message(alert(), received_at=RECEIVED_AT + 9))
    assert first == again
    assert first.id == again.id
    assert first.id != repeat.id


def test_a_time_of_any_offset_is_kept_in_utc() -> None:
    (event,) = alerts.parse(message(alert(starts_at="2026-11-20T09:59:50.827123456+02:00")))
    assert event.at == datetime(2026, 11, 20, 7, 59, 50, 827123, tzinfo=UTC)
    assert event.at.tzinfo is UTC


NOT_MESSAGES: dict[str, Any] = {
    "another kind": message(bellhop="alarms"),
    "no kind": {"alerts": []},
    "another sender": message(sender="nagios"),
    "a sender that is a list": message(sender=[]),
    "no time": {"bellhop": "alerts", "sender": "grafana", "alerts": []},
    "a time that is text": message(received_at="1795167590"),
    "a time that is true": message(received_at=True),
    "a time before time": message(received_at=-1),
    "a time that is infinite": message(received_at=float("inf")),
    "a time beyond all": message(received_at=1e300),
    "a time too long": message(received_at=10**400),
    "no alerts": {k: v for k, v in message().items() if k != "alerts"},
    "alerts null": message(alerts=None),
    "alerts an object": message(alerts={}),
    "an alert null": message(None),
    "an alert text": message("alert"),
    "a good and a bad alert": message(alert(), alert(status="on")),
    **{f"no {name}": message({k: v for k, v in alert().items() if k != name}) for name in alert()},
    "fingerprint empty": message(alert(fingerprint="")),
    "fingerprint with a slash": message(alert(fingerprint="a/b")),
    "fingerprint long": message(alert(fingerprint="a" * 65)),
    "fingerprint a number": message(alert(fingerprint=7)),
    "status a list": message(alert(status=["firing"])),
    "the zero time": message(alert(starts_at="0001-01-01T00:00:00Z")),
    "before the zero time": message(alert(starts_at="0001-01-01T00:00:00+23:00")),
    "beyond the last time": message(alert(starts_at="9999-12-31T23:59:59-23:00")),
    "a time of no zone": message(alert(starts_at="2026-11-20T07:59:50")),
    "a day": message(alert(starts_at="2026-11-20")),
    "the thirteenth month": message(alert(starts_at="2026-13-20T07:59:50Z")),
    "labels a list": message(alert(labels=[])),
    "a label that is a number": message(alert(labels={"alertname": 7})),
    "a label of half a character": message(alert(labels={"a": "\ud800"})),
    "a name too long": message(alert(labels={"alertname": "x" * 256})),
    "annotations null": message(alert(annotations=None)),
    "an annotation null": message(alert(annotations={"summary": None})),
    "values a list": message(alert(values=[1])),
    "a value that is text": message(alert(values={"B": "1"})),
    "a value that is NaN": message(alert(values={"B": float("nan")})),
    "a value that is true": message(alert(values={"B": True})),
    "a value too large": message(alert(values={"B": 10**400})),
    "a value of half a name": message(alert(values={"\ud800": 1})),
}


@pytest.mark.parametrize("case", NOT_MESSAGES)
def test_anything_else_is_invalid_input(case: str) -> None:
    with pytest.raises(InvalidInputError):
        alerts.parse(NOT_MESSAGES[case])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def nearly(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    """A message, with any of its fields and its alerts' fields possibly something else."""
    changed = draw(st.dictionaries(st.sampled_from(sorted(alert())), JSON, max_size=2))
    outer = draw(st.dictionaries(st.sampled_from(sorted(message())), JSON, max_size=1))
    found: dict[str, Any] = message(alert(**changed)) | outer
    return found


@given(nearly() | st.dictionaries(st.text(), JSON))
@example({})
@example(message(alert()))
def test_any_document_is_parsed_or_invalid_input(document: dict[str, Any]) -> None:
    try:
        events = alerts.parse(document)
    except InvalidInputError:
        return
    assert len(events) == len(document["alerts"])
    for event in events:
        assert event.id
        assert event.at.tzinfo is UTC
        assert event.source.startswith("alert/")


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001
def test_every_time_that_is_written_is_read_again(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert fields.moment(aware.isoformat()) == aware


@given(st.text(alphabet="0123456789-+:.TZ", max_size=40) | st.text())
def test_no_text_makes_the_time_raise_anything_else(text: str) -> None:
    try:
        found = fields.moment(text)
    except ValueError:
        return
    assert found.tzinfo is UTC


def test_a_message_of_the_queue_is_read_by_who_sent_it() -> None:
    (event,) = senders.parse_message(json.dumps(message(alert())), region=REGION)
    assert event.source == "alert/8f78c9e05158455b"
    for form in ("eventbridge", "sns"):
        (event,) = senders.parse_message((CLOUDWATCH / f"{form}.json").read_text(), region=REGION)
        assert (event.name, event.alert) == ("web-cpu-high", None)
        assert event.source.endswith(":alarm:web-cpu-high")


@pytest.mark.parametrize(
    "body",
    ["", "{", "null", "[]", '"alerts"', "{}", "[" * 100_000, '{"bellhop": "alerts"}', "1" * 5000],
)
def test_a_body_that_nobody_sends_is_invalid_input(body: str) -> None:
    with pytest.raises(InvalidInputError):
        senders.parse_message(body, region=REGION)
