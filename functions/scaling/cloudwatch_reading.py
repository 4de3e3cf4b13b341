"""Alarms and their metrics, read again from CloudWatch."""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from bellhop.alarms.alarm import AlarmEvent, Datapoint, Metric
from bellhop.alarms.cloudwatch import from_description
from bellhop.errors import UnavailableError

log = logging.getLogger("bellhop.scaling")

#: How far back a value still says something: three periods, and at least ten minutes, since CloudWatch's
#: datapoints of AWS's own metrics come some minutes late.
_PERIODS_BACK = 3
_LEAST_BACK = timedelta(minutes=10)
#: Metrics that are looked at further back than this share no call with the others: a call has one StartTime, a
#: day's would bring thousands of the others' points, and more than three hours back none of under a minute.
_SHORT = timedelta(hours=1)
#: CloudWatch takes datapoints of up to two hours in the future; a clock may differ by this much.
_AHEAD = timedelta(minutes=5)
#: The API's limits: names of one DescribeAlarms, queries of one GetMetricData. Ours: pages of one answer.
_MOST_NAMES, _MOST_QUERIES, _MOST_PAGES = 100, 500, 500
#: METRICS() takes in the whole call, and Metrics Insights (SELECT) knows no ids but has a limit for each call.
_ALONE = re.compile(r"\b(?:METRICS|SEARCH)\s*\(|^\s*SELECT\b", re.IGNORECASE)
#: An expression may have 2,048 characters and an id 255, with the prefixes.
_LONGEST_EXPRESSION, _LONGEST_ID = 500, 200
#: A quoted text, or a word: an id, a function or a number.
_TOKEN = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\w+""", re.ASCII)
#: Error codes that mean the request itself is bad, so asking again is no use.
_REFUSALS = ("Validation", "InvalidParameter", "MissingParameter", "MissingRequiredParameter")


class AlarmReader(Protocol):
    """Where the present state of alarms comes from."""

    def states(self, names: Collection[str]) -> list[AlarmEvent]:
        """The alarms of these names as they are now; those that no longer exist are left out. Raises
        UnavailableError."""

    def all(self) -> list[AlarmEvent]:
        """Every metric and composite alarm of the account and region. Raises UnavailableError."""


class MetricReader(Protocol):
    """Where metrics' newest values come from."""

    def newest(self, metrics: Sequence[Metric], *, now: datetime) -> list[Datapoint | None]:
        """The newest usable datapoint of each, in their order. Raises UnavailableError.

        None: there is no usable one, or CloudWatch refuses this metric's queries (which is logged).
        """


class CloudWatch:
    """`AlarmReader` and `MetricReader` over a boto3 client, in as few calls as its limits allow."""

    def __init__(self, cloudwatch: Any) -> None:  # noqa: ANN401  a boto3 client
        self._cloudwatch = cloudwatch

    # ------------------------------------------------------------ AlarmReader
    def states(self, names: Collection[str]) -> list[AlarmEvent]:
        wanted = list(dict.fromkeys(names))
        chunks = (wanted[start : start + _MOST_NAMES] for start in range(0, len(wanted), _MOST_NAMES))
        return [event for chunk in chunks for event in self._described(AlarmNames=chunk)]

    def all(self) -> list[AlarmEvent]:
        return list(self._described())

    def _described(self, **which: list[str]) -> Iterator[AlarmEvent]:
        # Without AlarmTypes composite alarms are left out; without MaxRecords a page has 50 alarms.
        request = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100, **which}
        for page in _pages("DescribeAlarms", self._cloudwatch.describe_alarms, request):
            for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
                yield from_description(alarm)

    # ------------------------------------------------------------ MetricReader
    def newest(self, metrics: Sequence[Metric], *, now: datetime) -> list[Datapoint | None]:
        found: list[Datapoint | None] = [None] * len(metrics)
        for places in _batches(metrics):
            read = self._read([metrics[place] for place in places], now)
            for place, point in zip(places, read, strict=True):
                found[place] = point
        return found

    def _read(self, metrics: list[Metric], now: datetime) -> list[Datapoint | None]:
        """One call's metrics; after a refusal those of each half, until the refused one stands alone, so that
        one broken alarm takes no other's value away."""
        try:
            series = self._series(_request(metrics, now))
        except _RefusedError as refusal:
            if len(metrics) == 1:
                log.warning("metric.refused", extra={"metric": metrics[0].name, "because": str(refusal)})
                return [None]
            half = len(metrics) // 2
            return self._read(metrics[:half], now) + self._read(metrics[half:], now)
        return [
            newest_usable(series.get(_returned_id(queries), []), metric, now=now)
            for queries, metric in zip(_distinct(metrics), metrics, strict=True)
        ]

    def _series(self, request: Mapping[str, Any]) -> dict[str, list[Datapoint]]:
        """The datapoints by query id. Those of a query with several series are left out: which one counts?"""
        series: dict[str, list[Datapoint]] = {}
        several: set[str] = set()
        for page in _pages("GetMetricData", self._cloudwatch.get_metric_data, request):
            results = page["MetricDataResults"]
            several |= {id for id, count in Counter(result["Id"] for result in results).items() if count > 1}
            for result in results:
                if result.get("StatusCode") in {"InternalError", "Forbidden"}:
                    log.warning("metric.unread", extra={"metric": result.get("Label"), **_status(result)})
                points = zip(result["Timestamps"], result["Values"], strict=True)
                series.setdefault(result["Id"], []).extend(
                    Datapoint(float(value), at) for at, value in points
                )
        return {id: points for id, points in series.items() if id not in several}


def newest_usable(points: Iterable[Datapoint], metric: Metric, *, now: datetime) -> Datapoint | None:
    """The newest finite value that is neither too old nor of the future. Of sums and counts, only of a period
    that is over: half a period's sum would scale a busy workload down."""
    earliest = now - _back(metric)
    latest = now - timedelta(seconds=metric.period) if metric.growing else now + _AHEAD
    usable = [point for point in points if math.isfinite(point.value) and earliest <= point.at <= latest]
    return max(usable, key=lambda point: point.at, default=None)


def _back(metric: Metric) -> timedelta:
    return max(timedelta(seconds=metric.period * _PERIODS_BACK), _LEAST_BACK)


def _batches(metrics: Sequence[Metric]) -> Iterator[list[int]]:
    """The places of those metrics that share a call."""
    open: dict[bool, list[int]] = {True: [], False: []}
    for place, metric in enumerate(metrics):
        if not _shares(metric):
            yield [place]
            continue
        short = _back(metric) <= _SHORT
        asked = sum(len(metrics[each].queries) for each in open[short])
        if open[short] and asked + len(metric.queries) > _MOST_QUERIES:
            yield open[short]
            open[short] = []
        open[short].append(place)
    yield from filter(None, open.values())


def _shares(metric: Metric) -> bool:
    """Whether its queries mean the same among others', under other ids."""
    expressions = [query.get("Expression", "") for query in metric.queries]
    return all(len(query["Id"]) <= _LONGEST_ID for query in metric.queries) and not any(
        len(expression) > _LONGEST_EXPRESSION or _ALONE.search(expression) for expression in expressions
    )


def _request(metrics: Sequence[Metric], now: datetime) -> dict[str, Any]:
    longest = max(metric.period for metric in metrics)
    # In step with the period, as AWS advises; `newest_usable` leaves out what is too old for each metric.
    start = (now - max(map(_back, metrics))).timestamp() // longest * longest
    return {
        "MetricDataQueries": [query for queries in _distinct(metrics) for query in queries],
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": now + timedelta(seconds=longest),
        "ScanBy": "TimestampDescending",
    }


def _distinct(metrics: Sequence[Metric]) -> list[list[dict[str, Any]]]:
    """Each metric's queries, with ids that differ from all others'. A metric alone keeps its own."""
    if len(metrics) == 1:
        return [[dict(query) for query in metrics[0].queries]]
    return [renamed(metric.queries, f"m{place}_") for place, metric in enumerate(metrics)]


def renamed(queries: Sequence[Mapping[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The queries with `prefix` before each id, wherever an expression uses it: as a whole word, not within
    quotes (which name statistics, schemas and dimensions)."""
    ids = {query["Id"] for query in queries}

    def rename(token: re.Match[str]) -> str:
        return prefix + token[0] if token[0] in ids else token[0]

    return [
        {**query, "Id": prefix + query["Id"]}
        | ({"Expression": _TOKEN.sub(rename, query["Expression"])} if "Expression" in query else {})
        for query in queries
    ]


def _returned_id(queries: Iterable[Mapping[str, Any]]) -> str:
    return next(str(query["Id"]) for query in queries if query.get("ReturnData", True))


def _status(result: Mapping[str, Any]) -> dict[str, str]:
    told = "; ".join(str(message.get("Value")) for message in result.get("Messages", ()))
    return {"code": result["StatusCode"], "because": told}


# ------------------------------------------------------------ Calls
class _RefusedError(UnavailableError):
    """CloudWatch answered, and will not take this request."""


def _pages(
    operation: str, call: Callable[..., Mapping[str, Any]], request: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """All of an answer. Not boto3's own paginators: those do not end with tokens that do not."""
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with _told(operation):
            page = call(**request, **token)
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
    raise UnavailableError(f"{operation}: more than {_MOST_PAGES} pages")


@contextmanager
def _told(operation: str) -> Iterator[None]:
    """What went wrong, with AWS's own code. Raises UnavailableError."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        kind = _RefusedError if code.startswith(_REFUSALS) else UnavailableError
        raise kind(f"{operation}: {code}") from error
    except ParamValidationError as error:
        raise _RefusedError(f"{operation}: {error}") from error
    except BotoCoreError as error:
        raise UnavailableError(f"{operation}: {type(error).__name__}") from error
