"""Why a size was chosen: one code each, the HorizontalPodAutoscaler's own word where it has one."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    TOO_MANY_REPLICAS = "TooManyReplicas"
    TOO_FEW_REPLICAS = "TooFewReplicas"
    SCALE_UP_LIMIT = "ScaleUpLimit"
    SCALE_DOWN_LIMIT = "ScaleDownLimit"
    SCALING_DISABLED = "ScalingDisabled"
    WITHIN_TOLERANCE = "WithinTolerance"
    AWAITING_METRIC = "AwaitingMetric"
    METRIC_MISSING = "MetricMissing"
    NO_READY_PODS = "NoReadyPods"
