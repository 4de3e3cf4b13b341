"""`views.Alarms` over CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bellhop.errors import ConfigError, UnavailableError
from views import AlarmView

#: Of 100 alarms each, the most that DescribeAlarms gives.
_PAGES = 5
_COMPARED = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class CloudWatchAlarms:
    """cloudwatch: makes a boto3 client, once it is needed."""

    def __init__(self, cloudwatch: Callable[[], Any]) -> None:
        self._cloudwatch = cloudwatch

    def alarms(self, *, state: str = "", name: str = "") -> tuple[list[AlarmView], bool]:
        # Without AlarmTypes composite alarms are left out.
        request: dict[str, Any] = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
        request |= {"StateValue": state} if state else {}
        request |= {"AlarmNames": [name]} if name else {}
        found: list[AlarmView] = []
        for _ in range(_PAGES):
            page = self._described(request)
            found += [
                _view(each) for kind in ("MetricAlarms", "CompositeAlarms") for each in page.get(kind, ())
            ]
            if not page.get("NextToken"):
                return found, False
            request["NextToken"] = page["NextToken"]
        return found, True

    def _described(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._cloudwatch().describe_alarms(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code.startswith("AccessDenied"):
                raise ConfigError("CommandsRole may not cloudwatch:DescribeAlarms (template.yaml)") from error
            raise UnavailableError(f"CloudWatch: {code}") from error
        except BotoCoreError as error:
            raise UnavailableError(f"CloudWatch: {type(error).__name__}") from error
        return answer


def _view(alarm: Mapping[str, Any]) -> AlarmView:
    actions = alarm.get("AlarmActions") or () if alarm.get("ActionsEnabled", True) else ()
    return AlarmView(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        since=alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp") or _EVER,
        watches=_watches(alarm),
        reason=alarm.get("StateReason") or "",
        description=alarm.get("AlarmDescription") or "",
        acts=len(actions),
    )


def _watches(alarm: Mapping[str, Any]) -> str:
    if "AlarmRule" in alarm:
        return str(alarm["AlarmRule"])
    compared = _COMPARED.get(alarm.get("ComparisonOperator", ""), "outside")
    threshold = alarm.get("Threshold")
    limit = f"{compared} {threshold:g}" if threshold is not None else f"{compared} its band"
    return f"{_metric(alarm)} {limit}{_periods(alarm)}"


def _metric(alarm: Mapping[str, Any]) -> str:
    statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic")
    if name := alarm.get("MetricName"):
        where = ", ".join(f"{each['Name']}={each['Value']}" for each in alarm.get("Dimensions") or ())
        return (
            f"{alarm.get('Namespace', '')} {name}{f' {{{where}}}' if where else ''} {statistic or ''}".strip()
        )
    shown = [each for each in alarm.get("Metrics") or () if each.get("ReturnData", True)]
    return str(shown[0].get("Expression") or shown[0].get("Label") or shown[0]["Id"]) if shown else "a metric"


def _periods(alarm: Mapping[str, Any]) -> str:
    of, period = alarm.get("EvaluationPeriods"), alarm.get("Period")
    if not of:
        return ""
    count = alarm.get("DatapointsToAlarm") or of
    return f", {count} of {of} periods" + (f" of {period} s" if period else "")
