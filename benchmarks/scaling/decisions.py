"""One decision: microseconds by the number of triggers. There is no peer that can be had: figures stand alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bellhop.alarms.alarm import Datapoint
from bellhop.scaling.behavior import Behavior, Recommendation, ScaleEvent
from bellhop.scaling.decision import Case, Metric, Size, TargetType, decide
from bellhop.scaling.evaluation import evaluate
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Reading
from bellhop.scaling.spec import AlarmMatch, MetricTarget, ScaleTargetRef, Spec, Trigger
from bellhop.scaling.status import PastChange, PastReady, PastRecommendation, Source, Status
from benchmarks.measuring import Sample, interleaved
from benchmarks.results import Row

#: A status keeps 50 sources at most, so 1,000 triggers with a value each are more than a policy ever has.
_COUNTS = (1, 10, 1000)
_NOW = datetime(2026, 11, 20, 9, 0, 7, tzinfo=UTC)
_SIZE = Size(4, 4)
_PAST = tuple(range(15, 300, 15))


def measure(*, full: bool) -> Iterator[Row]:
    work: dict[str, Callable[[], object]] = {}
    for count in _COUNTS:
        work[f"decide {count}"] = _deciding(count)
        work[f"evaluate {count}"] = _evaluating(count)
    found = interleaved(work, rounds=40 if full else 12)
    yield from _rows("decide", "metrics", found)
    yield from _rows("evaluate", "triggers with fresh datapoints", found)


def _rows(name: str, what: str, found: dict[str, Sample]) -> Iterator[Row]:
    for count in _COUNTS:
        taken = found[f"{name} {count}"].times(1e6)
        growth = None
        if count == _COUNTS[-1]:
            few, many = _COUNTS[-2:]
            growth = found[f"{name} {many}"].over(found[f"{name} {few}"]).median / (many / few)
        yield Row(
            "scaling",
            f"{name}, {what}: {count:,}",
            "µs",
            taken.median,
            taken.quartiles,
            ratio=growth,
            note="" if growth is None else "no peer; ratio: microseconds per trigger against those at 10",
        )


def _deciding(count: int) -> Callable[[], object]:
    case = Case(
        _SIZE,
        min_replicas=2,
        max_replicas=12,
        behavior=Behavior(),
        metrics=[Metric(60 + i % 27, 60, TargetType.VALUE, f"metric-{i}") for i in range(count)],
        recommendations=[Recommendation(seconds_ago=ago, replicas=4) for ago in _PAST],
        scale_events=[ScaleEvent(seconds_ago=ago, change=1) for ago in _PAST[:3]],
    )
    return lambda: decide(case)


def _evaluating(count: int) -> Callable[[], object]:
    names = [f"web-{i}" for i in range(count)]
    sources = tuple(_source(name, 60 + i % 27) for i, name in enumerate(names))
    triggers = tuple(
        Trigger(alarm=AlarmMatch(name=name), target=MetricTarget(type=TargetType.VALUE, value=60))
        for name in names
    )
    policy = Policy(
        namespace="shop",
        name="web",
        uid="policy-1",
        generation=1,
        resource_version="1",
        spec=Spec(
            scale_target_ref=ScaleTargetRef(kind="Deployment", name="web"),
            min_replicas=2,
            max_replicas=12,
            triggers=triggers,
        ),
        status=Status(
            triggers=sources,
            recommendations=tuple(PastRecommendation(at=_ago(ago), replicas=4) for ago in _PAST),
            scale_events=tuple(PastChange(at=_ago(ago), change=1) for ago in _PAST[4:7]),
            ready_pods=tuple(PastReady(at=_ago(ago), ready=4) for ago in reversed(_PAST)),
        ),
    )
    readings = [
        Reading(source, trigger, Datapoint(source.value or 0.0, _ago(60)), source.name, readable=True)
        for source, trigger in zip(sources, triggers, strict=True)
    ]
    return lambda: evaluate(policy, _SIZE, readings, _NOW)


def _source(name: str, value: float) -> Source:
    """An alarm that rings, with a datapoint that nothing was computed from yet."""
    arn = f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"
    return Source(
        source=arn,
        name=name,
        state="ALARM",
        at=_ago(50),
        value=value,
        measured_at=_ago(60),
        counted_at=_ago(120),
        counted=70.0,
        recommended=4,
    )


def _ago(seconds: float) -> datetime:
    return _NOW - timedelta(seconds=seconds)
