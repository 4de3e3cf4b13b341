"""The HorizontalPodAutoscaler's decision: from sizes, metrics and history to replicas and a reason.

Pure: no SDK, no clock, no I/O; times are seconds ago. The arithmetic, its order and its floating point are those of
kubernetes `pkg/controller/podautoscaler` (autoscaling/v2), so that who knows the one knows the other:
disabled at zero, limits, recommendation, stabilisation, rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bellhop.scaling.behavior import Behavior, Recommendation, ScaleEvent, rate_limited, stabilised
from bellhop.scaling.reason import Reason


class TargetType(StrEnum):
    """`Value`: the metric is about all pods together. `AverageValue`: its sum is shared out among the pods."""

    VALUE = "Value"
    AVERAGE_VALUE = "AverageValue"


@dataclass(frozen=True, slots=True)
class Size:
    """A workload's size: replicas asked for, and pods that are ready."""

    replicas: int
    ready: int


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's value and what it should be. value None: it could not be read. target: above 0."""

    value: float | None
    target: float
    type: TargetType = TargetType.VALUE
    name: str = "metric"


@dataclass(frozen=True, slots=True)
class Case:
    """All a decision depends on.

    metrics: the largest recommendation counts. desired: a recommendation made elsewhere, instead of metrics;
    said: the sentence for it. recommendations, scale_events: the history, in any order.
    """

    size: Size
    min_replicas: int
    max_replicas: int
    behavior: Behavior
    metrics: Sequence[Metric] = ()
    desired: int | None = None
    said: str = ""
    recommendations: Sequence[Recommendation] = ()
    scale_events: Sequence[ScaleEvent] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Replicas wanted, one code, and the sentence for people."""

    replicas: int
    reason: Reason
    because: str


def decide(case: Case) -> Decision:
    """What size the workload should have now.

    With a metric that could not be read the rest still decide upwards, never downwards; with none that could be
    read, nothing changes.
    """
    if limit := beyond_limits(case.size.replicas, case.min_replicas, case.max_replicas):
        return limit
    current = case.size.replicas
    if case.desired is not None:
        wanted, said = case.desired, case.said or f"{case.desired} were asked for"
    else:
        found = recommendation(case)
        if found is None:
            return Decision(current, Reason.METRIC_MISSING, "no metric could be read: held")
        wanted, said = found
    steady = stabilised(wanted, current, case.behavior, case.recommendations)
    if steady != wanted:
        said += f", {steady} by the stabilisation window"
    replicas, reason = rate_limited(
        steady, current, case.min_replicas, case.max_replicas, case.behavior, case.scale_events
    )
    return Decision(replicas, reason, said + _held(reason, replicas, case))


def beyond_limits(current: int, minimum: int, maximum: int) -> Decision | None:
    """The decision that is made before any metric is looked at; windows and rates do not hold it."""
    if current == 0 and minimum != 0:
        return Decision(
            0, Reason.SCALING_DISABLED, "scaled to 0 by hand, and minReplicas is not 0: left alone"
        )
    if current > maximum:
        said = f"{current} replicas are above maxReplicas {maximum}"
        return Decision(maximum, Reason.TOO_MANY_REPLICAS, said)
    if current < minimum:
        said = f"{current} replicas are below minReplicas {minimum}"
        return Decision(minimum, Reason.TOO_FEW_REPLICAS, said)
    return None


def recommendation(case: Case) -> tuple[int, str] | None:
    """The largest of the metrics' recommendations and the sentence for it; None when none could be read."""
    size, behavior = case.size, case.behavior
    found = [
        (recommend(size, metric.value, metric, behavior), metric)
        for metric in case.metrics
        if metric.value is not None
    ]
    if not found:
        return None
    wanted, metric = max(found, key=lambda one: one[0])
    said = f"{metric.name} {metric.value:g} of {metric.target:g} over {pods(size)} asks for {wanted}"
    if len(found) < len(case.metrics) and wanted < size.replicas:
        return size.replicas, f"{said}, held because another metric could not be read"
    return wanted, said


def recommend(size: Size, value: float, metric: Metric, behavior: Behavior) -> int:
    """One metric's recommendation, before windows, rates and limits.

    Value: ceil(ratio * ready pods), from zero ceil(ratio). AverageValue: ceil(sum / target). Within tolerance
    (bounds included): the present replicas.
    """
    if metric.type is TargetType.AVERAGE_VALUE:
        ratio = value / (metric.target * size.replicas) if size.replicas else math.inf
    else:
        ratio = value / metric.target
    within = (1 - behavior.scale_down.tolerance) <= ratio <= (1 + behavior.scale_up.tolerance)
    if size.replicas > 0 and within:
        return size.replicas
    if metric.type is TargetType.AVERAGE_VALUE:
        return math.ceil(value / metric.target)
    if size.replicas == 0:
        return math.ceil(ratio)
    return math.ceil(ratio * size.ready)


def pods(size: Size) -> str:
    """The size in words."""
    if size.ready == size.replicas:
        return f"{size.replicas} pod{'' if size.replicas == 1 else 's'}"
    return f"{size.ready} ready of {size.replicas} pods"


def _held(reason: Reason, replicas: int, case: Case) -> str:
    match reason:
        case Reason.TOO_MANY_REPLICAS:
            return f", held at maxReplicas {case.max_replicas}"
        case Reason.TOO_FEW_REPLICAS:
            return f", held at minReplicas {case.min_replicas}"
        case Reason.SCALE_UP_LIMIT | Reason.SCALE_DOWN_LIMIT:
            direction = "scaleUp" if reason is Reason.SCALE_UP_LIMIT else "scaleDown"
            return f", held at {replicas} by the rates of {direction}"
        case _:
            return ""
