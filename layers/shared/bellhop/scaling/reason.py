"""Why a size was chosen: one code each, the HorizontalPodAutoscaler's own word where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    DESIRED_WITHIN_RANGE = "DesiredWithinRange"
    TOO_MANY_REPLICAS = "TooManyReplicas"
    TOO_FEW_REPLICAS = "TooFewReplicas"
    SCALE_UP_LIMIT = "ScaleUpLimit"
    SCALE_DOWN_LIMIT = "ScaleDownLimit"
    SCALE_UP_STABILIZED = "ScaleUpStabilized"
    SCALE_DOWN_STABILIZED = "ScaleDownStabilized"
    SCALING_DISABLED = "ScalingDisabled"
    WITHIN_TOLERANCE = "WithinTolerance"
    AWAITING_METRIC = "AwaitingMetric"
    METRIC_MISSING = "MetricMissing"
    NO_READY_PODS = "NoReadyPods"
    NOTHING_RINGS = "NothingRings"
    PAUSED = "Paused"
    ON_HOLD = "OnHold"
    APPROVAL_NEEDED = "ApprovalNeeded"
    SETTLING = "Settling"
    DRY_RUN = "DryRun"


#: Each code in a sentence, for people. docs/scaling.md says more.
MEANINGS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.DESIRED_WITHIN_RANGE: "The size that is asked for, and nothing holds it back.",
        Reason.TOO_MANY_REPLICAS: "maxReplicas allows no more.",
        Reason.TOO_FEW_REPLICAS: "minReplicas allows no fewer.",
        Reason.SCALE_UP_LIMIT: "The rates of behavior.scaleUp allow no more for now.",
        Reason.SCALE_DOWN_LIMIT: "The rates of behavior.scaleDown allow no fewer for now.",
        Reason.SCALE_UP_STABILIZED: "Less was asked for within scaleUp's stabilisation window: it waits that out.",
        Reason.SCALE_DOWN_STABILIZED: (
            "More was asked for within scaleDown's stabilisation window: it waits that out."
        ),
        Reason.SCALING_DISABLED: "Somebody scaled it to 0: it is left alone until somebody scales it up.",
        Reason.WITHIN_TOLERANCE: "Near enough to what is wanted.",
        Reason.AWAITING_METRIC: "The newest value is from before the last change of size: a newer one decides.",
        Reason.METRIC_MISSING: "There is no recent value to compute with.",
        Reason.NO_READY_PODS: "No pod is ready, so the value says nothing about them.",
        Reason.NOTHING_RINGS: "No alarm asks for anything.",
        Reason.PAUSED: "Somebody paused it.",
        Reason.ON_HOLD: "Somebody set the size by hand, and it holds for a while.",
        Reason.APPROVAL_NEEDED: "More than approval.above is wanted, and nobody has approved it yet.",
        Reason.SETTLING: "An earlier change of the target is still under way.",
        Reason.DRY_RUN: "The policy says dryRun: only what would be done is told.",
    }
)


def meaning(code: str) -> str:
    """What a code means, in a sentence; "" for one that a newer Bellhop wrote."""
    return MEANINGS[Reason(code)] if code in Reason else ""
