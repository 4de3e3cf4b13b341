"""What a CloudWatch alarm looks at, in each form's own words, made into the queries GetMetricData takes.

Forms: EventBridge and direct actions in lower camel with dimensions as an object; SNS as the API, but with
dimensions in lower case; DescribeAlarms as the API.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html

Bad shapes raise LookupError, TypeError, ValueError, AttributeError or OverflowError; `cloudwatch` names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bellhop.alarms.alarm import Metric

#: Whatever an alarm on one metric calls its query (EventBridge: a UUID, which GetMetricData would refuse).
_SINGLE_ID = "value"
_ID = re.compile(r"[a-z]\w{0,254}", re.ASCII)
#: SNS names the statistic in capitals ("AVERAGE"), GetMetricData wants it as the console shows it.
_STATISTICS = {s.upper(): s for s in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")}
#: Statistics that only grow while their period lasts; trimmed counts and sums (tc90, TS(1%:9%)) as well.
_GROWING = re.compile(r"Sum|SampleCount|t[cs]\d.*|T[CS]\(.*", re.DOTALL)
_GROWING_QUERY = re.compile(r"\s*SELECT\s+(?:SUM|COUNT)\b", re.IGNORECASE)
#: Seconds. What an expression alone (Metrics Insights) is evaluated over, and more than any alarm can have.
_USUAL_PERIOD, _LONGEST_PERIOD = 60, 30 * 86_400


def of_event(metrics: Iterable[Mapping[str, Any]] | None) -> Metric | None:
    """The metric in `configuration.metrics` of an EventBridge event or a direct action."""
    return _metric([_capitals(query) for query in metrics or ()])


def of_trigger(trigger: Mapping[str, Any]) -> Metric | None:
    """The metric in an SNS notification's `Trigger`, which names one metric or lists `Metrics`."""
    return _of_api(trigger)


def of_description(alarm: Mapping[str, Any]) -> Metric | None:
    """The metric of one of DescribeAlarms' MetricAlarms; of a composite alarm, None."""
    return _of_api(alarm)


def _of_api(alarm: Mapping[str, Any]) -> Metric | None:
    if not alarm.get("MetricName"):
        return _metric(alarm.get("Metrics") or [])
    statistic = text(alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average")
    stat = {
        "Metric": {key: alarm.get(key) for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": alarm["Period"],
        "Stat": _STATISTICS.get(statistic.upper(), statistic),
        "Unit": alarm.get("Unit"),
    }
    return _metric([{"Id": _SINGLE_ID, "MetricStat": stat}])


def _capitals(query: Mapping[str, Any]) -> dict[str, Any]:
    """An event's query in the API's words."""
    words = {key[:1].upper() + key[1:]: value for key, value in query.items()}
    if words.get("MetricStat") is None:
        return words
    stat = words["MetricStat"]
    metric = stat["metric"]
    dimensions = [{"Name": name, "Value": value} for name, value in metric.get("dimensions", {}).items()]
    return words | {
        "MetricStat": {
            "Metric": {
                "Namespace": metric["namespace"],
                "MetricName": metric["name"],
                "Dimensions": dimensions,
            },
            "Period": stat["period"],
            "Stat": stat["stat"],
            "Unit": stat.get("unit"),
        }
    }


def _metric(raw: Iterable[Mapping[str, Any]]) -> Metric | None:
    """None unless exactly one query returns data: an anomaly band returns two, a composite alarm none."""
    queries = [_query(each) for each in raw]
    returning = [query for query in queries if query["ReturnData"]]
    if len(returning) != 1:
        return None
    if len(queries) == 1 and "MetricStat" in queries[0]:
        queries = [{key: value for key, value in queries[0].items() if key != "Label"} | {"Id": _SINGLE_ID}]
        name = _metric_name(queries[0])
    else:
        _check_ids(queries)
        name = returning[0].get("Label") or _metric_name(returning[0])
    return Metric(
        name=name,
        period=max(filter(None, map(_period_of, queries)), default=_USUAL_PERIOD),
        queries=tuple(queries),
        growing=any(map(_grows, queries)),
    )


def _query(raw: Mapping[str, Any]) -> dict[str, Any]:
    returns = raw.get("ReturnData", True)  # GetMetricData's own default
    if not isinstance(returns, bool):
        raise TypeError("ReturnData is not true or false")
    query: dict[str, Any] = {"Id": text(raw["Id"]), "ReturnData": returns}
    if raw.get("MetricStat") is None:
        query["Expression"] = _some_text(raw["Expression"])
    elif raw.get("Expression"):
        raise ValueError("a query with both a metric and an expression")
    else:
        query["MetricStat"] = _stat(raw["MetricStat"])
    query |= {key: text(raw[key]) for key in ("Label", "AccountId") if raw.get(key)}
    if raw.get("Period") is not None:
        query["Period"] = _period(raw["Period"])
    return query


def _stat(raw: Mapping[str, Any]) -> dict[str, Any]:
    metric = raw["Metric"]
    stat = {
        "Metric": {
            "Namespace": _some_text(metric["Namespace"]),
            "MetricName": _some_text(metric["MetricName"]),
            "Dimensions": sorted(map(_dimension, metric.get("Dimensions") or []), key=lambda d: d["Name"]),
        },
        "Period": _period(raw["Period"]),
        "Stat": _some_text(raw["Stat"]),
    }
    # An alarm on a unit sees only the data of that unit.
    return stat | ({"Unit": text(raw["Unit"])} if raw.get("Unit") else {})


def _dimension(dimension: Mapping[str, Any]) -> dict[str, str]:
    # SNS writes name and value; the API and MiniStack (for alarms of a template) Name and Value.
    lower = {key.lower(): value for key, value in dimension.items()}
    return {"Name": text(lower["name"]), "Value": text(lower["value"])}


def _check_ids(queries: list[dict[str, Any]]) -> None:
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids) or not all(map(_ID.fullmatch, ids)):
        raise ValueError(f"ids that GetMetricData refuses: {ids}")


def _metric_name(query: Mapping[str, Any]) -> str:
    return str(query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"])


def _period_of(query: Mapping[str, Any]) -> int | None:
    period: int | None = query.get("MetricStat", query).get("Period")
    return period


def _grows(query: Mapping[str, Any]) -> bool:
    if "MetricStat" in query:
        return _GROWING.fullmatch(query["MetricStat"]["Stat"]) is not None
    return _GROWING_QUERY.match(query["Expression"]) is not None


def _period(value: Any) -> int:  # noqa: ANN401  anything may stand in a message
    period = int(value)
    if not 1 <= period <= _LONGEST_PERIOD:
        raise ValueError(f"a period of {period} seconds")
    return period


def _some_text(value: Any) -> str:  # noqa: ANN401  anything may stand in a message
    if not text(value):
        raise ValueError("empty text")
    return str(value)


def text(value: Any) -> str:  # noqa: ANN401  anything may stand in a message
    """`value`, which must be text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value
