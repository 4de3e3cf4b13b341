"""CloudWatch's alarm in its three forms: EventBridge event, SNS notification, direct Lambda action; and as
DescribeAlarms tells of it.

Forms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ ("cloudwatch-and-eventbridge",
"AlarmThatSendsEmail", "alarms-and-actions-Lambda"). Anything else is an InvalidInputError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bellhop.alarms import cloudwatch_metrics
from bellhop.alarms.alarm import AlarmEvent, Datapoint, State
from bellhop.alarms.cloudwatch_metrics import text
from bellhop.errors import InvalidInputError

#: What reading a document of another shape raises.
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


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
    except _MALFORMED as error:
        raise InvalidInputError(f"not a CloudWatch alarm: {type(error).__name__} {error}") from error
    raise InvalidInputError("not a CloudWatch alarm in any of its three forms")


def from_description(alarm: Mapping[str, Any]) -> AlarmEvent:
    """The alarm as it is now, from an element of DescribeAlarms' MetricAlarms or CompositeAlarms (as boto3 gives
    them). Raises InvalidInputError.

    Without a datapoint: StateReasonData is of the last change, which may be long ago.
    """
    try:
        # The time of the event that told of this state. StateTransitionedTimestamp is "the date and time that
        # the alarm's StateValue most recently changed"; StateUpdatedTimestamp moves without a change too (with
        # EvaluationState, and for composite alarms with any update), but older stand-ins have no other.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
        at = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
        return AlarmEvent(
            source=_arn(alarm["AlarmArn"]),
            name=text(alarm["AlarmName"]),
            state=State(alarm["StateValue"]),
            at=_utc(at),
            reason=text(alarm.get("StateReason", "")),
            metric=cloudwatch_metrics.of_description(alarm),
            threshold=_number(alarm.get("Threshold")),
        )
    except _MALFORMED as error:
        raise InvalidInputError(f"not a CloudWatch alarm: {type(error).__name__} {error}") from error


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
    evaluated = _reason_data(state.get("reasonData"))
    return AlarmEvent(
        source=_arn(arn),
        name=text(data["alarmName"]),
        state=State(state["value"]),
        at=_time(state["timestamp"]),
        reason=text(state.get("reason", "")),
        metric=cloudwatch_metrics.of_event(data.get("configuration", {}).get("metrics")),
        datapoint=_newest_datapoint(evaluated),
        threshold=_number(evaluated.get("threshold")),
    )


def _from_sns(message: Mapping[str, Any], region: str) -> AlarmEvent:
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    made = f"arn:{partition}:cloudwatch:{region}:{message['AWSAccountId']}:alarm:{message['AlarmName']}"
    trigger = message.get("Trigger") or {}
    return AlarmEvent(
        source=_arn(message.get("AlarmArn", made)),
        name=text(message["AlarmName"]),
        state=State(message["NewStateValue"]),
        at=_time(message["StateChangeTime"]),
        reason=text(message.get("NewStateReason", "")),
        metric=cloudwatch_metrics.of_trigger(trigger),
        threshold=_number(trigger.get("Threshold")),
    )


def _reason_data(json_text: str | None) -> Mapping[str, Any]:
    """`reasonData`, which is a JSON string (and absent or empty for set-alarm-state and when there was no data)."""
    data = json.loads(json_text) if json_text else {}
    return data if isinstance(data, dict) else {}


def _newest_datapoint(evaluated: Mapping[str, Any]) -> Datapoint | None:
    """The newest evaluated datapoint with a finite value. Composite alarms have none."""
    points = [
        Datapoint(value, _time(point["timestamp"]))
        for point in evaluated.get("evaluatedDatapoints", [])
        if (value := _number(point.get("value"))) is not None
    ]
    return max(points, key=lambda point: point.at, default=None)


def _number(value: Any) -> float | None:  # noqa: ANN401  anything may stand in a message
    """A finite number, or None for anything else (anomaly bands have no threshold, and NaN is no value)."""
    return float(value) if type(value) in {int, float} and math.isfinite(value) else None


def _time(value: str) -> datetime:
    """CloudWatch's timestamps: `2026-11-20T09:00:00.000+0000` (no colon), or with Z. Aware, UTC."""
    return _utc(datetime.fromisoformat(value))


def _utc(moment: Any) -> datetime:  # noqa: ANN401  anything may stand in a message
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f"no time with an offset: {moment}")
    return moment.astimezone(UTC)


def _arn(value: Any) -> str:  # noqa: ANN401  anything may stand in a message
    arn = text(value)
    if not arn.startswith("arn:") or ":alarm:" not in arn:
        raise ValueError("no alarm ARN")
    return arn
