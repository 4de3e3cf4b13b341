"""`steps`: bands of breach size -> change, as AWS step scaling has them. Pure.

Rules: https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec


class StepType(StrEnum):
    """What `value` is: pods more or less, percent of the size more or less, or the size itself."""

    PODS = "Pods"
    PERCENT = "Percent"
    REPLICAS = "Replicas"


class Step(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One band of breach (value - threshold). A bound that is not given is open.

    At 0 and above a band has its lower bound and not its upper one; below 0 it is the other way round.
    """

    type: StepType
    value: int
    lower_bound: float | None = None
    upper_bound: float | None = None

    def covers(self, breach: float) -> bool:
        lower = -math.inf if self.lower_bound is None else self.lower_bound
        upper = math.inf if self.upper_bound is None else self.upper_bound
        return lower <= breach < upper if breach >= 0 else lower < breach <= upper

    @property
    def covers_all(self) -> bool:
        return self.lower_bound is None and self.upper_bound is None

    @property
    def shrinks(self) -> bool:
        return self.type is not StepType.REPLICAS and self.value < 0

    def change(self) -> str:
        """In words: "+2 pods", "-25 %", "to 10"."""
        match self.type:
            case StepType.REPLICAS:
                return f"to {self.value}"
            case StepType.PERCENT:
                return f"{self.value:+d} %"
            case _:
                return f"{self.value:+d} pods"


def band(steps: Sequence[Step], breach: float | None) -> Step | None:
    """The step for a breach; None when no band covers it. breach None (an alarm without a value): only a band
    without bounds."""
    if breach is None:
        return next((step for step in steps if step.covers_all), None)
    return next((step for step in steps if step.covers(breach)), None)


def stepped(current: int, step: Step) -> int:
    """The size after the step, not below 0.

    Percentages are rounded as AWS rounds them: towards zero, but at least one pod.
    """
    match step.type:
        case StepType.REPLICAS:
            return step.value
        case StepType.PODS:
            return max(0, current + step.value)
        case StepType.PERCENT:
            exact = current * step.value / 100
            rounded = math.trunc(exact)
            if rounded == 0 and exact != 0:
                rounded = 1 if exact > 0 else -1
            return max(0, current + rounded)


def problem(steps: Sequence[Step]) -> str | None:
    """What is wrong with a list of steps, in words; None when nothing is."""
    if not steps:
        return "steps has no band"
    found = ((index, _step_problem(step)) for index, step in enumerate(steps))
    if bad := next((f"steps[{index}]: {problem}" for index, problem in found if problem), None):
        return bad
    ordered = sorted(steps, key=lambda s: -math.inf if s.lower_bound is None else s.lower_bound)
    for below, above in pairwise(ordered):
        if below.upper_bound is None or above.lower_bound is None or below.upper_bound > above.lower_bound:
            return "steps: two bands overlap"
        if below.upper_bound < above.lower_bound:
            return f"steps: no band from {below.upper_bound:g} to {above.lower_bound:g}"
    return None


def _step_problem(step: Step) -> str | None:
    lower, upper = step.lower_bound, step.upper_bound
    if bad := next((b for b in (lower, upper) if b is not None and not math.isfinite(b)), None):
        return f"{bad} is not a finite number"
    if lower is not None and upper is not None and lower >= upper:
        return "lowerBound is not below upperBound"
    if step.type is StepType.REPLICAS and step.value < 0:
        return f"{step.value} replicas are below 0"
    return None
