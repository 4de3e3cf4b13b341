"""One look at one policy: what holds a decision back, then the decision. Pure: no SDK, no clock, no I/O.

`decision` is the HorizontalPodAutoscaler's arithmetic; here is what an alarm-driven scaler must add to it: one
datapoint counts once, and an outage is no reason to shrink.
"""

from __future__ import annotations

from dataclasses import dataclass

from bellhop.scaling.behavior import DEFAULT_TOLERANCE, UNPACED, Behavior, Rules
from bellhop.scaling.decision import Case, Decision, Metric, Size, TargetType, beyond_limits, decide, pods
from bellhop.scaling.reason import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a policy allows. Tolerances are shares of the target, per direction."""

    min_replicas: int
    max_replicas: int
    tolerance_up: float = DEFAULT_TOLERANCE
    tolerance_down: float = DEFAULT_TOLERANCE

    @property
    def behavior(self) -> Behavior:
        """Unpaced: a policy is looked at once for each change of an alarm, so what a window or a rate held back
        would never be looked at again."""
        return Behavior(
            scale_up=Rules(stabilization_window_seconds=0, policies=(UNPACED,), tolerance=self.tolerance_up),
            scale_down=Rules(
                stabilization_window_seconds=0, policies=(UNPACED,), tolerance=self.tolerance_down
            ),
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """A metric's value and what it should be. fresh: newer than the last change of size."""

    name: str
    value: float
    target: float
    type: TargetType = TargetType.VALUE
    fresh: bool = True


def evaluate(size: Size, limits: Limits, measurement: Measurement | None) -> Decision:
    """What size the workload should have now. measurement None: the metric could not be read."""
    if limit := beyond_limits(size.replicas, limits.min_replicas, limits.max_replicas):
        return limit
    if measurement is None:
        return Decision(size.replicas, Reason.METRIC_MISSING, "the alarm's metric has no recent value: held")
    said = f"{measurement.name} {measurement.value:g} of {measurement.target:g} over {pods(size)}"
    if not measurement.fresh:
        held = f"{said}, measured before the last change of size: counted already"
        return Decision(size.replicas, Reason.AWAITING_METRIC, held)
    if size.replicas > 0 and size.ready == 0:
        # The HPA would multiply by zero ready pods and go to the minimum, in the middle of an outage.
        return Decision(size.replicas, Reason.NO_READY_PODS, f"{said}: held until one is ready")
    metric = Metric(measurement.value, measurement.target, measurement.type, measurement.name)
    decision = decide(
        Case(size, limits.min_replicas, limits.max_replicas, limits.behavior, metrics=(metric,))
    )
    unchanged = decision.replicas == size.replicas and decision.reason is Reason.DESIRED_WITHIN_RANGE
    if unchanged and measurement.value != measurement.target:
        return Decision(decision.replicas, Reason.WITHIN_TOLERANCE, f"{said}, within tolerance")
    return decision
