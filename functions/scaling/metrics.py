"""The alarm's metric, read again from CloudWatch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from bellhop.alarms.alarm import Datapoint, Metric
from bellhop.errors import UnavailableError

#: How far back a value still says something: three periods, and at least ten minutes, since CloudWatch's
#: datapoints of AWS's own metrics come some minutes late.
_PERIODS_BACK = 3
_LEAST_BACK = timedelta(minutes=10)
#: Statistics that only grow while their period lasts: an unfinished one says too little.
_GROWING = frozenset({"Sum", "SampleCount"})


class Metrics(Protocol):
    """Where a metric's newest value comes from."""

    def newest(self, metric: Metric, *, now: datetime) -> Datapoint | None:
        """The newest datapoint with a finite value, or None. Raises UnavailableError."""


class CloudWatchMetrics:
    """`Metrics` over GetMetricData (one call, one metric)."""

    def __init__(self, cloudwatch: Any) -> None:  # noqa: ANN401  a boto3 client
        self._cloudwatch = cloudwatch

    def newest(self, metric: Metric, *, now: datetime) -> Datapoint | None:
        back = max(timedelta(seconds=metric.period * _PERIODS_BACK), _LEAST_BACK)
        query = {
            "Id": "value",
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                },
                "Period": metric.period,
                "Stat": metric.statistic,
            },
        }
        try:
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=[query],
                StartTime=now - back,
                EndTime=now + timedelta(seconds=metric.period),
                ScanBy="TimestampDescending",
            )
        except ClientError as error:
            raise UnavailableError(f"GetMetricData: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise UnavailableError(f"GetMetricData: {type(error).__name__}") from error
        series = answer["MetricDataResults"][0]
        points = zip(series["Timestamps"], series["Values"], strict=True)
        return newest_usable([Datapoint(float(value), at) for at, value in points], metric, now=now)


def newest_usable(points: Iterable[Datapoint], metric: Metric, *, now: datetime) -> Datapoint | None:
    """The newest finite value. Of sums and counts, only of a period that is over: half a period's sum would
    scale a busy workload down."""
    whole_until = now - timedelta(seconds=metric.period)
    usable = [
        point
        for point in points
        if math.isfinite(point.value) and (metric.statistic not in _GROWING or point.at <= whole_until)
    ]
    return max(usable, key=lambda point: point.at, default=None)
