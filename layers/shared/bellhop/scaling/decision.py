"""The decision: from a size and a metric to replicas and a reason. Pure: no SDK, no clock, no I/O.

The arithmetic is the HorizontalPodAutoscaler's (kubernetes `pkg/controller/podautoscaler`), so that who knows
the one knows the other. Order: disabled at zero, limits, recommendation, clamp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

#: The HPA's default tolerance: a ratio of value to target within 1 +- 0.1 changes nothing.
DEFAULT_TOLERANCE = 0.1


class Reason(StrEnum):
    """Why; the HPA's own words where it has one."""

    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    WITHIN_TOLERANCE = "WithinTolerance"
    TOO_MANY_REPLICAS = "TooManyReplicas"
    TOO_FEW_REPLICAS = "TooFewReplicas"
    SCALING_DISABLED = "ScalingDisabled"
    AWAITING_METRIC = "AwaitingMetric"
    METRIC_MISSING = "MetricMissing"
    NO_READY_PODS = "NoReadyPods"


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
class Limits:
    """What a policy allows. Tolerances are shares of the target, per direction."""

    min_replicas: int
    max_replicas: int
    tolerance_up: float = DEFAULT_TOLERANCE
    tolerance_down: float = DEFAULT_TOLERANCE


@dataclass(frozen=True, slots=True)
class Measurement:
    """A metric's value and what it should be. fresh: newer than the last change of size."""

    name: str
    value: float
    target: float
    type: TargetType = TargetType.VALUE
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Replicas wanted, one code, and the sentence for people."""

    replicas: int
    reason: Reason
    because: str


def decide(size: Size, limits: Limits, measurement: Measurement | None) -> Decision:
    """What size the workload should have now. measurement None: the metric could not be read."""
    if size.replicas == 0 and limits.min_replicas != 0:
        return Decision(
            0, Reason.SCALING_DISABLED, "scaled to 0 by hand, and minReplicas is not 0: left alone"
        )
    if size.replicas > limits.max_replicas:
        said = f"{size.replicas} replicas are above maxReplicas {limits.max_replicas}"
        return Decision(limits.max_replicas, Reason.TOO_MANY_REPLICAS, said)
    if size.replicas < limits.min_replicas:
        said = f"{size.replicas} replicas are below minReplicas {limits.min_replicas}"
        return Decision(limits.min_replicas, Reason.TOO_FEW_REPLICAS, said)
    if measurement is None:
        return Decision(size.replicas, Reason.METRIC_MISSING, "the alarm's metric has no recent value: held")
    said = f"{measurement.name} {measurement.value:g} of {measurement.target:g} over {_pods(size)}"
    if not measurement.fresh:
        held = f"{said}, measured before the last change of size: counted already"
        return Decision(size.replicas, Reason.AWAITING_METRIC, held)
    if size.replicas > 0 and size.ready == 0:
        # The HPA would multiply by zero ready pods and go to the minimum, in the middle of an outage.
        return Decision(size.replicas, Reason.NO_READY_PODS, f"{said}: held until one is ready")
    wanted = recommend(size, limits, measurement)
    if wanted == size.replicas and measurement_ratio(size, measurement) != 1:
        return Decision(wanted, Reason.WITHIN_TOLERANCE, f"{said}, within tolerance")
    return _clamp(wanted, limits, said)


def measurement_ratio(size: Size, measurement: Measurement) -> float:
    """Value to target; for AverageValue, the sum to the target times the pods there are."""
    if measurement.type is TargetType.AVERAGE_VALUE and size.replicas > 0:
        return measurement.value / (measurement.target * size.replicas)
    return measurement.value / measurement.target


def recommend(size: Size, limits: Limits, measurement: Measurement) -> int:
    """The HPA's recommendation for one metric, before limits.

    Value: ceil(ratio * ready pods), from zero ceil(ratio). AverageValue: ceil(sum / target). Within tolerance
    (bounds included): the present replicas.
    """
    ratio = measurement_ratio(size, measurement)
    within = (1 - limits.tolerance_down) <= ratio <= (1 + limits.tolerance_up)
    if size.replicas > 0 and within:
        return size.replicas
    if measurement.type is TargetType.AVERAGE_VALUE:
        return math.ceil(measurement.value / measurement.target)
    if size.replicas == 0:
        return math.ceil(ratio)
    return math.ceil(ratio * size.ready)


def _clamp(wanted: int, limits: Limits, said: str) -> Decision:
    if wanted > limits.max_replicas:
        held = f"{said} asks for {wanted}, held at maxReplicas {limits.max_replicas}"
        return Decision(limits.max_replicas, Reason.TOO_MANY_REPLICAS, held)
    if wanted < limits.min_replicas:
        held = f"{said} asks for {wanted}, held at minReplicas {limits.min_replicas}"
        return Decision(limits.min_replicas, Reason.TOO_FEW_REPLICAS, held)
    return Decision(wanted, Reason.DESIRED_WITHIN_RANGE, f"{said} asks for {wanted}")


def _pods(size: Size) -> str:
    if size.ready == size.replicas:
        return f"{size.replicas} pod{'' if size.replicas == 1 else 's'}"
    return f"{size.ready} ready of {size.replicas} pods"
