"""The alarm in its three forms, and everything that is not one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.alarms import cloudwatch
from bellhop.alarms.alarm import Datapoint, Metric, State
from bellhop.errors import InvalidInputError

EVENTS = Path(__file__).parents[2] / "events" / "cloudwatch"
REGION = "eu-west-1"
SIMPLE = ("eventbridge", "sns", "direct-action")


def payload(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", SIMPLE)
def test_each_form_is_the_same_alarm(name: str) -> None:
    event = cloudwatch.parse(payload(name), region=REGION)
    assert event.name == "web-cpu-high"
    assert event.arn == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-cpu-high"
    assert event.state is State.ALARM
    assert event.at == datetime(2026, 11, 20, 9, 1, 10, 129000, tzinfo=UTC)
    assert event.metric == Metric("Shop", "CPUUtilization", (("Service", "web"),), 60, "Average")
    assert event.reason.startswith("Threshold Crossed")


def test_the_three_forms_of_one_change_have_one_identity() -> None:
    ids = {cloudwatch.parse(payload(name), region=REGION).id for name in SIMPLE}
    assert len(ids) == 1


@pytest.mark.parametrize("name", ["eventbridge", "direct-action"])
def test_the_newest_evaluated_datapoint_is_the_value(name: str) -> None:
    event = cloudwatch.parse(payload(name), region=REGION)
    assert event.datapoint == Datapoint(86.0, datetime(2026, 11, 20, 9, 0, tzinfo=UTC))


def test_sns_carries_no_value() -> None:
    assert cloudwatch.parse(payload("sns"), region=REGION).datapoint is None


def test_a_composite_alarm_has_no_metric_and_no_value() -> None:
    event = cloudwatch.parse(payload("eventbridge-composite"), region=REGION)
    assert (event.name, event.metric, event.datapoint) == ("web-in-trouble", None, None)


def test_metric_math_has_no_metric_that_could_be_read_alone() -> None:
    event = payload("eventbridge")
    event["detail"]["configuration"]["metrics"] = [{"id": "e1", "expression": "m1/m2", "returnData": True}]
    assert cloudwatch.parse(event, region=REGION).metric is None


def test_a_notification_without_an_arn_gets_the_one_its_region_and_account_make() -> None:
    notification = payload("sns")
    message = json.loads(notification["Message"])
    del message["AlarmArn"]
    notification["Message"] = json.dumps(message)
    event = cloudwatch.parse(notification, region=REGION)
    assert event.arn == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-cpu-high"


def test_raw_delivery_is_read_too() -> None:
    raw = payload("sns")["Message"]
    assert cloudwatch.parse_message(raw, region=REGION).name == "web-cpu-high"


def test_a_failed_direct_action_can_be_redriven() -> None:
    record = {"version": "1.0", "requestContext": {}, "requestPayload": payload("direct-action")}
    assert cloudwatch.parse(record, region=REGION) == cloudwatch.parse(
        payload("direct-action"), region=REGION
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "86", None, True])
def test_a_value_that_is_no_number_is_not_used(value: object) -> None:
    event = payload("eventbridge")
    data = json.loads(event["detail"]["state"]["reasonData"])
    data["evaluatedDatapoints"] = [{"timestamp": "2026-11-20T09:00:00.000+0000", "value": value}]
    event["detail"]["state"]["reasonData"] = json.dumps(data)
    assert cloudwatch.parse(event, region=REGION).datapoint is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"Type": "SubscriptionConfirmation"}',
        '{"Type": "Notification", "Message": "hello"}',
        '{"Type": "Notification", "Message": 7}',
        '{"detail-type": "CloudWatch Alarm State Change"}',
        '{"detail-type": "CloudWatch Alarm State Change", "resources": [], "detail": {}}',
        '{"alarmData": []}',
        '{"requestPayload": 3}',
        '{"source": "aws.s3", "detail-type": "Object Created"}',
    ],
)
def test_what_is_no_alarm_is_bad_input(body: str) -> None:
    with pytest.raises(InvalidInputError):
        cloudwatch.parse_message(body, region=REGION)


@pytest.mark.parametrize("state", ["BROKEN", "", None, 3])
def test_an_unknown_state_is_bad_input(state: object) -> None:
    event = payload("eventbridge")
    event["detail"]["state"]["value"] = state
    with pytest.raises(InvalidInputError):
        cloudwatch.parse(event, region=REGION)


@pytest.mark.parametrize("time", ["yesterday", "2026-11-20T09:01:10", "", 5])
def test_a_time_without_an_offset_is_bad_input(time: object) -> None:
    event = payload("eventbridge")
    event["detail"]["state"]["timestamp"] = time
    with pytest.raises(InvalidInputError):
        cloudwatch.parse(event, region=REGION)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from([*SIMPLE, "eventbridge-composite"]), data=st.data())
def test_a_damaged_alarm_is_an_alarm_or_bad_input_and_nothing_else(name: str, data: st.DataObject) -> None:
    document = payload(name)
    if name == "sns":
        document = json.loads(document["Message"])
    where: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(where)))
        if isinstance(where[key], dict) and where[key] and data.draw(st.booleans()):
            where = where[key]
            continue
        where[key] = data.draw(json_values)
        break
    try:
        event = cloudwatch.parse(document, region=REGION)
    except InvalidInputError:
        return
    assert event.state in State
    assert event.at.tzinfo is not None
