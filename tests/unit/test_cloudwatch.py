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
MATH = ("eventbridge-metric-math", "sns-metric-math")


def single(stat: str = "Average", **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "Shop",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "Service", "Value": "web"}],
    }
    return {
        "Id": "value",
        "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat, **more},
        "ReturnData": True,
    }


CPU = Metric("CPUUtilization", 60, (single(),))
#: As boto3 gives them.
DESCRIBED: dict[str, Any] = {
    "AlarmName": "web-cpu-high",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-cpu-high",
    "StateValue": "ALARM",
    "StateReason": "Threshold Crossed",
    "StateReasonData": '{"evaluatedDatapoints": [{"timestamp": "2026-11-20T09:00:00.000+0000", "value": 86.0}]}',
    "StateUpdatedTimestamp": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    "StateTransitionedTimestamp": datetime(2026, 11, 20, 9, 1, 10, 129000, tzinfo=UTC),
    "MetricName": "CPUUtilization",
    "Namespace": "Shop",
    "Statistic": "Average",
    "Dimensions": [{"Name": "Service", "Value": "web"}],
    "Period": 60,
    "Threshold": 60.0,
}


def payload(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", SIMPLE)
def test_each_form_is_the_same_alarm(name: str) -> None:
    event = cloudwatch.parse(payload(name), region=REGION)
    assert event.name == "web-cpu-high"
    assert event.source == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-cpu-high"
    assert event.state is State.ALARM
    assert event.at == datetime(2026, 11, 20, 9, 1, 10, 129000, tzinfo=UTC)
    assert event.metric == CPU
    assert event.threshold == 60.0
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


@pytest.mark.parametrize("name", MATH)
def test_metric_math_is_read_again_with_all_its_queries(name: str) -> None:
    event = cloudwatch.parse(payload(name), region=REGION)
    assert event.metric is not None
    assert (event.metric.name, event.metric.period, event.metric.growing) == (
        "Requests per target",
        300,
        True,
    )
    expression, requests, targets = event.metric.queries
    assert expression == {
        "Id": "e1",
        "Expression": "requests / FILL(targets, 1)",
        "Label": "Requests per target",
        "ReturnData": True,
    }
    assert requests == {
        "Id": "requests",
        "Label": "Requests",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "RequestCount",
                "Dimensions": [
                    {"Name": "LoadBalancer", "Value": "app/web/50dc6c495c0c9188"},
                    {"Name": "TargetGroup", "Value": "targetgroup/web/73e2d6bc24d8a067"},
                ],
            },
            "Period": 60,
            "Stat": "Sum",
        },
        "ReturnData": False,
    }
    assert (targets["Id"], targets["MetricStat"]["Period"], targets["ReturnData"]) == ("targets", 300, False)
    assert event.threshold == 1000.0


def test_both_forms_of_metric_math_are_the_same_alarm() -> None:
    first, second = (cloudwatch.parse(payload(name), region=REGION) for name in MATH)
    assert (first.id, first.metric) == (second.id, second.metric)


def of_queries(*queries: dict[str, Any]) -> Metric | None:
    event = payload("eventbridge-metric-math")
    event["detail"]["configuration"]["metrics"] = list(queries)
    return cloudwatch.parse(event, region=REGION).metric


def stat(id: str = "m1", *, stat: str = "Average", period: object = 60, **more: Any) -> dict[str, Any]:
    """One query as an event has it."""
    metric = {"namespace": "Shop", "name": "Jobs", "dimensions": {}}
    return {"id": id, "metricStat": {"metric": metric, "period": period, "stat": stat}, **more}


def test_an_expression_without_a_label_goes_by_its_id() -> None:
    metric = of_queries({"id": "e1", "expression": "m1*2", "returnData": True}, stat(returnData=False))
    assert metric is not None
    assert metric.name == "e1"


def test_one_metric_is_the_same_whatever_its_alarm_calls_it() -> None:
    assert of_queries(stat("m1", label="Jobs to do")) == of_queries(
        stat("3dc0a1f0-0000-4000-8000-000000000001")
    )


def test_a_query_returns_data_unless_it_says_otherwise() -> None:
    metric = of_queries({"id": "e1", "expression": "m1*2"}, stat(returnData=False))
    assert metric is not None
    assert [query["ReturnData"] for query in metric.queries] == [True, False]


def test_an_anomaly_band_is_no_single_series() -> None:
    assert of_queries(stat(), {"id": "ad1", "expression": "ANOMALY_DETECTION_BAND(m1, 2)"}) is None
    assert of_queries(stat(returnData=False)) is None


def test_an_expression_alone_has_a_minute_or_its_own_period() -> None:
    query = {"id": "q1", "expression": 'SELECT AVG(Depth) FROM "Shop"'}
    alone, with_period = of_queries(query), of_queries(query | {"period": 300})
    assert alone is not None
    assert with_period is not None
    assert (alone.period, with_period.period) == (60, 300)


@pytest.mark.parametrize(
    ("statistic", "growing"),
    [
        ("Sum", True),
        ("SampleCount", True),
        ("tc99", True),
        ("TS(1%:9%)", True),
        ("Average", False),
        ("Maximum", False),
        ("p99", False),
        ("tm90", False),
    ],
)
def test_sums_and_counts_grow_while_their_period_lasts(statistic: str, growing: bool) -> None:
    metric = of_queries(stat(stat=statistic))
    assert metric is not None
    assert metric.growing is growing


def test_a_query_of_sums_grows_and_one_of_averages_does_not() -> None:
    grows = [of_queries({"id": "q1", "expression": f"SELECT {f}(x) FROM y"}) for f in ("SUM", "count", "AVG")]
    assert [metric.growing for metric in grows if metric is not None] == [True, True, False]


def test_another_accounts_metric_is_read_from_that_account() -> None:
    metric = of_queries(stat(accountId="210987654321"))
    assert metric is not None
    assert metric.queries[0]["AccountId"] == "210987654321"


@pytest.mark.parametrize(
    "query",
    [
        stat(period=0),
        stat(period="soon"),
        stat(period=10**400),
        stat(stat=""),
        stat(returnData="yes"),
        {"id": "m1"},
        {"id": "e1", "expression": 5},
        {"id": "E1", "expression": "1"},
        {"id": "é", "expression": "1"},
        {"expression": "1"},
        stat(expression="m1"),
        "m1",
    ],
)
def test_a_malformed_query_is_bad_input(query: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        of_queries(query)


def test_one_id_for_two_queries_is_bad_input() -> None:
    with pytest.raises(InvalidInputError):
        of_queries(stat(returnData=False), {"id": "m1", "expression": "1"})


def test_a_notification_names_statistics_and_units_its_own_way() -> None:
    notification = payload("sns")
    message = json.loads(notification["Message"])
    trigger = message["Trigger"]
    trigger |= {"Statistic": None, "ExtendedStatistic": "p99", "Unit": "Percent"}
    metric = cloudwatch.parse(message, region=REGION).metric
    assert metric == Metric("CPUUtilization", 60, (single("p99", Unit="Percent"),))
    trigger |= {"Statistic": "SAMPLECOUNT", "Unit": ""}
    metric = cloudwatch.parse(message, region=REGION).metric
    assert metric == Metric("CPUUtilization", 60, (single("SampleCount"),), growing=True)


@pytest.mark.parametrize("threshold", [None, "60", True, float("nan"), float("inf")])
def test_a_threshold_that_is_no_number_is_none(threshold: object) -> None:
    event, message = payload("eventbridge"), json.loads(payload("sns")["Message"])
    event["detail"]["state"]["reasonData"] = json.dumps({"threshold": threshold})
    message["Trigger"]["Threshold"] = threshold
    described = DESCRIBED | {"Threshold": threshold}
    assert cloudwatch.parse(event, region=REGION).threshold is None
    assert cloudwatch.parse(message, region=REGION).threshold is None
    assert cloudwatch.from_description(described).threshold is None


def test_a_described_alarm_is_the_one_its_event_told_of_without_the_old_value() -> None:
    told = cloudwatch.parse(payload("eventbridge"), region=REGION)
    described = cloudwatch.from_description(DESCRIBED)
    assert (described.id, described.name, described.state) == (told.id, told.name, told.state)
    assert (described.metric, described.threshold) == (told.metric, told.threshold)
    assert (described.reason, described.datapoint) == ("Threshold Crossed", None)


def test_a_described_alarm_on_metric_math_has_the_metric_its_event_told_of() -> None:
    trigger = json.loads(payload("sns-metric-math")["Message"])["Trigger"]
    single_metric = {"MetricName", "Namespace", "Statistic", "Dimensions", "Period"}
    described = {key: value for key, value in DESCRIBED.items() if key not in single_metric}
    described["Metrics"] = trigger["Metrics"]
    for query in described["Metrics"]:
        if "MetricStat" in query:
            dimensions = query["MetricStat"]["Metric"]["Dimensions"]
            query["MetricStat"]["Metric"]["Dimensions"] = [
                {"Name": each["name"], "Value": each["value"]} for each in dimensions
            ]
    told = cloudwatch.parse(payload("eventbridge-metric-math"), region=REGION)
    assert cloudwatch.from_description(described).metric == told.metric


def test_a_described_percentile_is_read_as_such() -> None:
    described = {key: value for key, value in DESCRIBED.items() if key != "Statistic"}
    described |= {"ExtendedStatistic": "p99", "Unit": "Percent"}
    metric = cloudwatch.from_description(described).metric
    assert metric == Metric("CPUUtilization", 60, (single("p99", Unit="Percent"),))


def test_a_described_composite_alarm_has_neither_metric_nor_threshold() -> None:
    described = {
        "AlarmName": "web-in-trouble",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-in-trouble",
        "AlarmRule": "ALARM(web-cpu-high)",
        "StateValue": "OK",
        "StateUpdatedTimestamp": datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
    }
    event = cloudwatch.from_description(described)
    assert (event.state, event.metric, event.threshold) == (State.OK, None, None)
    assert event.at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"AlarmArn": "web"},
        {"StateValue": "GREEN"},
        {"StateTransitionedTimestamp": "2026-11-20T09:00:00Z"},
        {"StateTransitionedTimestamp": datetime(2026, 11, 20)},  # noqa: DTZ001  what must be refused
        {"StateReason": 5},
        {"Period": None},
        {"Dimensions": [{"Name": "Service"}]},
    ],
)
def test_a_description_of_another_shape_is_bad_input(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        cloudwatch.from_description(DESCRIBED | change)


def test_reason_data_nested_beyond_reading_is_bad_input() -> None:
    event = payload("eventbridge")
    event["detail"]["state"]["reasonData"] = "[" * 200_000
    with pytest.raises(InvalidInputError):
        cloudwatch.parse(event, region=REGION)


def test_a_notification_without_an_arn_gets_the_one_its_region_and_account_make() -> None:
    notification = payload("sns")
    message = json.loads(notification["Message"])
    del message["AlarmArn"]
    notification["Message"] = json.dumps(message)
    event = cloudwatch.parse(notification, region=REGION)
    assert event.source == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web-cpu-high"


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


@given(name=st.sampled_from([*SIMPLE, *MATH, "eventbridge-composite"]), data=st.data())
def test_a_damaged_alarm_is_an_alarm_or_bad_input_and_nothing_else(name: str, data: st.DataObject) -> None:
    document = payload(name)
    if name.startswith("sns"):
        document = json.loads(document["Message"])
    where: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(where)))
        inner = where[key][0] if isinstance(where[key], list) and where[key] else where[key]
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            where = inner
            continue
        where[key] = data.draw(json_values)
        break
    try:
        event = cloudwatch.parse(document, region=REGION)
    except InvalidInputError:
        return
    assert event.state in State
    assert event.at.tzinfo is not None
