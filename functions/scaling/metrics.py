"""The alarm's metric, read again from CloudWatch."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Protocol

from bellhop.alarms.alarm import Datapoint, Metric
from bellhop.errors import UnavailableError
from botocore.exceptions import BotoCoreError, ClientError

#: How far back a value still says something: three periods, and at least ten minutes, since CloudWatch's
#: datapoints of AWS's own metrics come some minutes late.
_PERIODS_BACK = 3
_LEAST_BACK = timedelta(minutes=10)


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
        return max(
            (Datapoint(float(value), at) for at, value in points if math.isfinite(value)),
            key=lambda point: point.at,
            default=None,
        )
