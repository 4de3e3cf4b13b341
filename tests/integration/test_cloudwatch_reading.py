"""boto3's side of alarms and metrics, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudwatch.models import cloudwatch_backends

from bellhop.alarms.alarm import Datapoint, State
from cloudwatch_reading import CloudWatch

#: The whole minute before last: an average and a sum of it are both over.
NOW = datetime.now(UTC)
AT = NOW.replace(second=0, microsecond=0) - timedelta(minutes=2)
SERVICE = [{"Name": "Service", "Value": "web"}]


@pytest.fixture
def aws() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="eu-west-1")


def put_alarm(aws: Any, name: str, metric: str = "CPUUtilization", **more: Any) -> None:
    aws.put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=60.0,
        **(
            more
            or {
                "Namespace": "Shop",
                "MetricName": metric,
                "Dimensions": SERVICE,
                "Period": 60,
                "Statistic": "Average",
            }
        ),
    )


def put_data(aws: Any, metric: str, *values: float) -> None:
    data = [
        {"MetricName": metric, "Dimensions": SERVICE, "Timestamp": AT, "Value": value} for value in values
    ]
    aws.put_metric_data(Namespace="Shop", MetricData=data)


def test_an_alarm_is_read_back_in_its_state_with_its_value(aws: Any) -> None:
    put_alarm(aws, "web-cpu-high")
    before = datetime.now(UTC).replace(microsecond=0)
    aws.set_alarm_state(
        AlarmName="web-cpu-high", StateValue="ALARM", StateReason="busy", StateReasonData="{}"
    )
    put_data(aws, "CPUUtilization", 80.0, 92.0)
    cloudwatch = CloudWatch(aws)
    [alarm] = cloudwatch.states(["web-cpu-high", "deleted"])
    assert (alarm.name, alarm.state, alarm.reason) == ("web-cpu-high", State.ALARM, "busy")
    assert alarm.source.endswith(":alarm:web-cpu-high")
    assert before <= alarm.at <= datetime.now(UTC)
    assert alarm.threshold == 60.0
    assert alarm.metric is not None
    assert cloudwatch.newest([alarm.metric], now=NOW) == [Datapoint(86.0, AT)]


def test_metrics_read_together_keep_their_own_values(aws: Any) -> None:
    put_alarm(aws, "cpu")
    put_alarm(aws, "silent", "Nothing")
    requests = {"Namespace": "Shop", "MetricName": "Requests", "Dimensions": SERVICE}
    stat = {"Metric": requests, "Period": 60, "Stat": "Sum"}
    # The only expression moto knows is an id.
    put_alarm(
        aws,
        "math",
        Metrics=[
            {"Id": "value", "MetricStat": stat, "ReturnData": False},
            {"Id": "e1", "Expression": "value", "Label": "Requests", "ReturnData": True},
        ],
    )
    put_data(aws, "CPUUtilization", 86.0)
    put_data(aws, "Requests", 400.0, 500.0)
    cloudwatch = CloudWatch(aws)
    metrics = {alarm.name: alarm.metric for alarm in cloudwatch.all()}
    asked = [metric for name in ("cpu", "silent", "math") if (metric := metrics[name]) is not None]
    assert [metric.name for metric in asked] == ["CPUUtilization", "Nothing", "Requests"]
    assert cloudwatch.newest(asked, now=NOW) == [Datapoint(86.0, AT), None, Datapoint(900.0, AT)]


def test_composite_alarms_are_read_too(aws: Any) -> None:
    put_alarm(aws, "cpu")
    put_alarm(aws, "trouble", Metrics=[])
    # moto describes composite alarms but cannot put one.
    cloudwatch_backends["123456789012"]["eu-west-1"].alarms["trouble"].rule = "ALARM(cpu)"
    alarms = {alarm.name: alarm for alarm in CloudWatch(aws).all()}
    assert alarms.keys() == {"cpu", "trouble"}
    assert (alarms["trouble"].metric, alarms["trouble"].threshold) == (None, None)
    assert [alarm.name for alarm in CloudWatch(aws).states(["trouble"])] == ["trouble"]
