"""`behavior`: how fast a size may change. Stabilisation windows and rates, as the HPA v2 has them. Pure.

Of the HPA's code the order of floating-point operations is kept too: `int(10 * (1 - 0.8))` is 1, not 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from bellhop.scaling.reason import Reason

#: A ratio of value to target within 1 +- 0.1 changes nothing.
DEFAULT_TOLERANCE = 0.1
#: For how long the highest recommendation holds a scale-down, when not said otherwise: seconds.
DEFAULT_SCALE_DOWN_WINDOW = 300


class SelectPolicy(StrEnum):
    """Which of several rates counts: the one that allows the most change, the least, or no change at all."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class RateType(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"


class Rate(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """At most `value` pods, or percent of the size, within `period_seconds` (1 to 1800)."""

    type: RateType
    value: Annotated[int, msgspec.Meta(gt=0)]
    period_seconds: Annotated[int, msgspec.Meta(ge=1, le=1800)]


_DEFAULT_DOWN = (Rate(type=RateType.PERCENT, value=100, period_seconds=15),)
_DEFAULT_UP = (Rate(type=RateType.PODS, value=4, period_seconds=15), *_DEFAULT_DOWN)


class Rules(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One direction. Windows in seconds."""

    stabilization_window_seconds: int
    policies: tuple[Rate, ...]
    select_policy: SelectPolicy = SelectPolicy.MAX
    tolerance: float = DEFAULT_TOLERANCE


class Behavior(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Both directions; what is not said is autoscaling/v2's default."""

    scale_up: Rules = Rules(stabilization_window_seconds=0, policies=_DEFAULT_UP)
    scale_down: Rules = Rules(stabilization_window_seconds=DEFAULT_SCALE_DOWN_WINDOW, policies=_DEFAULT_DOWN)


class DeclaredRules(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One direction of `behavior` as somebody wrote it; None is autoscaling/v2's default."""

    stabilization_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] | None = None
    policies: Annotated[tuple[Rate, ...], msgspec.Meta(min_length=1)] | None = None
    select_policy: SelectPolicy | None = None
    tolerance: Annotated[float, msgspec.Meta(ge=0)] | None = None

    def over(self, default: Rules) -> Rules:
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(default, **given)


class DeclaredBehavior(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`behavior` as somebody wrote it."""

    scale_up: DeclaredRules = DeclaredRules()
    scale_down: DeclaredRules = DeclaredRules()

    def complete(self) -> Behavior:
        default = Behavior()
        return Behavior(
            scale_up=self.scale_up.over(default.scale_up), scale_down=self.scale_down.over(default.scale_down)
        )


class Recommendation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What was recommended earlier, before stabilisation."""

    seconds_ago: Annotated[float, msgspec.Meta(ge=0)]
    replicas: Annotated[int, msgspec.Meta(ge=0)]


class ScaleEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A change of size made earlier; negative when it was scaled down."""

    seconds_ago: Annotated[float, msgspec.Meta(ge=0)]
    change: int


def stabilised(desired: int, current: int, behavior: Behavior, history: Sequence[Recommendation]) -> int:
    """The recommendation held back by those of the windows: up by the lowest, down by the highest.

    Both bounds apply at once. What is exactly as old as the window is outside of it.
    """
    up = down = desired
    for past in history:
        if past.seconds_ago < behavior.scale_up.stabilization_window_seconds:
            up = min(up, past.replicas)
        if past.seconds_ago < behavior.scale_down.stabilization_window_seconds:
            down = max(down, past.replicas)
    return min(max(current, up), down)


def rate_limited(
    desired: int,
    current: int,
    minimum: int,
    maximum: int,
    behavior: Behavior,
    events: Sequence[ScaleEvent],
) -> tuple[int, Reason]:
    """What of the change the rates and the limits allow now, and which of them held it."""
    if desired > current:
        limit = max(_up_limit(current, behavior.scale_up, events), current)
        allowed = min(maximum, limit)
        if desired > allowed:
            return allowed, Reason.SCALE_UP_LIMIT if limit < maximum else Reason.TOO_MANY_REPLICAS
    if desired < current:
        limit = min(_down_limit(current, behavior.scale_down, events), current)
        allowed = max(minimum, limit)
        if desired < allowed:
            return allowed, Reason.SCALE_DOWN_LIMIT if limit > minimum else Reason.TOO_FEW_REPLICAS
    return desired, Reason.DESIRED_WITHIN_RANGE


def _up_limit(current: int, rules: Rules, events: Sequence[ScaleEvent]) -> int:
    if rules.select_policy is SelectPolicy.DISABLED:
        return current
    choose = min if rules.select_policy is SelectPolicy.MIN else max
    proposed = []
    for rate in rules.policies:
        start = _at_period_start(current, rate, events)
        by_percent = math.ceil(start * (1 + rate.value / 100))
        proposed.append(start + rate.value if rate.type is RateType.PODS else by_percent)
    return choose(proposed)


def _down_limit(current: int, rules: Rules, events: Sequence[ScaleEvent]) -> int:
    if rules.select_policy is SelectPolicy.DISABLED:
        return current
    choose = max if rules.select_policy is SelectPolicy.MIN else min
    proposed = []
    for rate in rules.policies:
        start = _at_period_start(current, rate, events)
        by_percent = int(start * (1 - rate.value / 100))
        proposed.append(start - rate.value if rate.type is RateType.PODS else by_percent)
    return choose(proposed)


def _at_period_start(current: int, rate: Rate, events: Sequence[ScaleEvent]) -> int:
    """The size when the rate's period began: without what was added and with what was removed since."""
    return current - sum(event.change for event in events if event.seconds_ago < rate.period_seconds)
