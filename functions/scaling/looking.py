"""What a look at a policy goes by: its alarms as they are now, and their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Datapoint, Metric, State
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Reading
from bellhop.scaling.sources import is_news, readings, taken_in, without
from cloudwatch_reading import AlarmReader, MetricReader

_ARN = "arn:"


@dataclass(frozen=True, slots=True)
class Look:
    """policy: with its sources as they are now. news: some alarm changed since it was looked at last. gone: names
    of alarms that were deleted meanwhile."""

    policy: Policy
    readings: list[Reading]
    news: bool
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Looking:
    """alarms, metrics: CloudWatch."""

    alarms: AlarmReader
    metrics: MetricReader

    def on_event(self, policy: Policy, event: AlarmEvent, now: datetime) -> Look:
        """The event is taken in; of the policy's other alarms state and metric are read again.

        CloudWatch is not asked for a value that the event carries. Raises UnavailableError.
        """
        news = is_news(policy.status, event)
        with_event = _taking_in(policy, event, now) if news else policy
        others = {
            s.name for s in with_event.status.triggers if _is_alarm(s.source) and s.source != event.source
        }
        states = self.alarms.states(others) if others else []
        return self._look(with_event, [*states, event], now, news=news, known=others)

    def again(self, policy: Policy, names: tuple[str, ...], now: datetime) -> Look:
        """All of the policy's alarms are read again, and those of these names. Raises UnavailableError."""
        known = {s.name for s in policy.status.triggers if _is_alarm(s.source)}
        asked = known | set(names) | _named(policy)
        states = self.alarms.states(asked) if asked else []
        return self._look(policy, states, now, news=False, known=known)

    def _look(
        self, policy: Policy, states: list[AlarmEvent], now: datetime, *, news: bool, known: set[str]
    ) -> Look:
        for state in states:
            if policy.trigger_for(state) is not None and is_news(policy.status, state):
                news = news or _changes(policy, state)
                policy = _taking_in(policy, state, now)
        policy, gone = _without_gone(policy, known - {state.name for state in states})
        metrics = {s.source: s.metric for s in states if s.metric is not None}
        metrics = {id: metric for id, metric in metrics.items() if policy.status.source(id) is not None}
        # What carries its value is not read again, nor what says itself that there is none.
        known_values = {
            s.source for s in states if s.datapoint is not None or s.state is State.INSUFFICIENT_DATA
        }
        read = self._read(metrics, known_values, now)
        found = readings(policy, now, metrics=metrics, datapoints=read)
        return Look(policy, found, news, gone)

    def _read(self, metrics: dict[str, Metric], known: set[str], now: datetime) -> dict[str, Datapoint]:
        wanted = [id for id in metrics if id not in known]
        if not wanted:
            return {}
        points = self.metrics.newest([metrics[id] for id in wanted], now=now)
        return {id: point for id, point in zip(wanted, points, strict=True) if point is not None}


def _taking_in(policy: Policy, event: AlarmEvent, now: datetime) -> Policy:
    trigger = policy.trigger_for(event)
    if trigger is None:
        return policy
    return msgspec.structs.replace(policy, status=taken_in(policy.status, trigger, event, now))


def _without_gone(policy: Policy, missing: set[str]) -> tuple[Policy, tuple[str, ...]]:
    gone = [s for s in policy.status.triggers if s.name in missing and _is_alarm(s.source)]
    status = without(policy.status, {source.source for source in gone})
    return msgspec.structs.replace(policy, status=status), tuple(source.name for source in gone)


def _changes(policy: Policy, state: AlarmEvent) -> bool:
    seen = policy.status.source(state.source)
    return seen is None or seen.state != state.state


def _named(policy: Policy) -> set[str]:
    """The names of the alarms that the spec says outright; patterns are the resync's."""
    alarms = [trigger.alarm for trigger in policy.spec.triggers if trigger.alarm is not None]
    names = {alarm.name for alarm in alarms if alarm.name is not None}
    return names | {name_in(alarm.arn) for alarm in alarms if alarm.arn is not None}


def name_in(arn: str) -> str:
    """An alarm's name: all of its ARN after `:alarm:`."""
    return arn.partition(":alarm:")[2]


def _is_alarm(source: str) -> bool:
    return source.startswith(_ARN)
