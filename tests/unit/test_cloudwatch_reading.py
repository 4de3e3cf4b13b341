"""Which of CloudWatch's values is believed, and how it is asked for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.stub import Stubber

from bellhop.alarms.alarm import Datapoint, Metric, State
from bellhop.errors import UnavailableError
from cloudwatch_reading import CloudWatch, newest_usable, renamed

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), 3600, 86_400
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
OVER, UNFINISHED = Datapoint(900.0, START - MINUTE), Datapoint(12.0, START)


def query(
    id: str = "value", *, name: str = "Requests", period: int = 60, stat: str = "Sum"
) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": name, "Dimensions": [{"Name": "Service", "Value": "web"}]}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, "ReturnData": True}


def metric(name: str, period: int = 60) -> Metric:
    return Metric(name, period, (query(name=name, period=period, stat="Average"),))


def math(expression: str = "requests / errors", *, growing: bool = False) -> Metric:
    """A metric of two series and an expression, as an alarm has them."""
    inner = [query("requests") | {"ReturnData": False}, query("errors") | {"ReturnData": False}]
    return Metric("Ratio", 60, ({"Id": "e1", "Expression": expression, "ReturnData": True}, *inner), growing)


CPU = metric("CPUUtilization")
REQUESTS = Metric("Requests", 60, (query(),), growing=True)


class Client:
    """boto3's CloudWatch client: each query that returns data is answered by `values`, by its metric's name."""

    def __init__(self, values: Mapping[str, list[tuple[datetime, float]]] | None = None) -> None:
        self.values = values or {}
        self.calls: list[dict[str, Any]] = []
        self.refuse: Callable[[list[dict[str, Any]]], bool] = lambda _queries: False

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        queries = request["MetricDataQueries"]
        if self.refuse(queries):
            raise ClientError({"Error": {"Code": "ValidationError"}}, "GetMetricData")
        return {
            "MetricDataResults": [
                result(each["Id"], *self.values.get(name_of(each), []))
                for each in queries
                if each["ReturnData"]
            ]
        }


def name_of(query: Mapping[str, Any]) -> str:
    stat = query.get("MetricStat")
    return str(stat["Metric"]["MetricName"] if stat else query["Expression"])


def result(id: str, *points: tuple[datetime, float], **more: str) -> dict[str, Any]:
    return {
        "Id": id,
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
        **more,
    }


def asked(call: Mapping[str, Any]) -> list[str]:
    return [each["Id"] for each in call["MetricDataQueries"]]


# ------------------------------------------------------------ Which value
def test_an_average_of_the_period_that_is_not_over_yet_counts() -> None:
    assert newest_usable([OVER, UNFINISHED], CPU, now=START + MINUTE / 2) == UNFINISHED


def test_a_sum_counts_only_when_its_period_is_over() -> None:
    assert newest_usable([OVER, UNFINISHED], REQUESTS, now=START + MINUTE / 2) == OVER
    assert newest_usable([OVER, UNFINISHED], REQUESTS, now=START + MINUTE) == UNFINISHED


def test_values_that_are_no_numbers_do_not_count() -> None:
    points = [OVER, Datapoint(float("nan"), START), Datapoint(float("inf"), START)]
    assert newest_usable(points, CPU, now=START) == OVER
    assert newest_usable(points[1:], CPU, now=START) is None


def test_a_value_of_a_clock_far_ahead_does_not_count() -> None:
    slightly, far = Datapoint(1.0, START + 5 * MINUTE), Datapoint(2.0, START + 6 * MINUTE)
    assert newest_usable([OVER, slightly, far], CPU, now=START) == slightly


@pytest.mark.parametrize(("period", "minutes"), [(60, 10), (300, 15), (10, 10)])
def test_a_value_counts_for_three_periods_and_at_least_ten_minutes(period: int, minutes: int) -> None:
    last = Datapoint(5.0, START - minutes * MINUTE)
    assert newest_usable([last], metric("Jobs", period), now=START) == last
    assert newest_usable([last], metric("Jobs", period), now=START + timedelta(seconds=1)) is None


# ------------------------------------------------------------ How it is asked for
def test_one_metric_is_asked_for_with_its_dimensions_and_statistic() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    expected = {
        "MetricDataQueries": [query()],
        "StartTime": START - timedelta(minutes=10),
        "EndTime": START + MINUTE,
        "ScanBy": "TimestampDescending",
    }
    answer = {"MetricDataResults": [result("value", (START - MINUTE, 900.0))]}
    with Stubber(cloudwatch) as stub:
        stub.add_response("get_metric_data", answer, expected)
        assert CloudWatch(cloudwatch).newest([REQUESTS], now=START) == [OVER]


def test_without_metrics_nothing_is_asked() -> None:
    client = Client()
    assert CloudWatch(client).newest([], now=START) == []
    assert client.calls == []


def test_many_metrics_are_one_call_and_each_gets_its_own_value() -> None:
    client = Client({"CPUUtilization": [(START, 1.0)], "m1_requests / m1_errors": [(START, 2.0)]})
    found = CloudWatch(client).newest([CPU, math(), metric("Unknown"), REQUESTS], now=START)
    assert found == [Datapoint(1.0, START), Datapoint(2.0, START), None, None]
    [call] = client.calls
    assert asked(call) == ["m0_value", "m1_e1", "m1_requests", "m1_errors", "m2_value", "m3_value"]


def test_calls_hold_500_queries_and_no_metric_is_split() -> None:
    metrics = [math() for _ in range(166)] + [math()] + [CPU]
    client = Client({"CPUUtilization": [(START, 1.0)]})
    found = CloudWatch(client).newest(metrics, now=START)
    assert [len(call["MetricDataQueries"]) for call in client.calls] == [498, 4]
    assert found == [None] * 167 + [Datapoint(1.0, START)]


def test_a_call_looks_back_as_far_as_its_slowest_metric_and_the_quick_ones_take_nothing_older() -> None:
    old = (START - 40 * MINUTE, 7.0)
    client = Client({"Quick": [old], "Slow": [old]})
    found = CloudWatch(client).newest([metric("Quick"), metric("Slow", 900)], now=START + MINUTE)
    assert found == [None, Datapoint(7.0, START - 40 * MINUTE)]
    [call] = client.calls
    assert call["StartTime"] == START - 45 * MINUTE  # 08:16, in step with 15 minutes
    assert call["EndTime"] == START + 16 * MINUTE


def test_metrics_of_hours_share_no_call_with_those_of_minutes() -> None:
    client = Client({name: [(START, 1.0)] for name in ("Quick", "Daily", "Hourly")})
    metrics = [metric("Daily", DAY), metric("Quick", 10), metric("Hourly", HOUR)]
    assert CloudWatch(client).newest(metrics, now=START) == [Datapoint(1.0, START)] * 3
    assert [asked(call) for call in client.calls] == [["value"], ["m0_value", "m1_value"]]
    assert [call["StartTime"] for call in client.calls] == [
        START - 10 * MINUTE,
        START.replace(day=17, hour=0),
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "SUM(METRICS())",
        'AVG(metrics ("requests"))',
        'SELECT AVG(requests) FROM "Shop"',
        "errors + " * 60 + "requests",
    ],
)
def test_an_expression_that_would_mean_something_else_among_others_is_asked_alone(expression: str) -> None:
    client = Client({expression: [(START, 3.0)], "CPUUtilization": [(START, 1.0)]})
    found = CloudWatch(client).newest([CPU, math(expression), CPU], now=START)
    assert found == [Datapoint(1.0, START), Datapoint(3.0, START), Datapoint(1.0, START)]
    assert sorted(map(asked, client.calls)) == [["e1", "requests", "errors"], ["m0_value", "m1_value"]]


@pytest.mark.parametrize(
    ("expression", "becomes"),
    [
        ("m1/m2", "p_m1/p_m2"),
        ("m10+m1*m1", "m10+p_m1*p_m1"),
        ("IF(m1 > 2e1, sum, SUM([m1,m2]))", "IF(p_m1 > 2e1, p_sum, SUM([p_m1,p_m2]))"),
        ("""SEARCH('{A,m1} "m1"', "Sum")-m1""", """SEARCH('{A,m1} "m1"', "Sum")-p_m1"""),
        (r"""F("m1\" m1", m1)""", r"""F("m1\" m1", p_m1)"""),
        ("""F("m1", 'm2', m1)""", """F("m1", 'm2', p_m1)"""),
        ("am1 m1a _m1 M1 1m1", "am1 m1a _m1 M1 1m1"),
    ],
)
def test_ids_are_renamed_as_whole_words_outside_quotes(expression: str, becomes: str) -> None:
    queries = [query("m1"), query("m2"), query("sum"), {"Id": "e1", "Expression": expression}]
    *stats, changed = renamed(queries, "p_")
    assert [each["Id"] for each in stats] == ["p_m1", "p_m2", "p_sum"]
    assert changed == {"Id": "p_e1", "Expression": becomes}
    assert queries[3]["Expression"] == expression


def test_a_value_may_stand_on_any_page() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    pages: list[dict[str, Any]] = [
        {"MetricDataResults": [result("m0_value"), result("m1_value", (START, 2.0))], "NextToken": "more"},
        {"MetricDataResults": [result("m0_value", (START, 1.0))]},
    ]
    request = {
        "MetricDataQueries": [{**query(stat="Average", name=name), "Id": id} for id, name in IDS_AND_NAMES],
        "StartTime": START - 10 * MINUTE,
        "EndTime": START + MINUTE,
        "ScanBy": "TimestampDescending",
    }
    with Stubber(cloudwatch) as stub:
        stub.add_response("get_metric_data", pages[0], request)
        stub.add_response("get_metric_data", pages[1], request | {"NextToken": "more"})
        found = CloudWatch(cloudwatch).newest([metric("A"), metric("B")], now=START)
        stub.assert_no_pending_responses()
    assert found == [Datapoint(1.0, START), Datapoint(2.0, START)]


IDS_AND_NAMES = (("m0_value", "A"), ("m1_value", "B"))


def test_an_answer_without_an_end_is_given_up() -> None:
    class Endless(Client):
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            return super().get_metric_data(**request) | {"NextToken": "again"}

    with pytest.raises(UnavailableError, match="GetMetricData: more than 500 pages"):
        CloudWatch(Endless()).newest([CPU], now=START)


def test_of_several_series_none_is_the_metrics_value() -> None:
    class Several(Client):
        def get_metric_data(self, **_: Any) -> dict[str, Any]:
            return {"MetricDataResults": [result("value", (START, 1.0)), result("value", (START, 9.0))]}

    assert CloudWatch(Several()).newest([CPU], now=START) == [None]


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_a_series_that_could_not_be_read_is_told(status: str, caplog: pytest.LogCaptureFixture) -> None:
    class Partly(Client):
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            return {"MetricDataResults": [result("value", StatusCode=status, Label="CPU")]}

    with caplog.at_level(logging.WARNING):
        assert CloudWatch(Partly()).newest([CPU], now=START) == [None]
    assert [(record.getMessage(), vars(record)["code"]) for record in caplog.records] == [
        ("metric.unread", status)
    ]


# ------------------------------------------------------------ What goes wrong
@pytest.mark.parametrize(
    "code", ["Throttling", "AccessDenied", "InternalServiceFault", "InvalidClientTokenId"]
)
def test_a_metric_that_cannot_be_read_is_told_with_awss_own_code(code: str) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("get_metric_data", code)
        with pytest.raises(UnavailableError, match=f"GetMetricData: {code}"):
            CloudWatch(cloudwatch).newest([CPU], now=START)


def test_one_metric_that_cloudwatch_refuses_takes_no_others_value(caplog: pytest.LogCaptureFixture) -> None:
    client = Client({f"Jobs{number}": [(START, float(number))] for number in range(7)})
    client.refuse = lambda queries: any(name_of(each) == "Broken" for each in queries)
    metrics = [metric(f"Jobs{number}") for number in range(7)]
    metrics.insert(3, metric("Broken"))
    with caplog.at_level(logging.WARNING):
        found = CloudWatch(client).newest(metrics, now=START)
    expected: list[Datapoint | None] = [Datapoint(float(number), START) for number in range(7)]
    assert found == [*expected[:3], None, *expected[3:]]
    [record] = caplog.records
    assert (record.getMessage(), vars(record)["metric"]) == ("metric.refused", "Broken")
    assert vars(record)["because"] == "GetMetricData: ValidationError"


def test_a_metric_that_boto3_refuses_takes_no_others_value() -> None:
    class Strict(Client):
        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            if any(name_of(each) == "" for each in request["MetricDataQueries"]):
                raise ParamValidationError(report="too short")
            return super().get_metric_data(**request)

    client = Strict({"CPUUtilization": [(START, 1.0)]})
    assert CloudWatch(client).newest([metric(""), CPU], now=START) == [None, Datapoint(1.0, START)]


def test_a_cloudwatch_out_of_reach_is_told() -> None:
    class Gone:
        def __getattr__(self, _: str) -> Any:
            def call(**_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="https://monitoring")

            return call

    with pytest.raises(UnavailableError, match="GetMetricData: EndpointConnectionError"):
        CloudWatch(Gone()).newest([CPU], now=START)
    with pytest.raises(UnavailableError, match="DescribeAlarms: EndpointConnectionError"):
        CloudWatch(Gone()).states(["a"])


# ------------------------------------------------------------ Alarms
BOTH = ["MetricAlarm", "CompositeAlarm"]


def described(name: str, **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmArn": ARN + name,
        "StateValue": "OK",
        "StateTransitionedTimestamp": START,
        **more,
    }


def test_alarms_are_asked_for_a_hundred_at_a_time_and_the_deleted_are_left_out() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    names = [f"a{number}" for number in range(101)]
    with Stubber(cloudwatch) as stub:
        stub.add_response(
            "describe_alarms",
            {"MetricAlarms": [described("a7", MetricName="Jobs", Namespace="S", Period=60, Statistic="Sum")]},
            {"AlarmNames": names[:100], "AlarmTypes": BOTH, "MaxRecords": 100},
        )
        stub.add_response(
            "describe_alarms",
            {"MetricAlarms": [], "CompositeAlarms": [described("a100", StateValue="ALARM")]},
            {"AlarmNames": names[100:], "AlarmTypes": BOTH, "MaxRecords": 100},
        )
        metric_alarm, composite = CloudWatch(cloudwatch).states([*names, "a7"])
        stub.assert_no_pending_responses()
    assert (metric_alarm.source, metric_alarm.state, metric_alarm.at) == (f"{ARN}a7", State.OK, START)
    assert metric_alarm.metric is not None
    assert metric_alarm.metric.growing
    assert (composite.name, composite.state, composite.metric) == ("a100", State.ALARM, None)


def test_without_names_no_alarm_is_asked_for() -> None:
    # DescribeAlarms without names would answer with all of them.
    assert CloudWatch(None).states([]) == []


def test_all_alarms_are_read_page_by_page() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    request = {"AlarmTypes": BOTH, "MaxRecords": 100}
    with Stubber(cloudwatch) as stub:
        stub.add_response("describe_alarms", {"MetricAlarms": [described("a")], "NextToken": "more"}, request)
        stub.add_response(
            "describe_alarms",
            {"MetricAlarms": [described("b")], "CompositeAlarms": [described("c")]},
            request | {"NextToken": "more"},
        )
        assert [event.name for event in CloudWatch(cloudwatch).all()] == ["a", "b", "c"]


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_alarms_that_cannot_be_read_are_told_with_awss_own_code(code: str) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("describe_alarms", code)
        with pytest.raises(UnavailableError, match=f"DescribeAlarms: {code}"):
            CloudWatch(cloudwatch).all()
