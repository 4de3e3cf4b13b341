"""What a policy remembers from one look to the next: recommendations, changes, ready pods. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from bellhop.scaling.behavior import Behavior
from bellhop.scaling.decision import Size
from bellhop.scaling.status import PastChange, PastReady, PastRecommendation, Status

#: Ready pods are looked up at a datapoint's time, and datapoints come some minutes late.
_READY_KEPT = timedelta(minutes=10)


def remembered(
    status: Status, behavior: Behavior, *, size: Size, recommendation: int | None, change: int, now: datetime
) -> Status:
    """The status with one look more, and without what no window or rate looks at any more."""
    recommendations = status.recommendations
    if not recommendations:
        # First sight of a target: as if what is there had been recommended (the HorizontalPodAutoscaler's rule).
        recommendations = (PastRecommendation(at=now, replicas=size.replicas),)
    if recommendation is not None:
        recommendations = (*recommendations, PastRecommendation(at=now, replicas=recommendation))
    since = now - _longest_period(behavior)
    # The newest stays however old it is: a later change that is taken back leaves its time as the last one's.
    events = tuple(e for e in status.scale_events if e.at > since) or status.scale_events[-1:]
    if change:
        events = (*events, PastChange(at=now, change=change))
    return msgspec.structs.replace(
        status,
        recommendations=_needed(recommendations, now - _longest_window(behavior)),
        scale_events=events,
        ready_pods=(
            *(past for past in status.ready_pods if past.at > now - _READY_KEPT),
            PastReady(at=now, ready=size.ready),
        ),
    )


def _needed(all_: tuple[PastRecommendation, ...], since: datetime) -> tuple[PastRecommendation, ...]:
    """Those that can still be the highest or lowest of some window. A window ends now, so one that a newer one
    equals or exceeds on either side can never be that side's extreme."""
    kept: list[PastRecommendation] = []
    highest, lowest = -1, None
    for past in reversed(all_):
        extreme = past.replicas > highest or lowest is None or past.replicas < lowest
        if extreme and (past.at > since or not kept):
            kept.append(past)
        highest = max(highest, past.replicas)
        lowest = past.replicas if lowest is None else min(lowest, past.replicas)
    return tuple(reversed(kept))


def _longest_window(behavior: Behavior) -> timedelta:
    up, down = behavior.scale_up, behavior.scale_down
    return timedelta(seconds=max(up.stabilization_window_seconds, down.stabilization_window_seconds))


def _longest_period(behavior: Behavior) -> timedelta:
    rates = (*behavior.scale_up.policies, *behavior.scale_down.policies)
    return timedelta(seconds=max(rate.period_seconds for rate in rates))
