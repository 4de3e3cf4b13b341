"""CloudWatch's alarm in its three forms: EventBridge event, SNS notification, direct Lambda action.

Forms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ ("cloudwatch-and-eventbridge",
"AlarmThatSendsEmail", "alarms-and-actions-Lambda"). Anything else is an InvalidInputError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bellhop.alarms.alarm import AlarmEvent, Datapoint, Metric, State
from bellhop.errors import InvalidInputError

#: SNS names the statistic in capitals ("AVERAGE"), GetMetricData wants it as the console shows it.
_STATISTICS = {s.upper(): s for s in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")}


def parse_message(body: str, *, region: str) -> AlarmEvent:
    """The alarm in an SQS message's body: an EventBridge event, an SNS envelope, or what SNS delivers raw."""
    return parse(_document(body), region=region)


def parse(document: Mapping[str, Any], *, region: str) -> AlarmEvent:
    """The alarm in a decoded document of any of the three forms. Raises InvalidInputError for all else.

    region: where the alarm is, for SNS notifications that leave out its ARN (an alarm and its topic are always
    in one region).
    """
    try:
        if "requestPayload" in document:
            # What Lambda puts into the dead-letter queue for a direct action that failed, on its way back.
            return parse(document["requestPayload"], region=region)
        if "alarmData" in document:
            return _from_direct_action(document)
        if document.get("detail-type") == "CloudWatch Alarm State Change":
            return _from_eventbridge(document)
        if document.get("Type") == "Notification":
            return _from_sns(_document(document["Message"]), region)
        if "AlarmName" in document:
            return _from_sns(document, region)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(f"not a CloudWatch alarm: {type(error).__name__} {error}") from error
    raise InvalidInputError("not a CloudWatch alarm in any of its three forms")


def _document(body: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError("the message is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidInputError("the message is not a JSON object")
    return document


def _from_eventbridge(event: Mapping[str, Any]) -> AlarmEvent:
    return _from_alarm_data(event["resources"][0], event["detail"])


def _from_direct_action(event: Mapping[str, Any]) -> AlarmEvent:
    return _from_alarm_data(event["alarmArn"], event["alarmData"])


def _from_alarm_data(arn: str, data: Mapping[str, Any]) -> AlarmEvent:
    state = data["state"]
    return AlarmEvent(
        arn=_arn(arn),
        name=_text(data["alarmName"]),
        state=State(state["value"]),
        at=_time(state["timestamp"]),
        reason=_text(state.get("reason", "")),
        metric=_single_metric(data.get("configuration", {}).get("metrics", [])),
        datapoint=_newest_datapoint(state.get("reasonData")),
    )


def _from_sns(message: Mapping[str, Any], region: str) -> AlarmEvent:
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    made = f"arn:{partition}:cloudwatch:{region}:{message['AWSAccountId']}:alarm:{message['AlarmName']}"
    return AlarmEvent(
        arn=_arn(message.get("AlarmArn", made)),
        name=_text(message["AlarmName"]),
        state=State(message["NewStateValue"]),
        at=_time(message["StateChangeTime"]),
        reason=_text(message.get("NewStateReason", "")),
        metric=_sns_metric(message.get("Trigger") or {}),
    )


def _single_metric(metrics: list[Mapping[str, Any]]) -> Metric | None:
    """The metric of an alarm on one metric. Metric math and composites have none that can be read alone."""
    if len(metrics) != 1 or "metricStat" not in metrics[0]:
        return None
    stat = metrics[0]["metricStat"]
    dimensions = stat["metric"].get("dimensions", {})
    return Metric(
        namespace=_text(stat["metric"]["namespace"]),
        name=_text(stat["metric"]["name"]),
        dimensions=tuple(sorted((str(k), str(v)) for k, v in dimensions.items())),
        period=int(stat["period"]),
        statistic=_text(stat["stat"]),
    )


def _sns_metric(trigger: Mapping[str, Any]) -> Metric | None:
    if not trigger.get("MetricName"):
        return None
    statistic = trigger.get("Statistic") or trigger.get("ExtendedStatistic") or "Average"
    return Metric(
        namespace=_text(trigger["Namespace"]),
        name=_text(trigger["MetricName"]),
        dimensions=tuple(sorted(_sns_dimension(d) for d in trigger.get("Dimensions") or [])),
        period=int(trigger["Period"]),
        statistic=_STATISTICS.get(_text(statistic).upper(), _text(statistic)),
    )


def _sns_dimension(dimension: Mapping[str, Any]) -> tuple[str, str]:
    # CloudWatch writes name and value; MiniStack, for alarms of a template, Name and Value.
    lower = {key.lower(): value for key, value in dimension.items()}
    return _text(lower["name"]), _text(lower["value"])


def _newest_datapoint(reason_data: str | None) -> Datapoint | None:
    """The newest datapoint with a finite value in `reasonData`, which is a JSON string (and absent for
    composites, for set-alarm-state, and when there was no data)."""
    if not reason_data:
        return None
    data = json.loads(reason_data)
    if not isinstance(data, dict):
        return None
    points = [
        Datapoint(float(point["value"]), _time(point["timestamp"]))
        for point in data.get("evaluatedDatapoints", [])
        if type(point.get("value")) in {int, float} and math.isfinite(point["value"])
    ]
    return max(points, key=lambda point: point.at, default=None)


def _time(text: str) -> datetime:
    """CloudWatch's timestamps: `2026-11-20T09:00:00.000+0000` (no colon), or with Z. Aware, UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"timestamp without an offset: {text}")
    return moment.astimezone(UTC)


def _arn(value: Any) -> str:  # noqa: ANN401  anything may stand in a message
    arn = _text(value)
    if not arn.startswith("arn:") or ":alarm:" not in arn:
        raise ValueError("no alarm ARN")
    return arn


def _text(value: Any) -> str:  # noqa: ANN401  anything may stand in a message
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value
