"""From alarm events to a policy's sources: what is news, what is taken in, what value an alert carries. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from datetime import datetime

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Alert, Datapoint, Metric, State
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import CLOCK_SKEW, Reading
from bellhop.scaling.spec import Trigger
from bellhop.scaling.status import SOURCES_KEPT, Source, Status

#: What Prometheus's `{{ $value }}` writes. Not "1.2k": a unit that is guessed is a size that is guessed.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
DEFAULT_ANNOTATION = "value"


def is_news(status: Status, event: AlarmEvent) -> bool:
    """Whether the event is newer than what was taken in of the same alarm.

    CloudWatch: by the time of the change. An alert: by startsAt, and within it by when the door took it in. A repeat
    is news ("still firing"), and so is one after a resolution: Alertmanager resolves what Prometheus could not
    repeat in time, and fires it again later with the same startsAt (seen with 2.42 and 0.25).
    """
    seen = status.source(event.source)
    if seen is None:
        return True
    if event.alert is None:
        return event.at > seen.at
    return (event.at, event.alert.received_at) > (seen.at, seen.received_at or seen.at)


def taken_in(status: Status, trigger: Trigger, event: AlarmEvent, now: datetime) -> Status:
    """The status with the event's alarm as it is now, newest last."""
    before = status.source(event.source)
    at = _since(before, event, now)
    source = before or Source(source=event.source, name=event.name, state=str(event.state), at=at)
    source = msgspec.structs.replace(source, name=event.name, state=str(event.state), at=at)
    if event.threshold is not None:
        source = msgspec.structs.replace(source, threshold=event.threshold)
    point = event.datapoint
    if event.alert is not None:
        received = min(event.alert.received_at, now)
        value, _ = alert_value(trigger, event.alert)
        point = None if value is None else Datapoint(value, received)
        labels = dict(event.alert.labels)
        source = msgspec.structs.replace(
            source, labels=labels, received_at=received, value=None, measured_at=None
        )
        if before is not None and before.at != at:
            # It began to fire anew: what was computed for the time before stands no more.
            source = msgspec.structs.replace(source, counted_at=None, counted=None, recommended=None)
    if point is not None and math.isfinite(point.value):
        source = msgspec.structs.replace(source, value=point.value, measured_at=point.at)
    others = [s for s in status.triggers if s.source != event.source]
    if len(others) >= SOURCES_KEPT:
        others.remove(min(others, key=lambda s: (s.state == State.ALARM, s.at)))
    return msgspec.structs.replace(status, triggers=(*others, source))


def _since(before: Source | None, event: AlarmEvent, now: datetime) -> datetime:
    """Since when the alarm is in its state. A sender's clock that is far ahead must not make all that follows old
    news, nor each repeat a new episode."""
    if event.at <= now + CLOCK_SKEW:
        return event.at
    return before.at if before is not None and before.state == event.state else now


def without(status: Status, gone: Collection[str]) -> Status:
    """The status without the sources of these ids: their alarms were deleted."""
    return msgspec.structs.replace(
        status, triggers=tuple(source for source in status.triggers if source.source not in gone)
    )


def alert_value(trigger: Trigger, alert: Alert) -> tuple[float | None, str]:
    """The value an alert carries for this trigger, or None and why.

    Where valueFrom says, else Grafana's only value, else the annotation `value`.
    """
    place = trigger.alert.value_from if trigger.alert is not None else None
    if place is not None and place.ref_id is not None:
        value = alert.values.get(place.ref_id)
        return value, "" if value is not None else f"the alert has no value {place.ref_id}"
    if (place is None or place.annotation is None) and len(alert.values) == 1:
        return next(iter(alert.values.values())), ""
    name = place.annotation if place is not None and place.annotation is not None else DEFAULT_ANNOTATION
    text = alert.annotations.get(name)
    if text is None:
        return None, f"the alert has no annotation {name}"
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(float(text)):
        return None, f"the alert's annotation {name} is not a number: {text.strip()[:40]}"
    return float(text), ""


def readings(
    policy: Policy,
    now: datetime,
    *,
    metrics: dict[str, Metric],
    datapoints: dict[str, Datapoint],
) -> list[Reading]:
    """One reading for each source that a trigger of the policy is for, from what was read (by source)."""
    found = []
    for source in policy.status.triggers:
        trigger = policy.trigger_of(source)
        if trigger is None:
            continue
        metric = metrics.get(source.source)
        known = _known(source)
        read = datapoints.get(source.source)
        points = [point for point in (known, read) if point is not None]
        believed = [point for point in points if point.at <= now + CLOCK_SKEW]
        newest = max(believed, key=lambda p: p.at, default=None)
        problem = ""
        if points and newest is None:
            problem = f"{source.name}'s datapoint is from the future: its clock is ahead"
        elif newest is None and metric is None:
            problem = f"{source.name} carries no usable value"
        name = metric.name if metric is not None else source.name
        found.append(Reading(source, trigger, newest, name, problem, readable=metric is not None))
    return found


def _known(source: Source) -> Datapoint | None:
    if source.value is None or source.measured_at is None:
        return None
    return Datapoint(source.value, source.measured_at)
