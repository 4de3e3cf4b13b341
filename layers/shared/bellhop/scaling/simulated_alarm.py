"""The one alarm or alert of a policy that is played: what it says of each datapoint. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Alert, Datapoint, Metric, State
from bellhop.errors import InvalidInputError
from bellhop.scaling.policy import Policy
from bellhop.scaling.sources import DEFAULT_ANNOTATION
from bellhop.scaling.spec import AlarmMatch, AlertMatch, Trigger
from bellhop.scaling.status import Source

#: How often Alertmanager repeats an alert that fires on (its repeat_interval's default).
REPEATED_EVERY = timedelta(hours=4)

_ALARM_NAME = "alertname"


class SimulatedAlarm:
    """One trigger's alarm or alert. policy: with this trigger alone, and its source."""

    def __init__(
        self, policy: Policy, index: int, threshold: float | None, repeated_every: timedelta
    ) -> None:
        triggers = policy.spec.triggers
        if not 0 <= index < len(triggers):
            raise InvalidInputError(f"the policy has {len(triggers)} triggers, from 0; there is no {index}")
        trigger = triggers[index]
        before = _known(policy, trigger)
        self.pushed = trigger.alert is not None
        self.name = before.name if before is not None else name_of(trigger)
        self.id = before.source if before is not None else f"simulated/{self.name}"
        self.threshold = _threshold(trigger, before, threshold)
        self._below = rings_below(trigger)
        self._repeated_every = repeated_every
        self.trigger = self._only(trigger)
        self.policy = self._alone(policy, before)
        self.state = State(before.state) if before is not None else None
        self._since = before.at if before is not None else None
        self._received = before.received_at if before is not None else None

    def news(self, now: datetime, point: Datapoint | None) -> AlarmEvent | None:
        """What the alarm sends when it sees the datapoint; None when it sends nothing."""
        if self.pushed and point is None:
            return None
        state = self._state_of(point)
        if self.pushed and self.state is None and state is State.OK:
            return None  # what never fired is never resolved
        repeat = (
            self.pushed and state is State.ALARM and now - (self._received or now) >= self._repeated_every
        )
        return self.event(now, point) if state is not self.state or repeat else None

    def event(self, now: datetime, point: Datapoint | None) -> AlarmEvent:
        state = self._state_of(point)
        if state is not self.state or self._since is None:
            resolved = self.pushed and state is State.OK and self._since is not None
            # An alert that is resolved is still the one that began to fire then.
            self._since = self._since if resolved else now
        self.state = state
        alert = None
        if self.pushed:
            self._received, alert = now, self._alert(now, point)
        return AlarmEvent(
            self.id,
            self.name,
            state,
            self._since or now,
            metric=self.metric,
            datapoint=point,
            threshold=self.threshold,
            alert=alert,
        )

    @property
    def metric(self) -> Metric | None:
        """What can be read again at any time; a pushed alert's value cannot."""
        return None if self.pushed else Metric("metric", 60, ())

    def _state_of(self, point: Datapoint | None) -> State:
        if point is None:
            return State.INSUFFICIENT_DATA
        beyond = point.value < self.threshold if self._below else point.value > self.threshold
        return State.ALARM if beyond else State.OK

    def _alert(self, now: datetime, point: Datapoint | None) -> Alert:
        place = self.trigger.alert.value_from if self.trigger.alert is not None else None
        labels, value = {_ALARM_NAME: self.name}, 0.0 if point is None else point.value
        if place is not None and place.ref_id is not None:
            return Alert(labels, {}, {place.ref_id: value}, now)
        annotation = place.annotation if place is not None and place.annotation else DEFAULT_ANNOTATION
        return Alert(labels, {annotation: repr(value)}, {}, now)

    def _only(self, trigger: Trigger) -> Trigger:
        """The trigger, matching exactly this alarm: patterns and label selectors name none."""
        if trigger.alert is not None:
            match = msgspec.structs.replace(
                trigger.alert, match_labels={_ALARM_NAME: self.name}, match_expressions=()
            )
            return msgspec.structs.replace(trigger, alert=match)
        return msgspec.structs.replace(trigger, alarm=AlarmMatch(name=self.name))

    def _alone(self, policy: Policy, before: Source | None) -> Policy:
        sources: tuple[Source, ...] = ()
        if before is not None:
            labels = {_ALARM_NAME: self.name} if self.pushed else None
            sources = (msgspec.structs.replace(before, labels=labels),)
        spec = msgspec.structs.replace(policy.spec, triggers=(self.trigger,), dry_run=False)
        # What is in hand belongs to the function; here every slot is free.
        status = msgspec.structs.replace(
            policy.status, triggers=sources, slot=None, follow_up=None, last_decision=None
        )
        return msgspec.structs.replace(policy, spec=spec, status=status)


def name_of(trigger: Trigger) -> str:
    """What to call the trigger's alarm or alert before it has rung."""
    alarm = trigger.alarm
    if alarm is None:
        match = trigger.alert or AlertMatch()
        return match.match_labels.get(_ALARM_NAME, "alert")
    return alarm.name or alarm.pattern or (alarm.arn or "").rpartition(":")[2] or "alarm"


def rings_below(trigger: Trigger) -> bool:
    """Whether the alarm is one for values below its threshold: all its steps are for those."""
    return bool(trigger.steps) and all(
        step.upper_bound is not None and step.upper_bound <= 0 for step in trigger.steps
    )


def _known(policy: Policy, trigger: Trigger) -> Source | None:
    """The trigger's source that the status knows; of several one that rings, and the newest."""
    known = [s for s in policy.status.triggers if policy.trigger_of(s) is trigger]
    return max(known, key=lambda s: (s.state == State.ALARM, s.at), default=None)


def _threshold(trigger: Trigger, before: Source | None, given: float | None) -> float:
    wanted = trigger.target.wanted if trigger.target is not None else None
    known = before.threshold if before is not None else None
    for threshold in (given, trigger.threshold, known, wanted):
        if threshold is not None:
            return threshold
    raise InvalidInputError(
        "the trigger has steps and no threshold of its own: say what the alarm's threshold is"
    )
