"""Which of CloudWatch's values is believed."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest
from botocore.stub import Stubber

from bellhop.alarms.alarm import Datapoint, Metric
from bellhop.errors import UnavailableError
from metrics import CloudWatchMetrics, newest_usable
from tests.unit.scaling_world import CPU, START

MINUTE = timedelta(minutes=1)
REQUESTS = Metric("Shop", "Requests", (("Service", "web"),), 60, "Sum")
OVER, UNFINISHED = Datapoint(900.0, START - MINUTE), Datapoint(12.0, START)


def test_an_average_of_the_period_that_is_not_over_yet_counts() -> None:
    assert newest_usable([OVER, UNFINISHED], CPU, now=START + MINUTE / 2) == UNFINISHED


def test_a_sum_counts_only_when_its_period_is_over() -> None:
    assert newest_usable([OVER, UNFINISHED], REQUESTS, now=START + MINUTE / 2) == OVER
    assert newest_usable([OVER, UNFINISHED], REQUESTS, now=START + MINUTE) == UNFINISHED


def test_values_that_are_no_numbers_do_not_count() -> None:
    points = [OVER, Datapoint(float("nan"), START), Datapoint(float("inf"), START)]
    assert newest_usable(points, CPU, now=START) == OVER
    assert newest_usable(points[1:], CPU, now=START) is None


def test_one_metric_is_asked_for_with_its_dimensions_and_statistic() -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    query = {
        "Id": "value",
        "MetricStat": {
            "Metric": {
                "Namespace": "Shop",
                "MetricName": "Requests",
                "Dimensions": [{"Name": "Service", "Value": "web"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
    expected = {
        "MetricDataQueries": [query],
        "StartTime": START - timedelta(minutes=10),
        "EndTime": START + MINUTE,
        "ScanBy": "TimestampDescending",
    }
    answer = {"MetricDataResults": [{"Timestamps": [START - MINUTE], "Values": [900.0]}]}
    with Stubber(cloudwatch) as stub:
        stub.add_response("get_metric_data", answer, expected)
        assert CloudWatchMetrics(cloudwatch).newest(REQUESTS, now=START) == OVER


@pytest.mark.parametrize("code", ["Throttling", "AccessDenied", "InternalServiceFault"])
def test_a_metric_that_cannot_be_read_is_told_with_awss_own_code(code: str) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("get_metric_data", code)
        with pytest.raises(UnavailableError, match=code):
            CloudWatchMetrics(cloudwatch).newest(CPU, now=START)
