"""The neutral alarm event that every sender's form becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bellhop.ledger import entry_id


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Metric:
    """What an alarm looks at, as GetMetricData reads it again. name: for people. period: seconds.

    queries: MetricDataQueries of one time series (metric math has several, one of which returns data).
    growing: a sum or a count, which only grows while its period lasts.
    """

    name: str
    period: int
    queries: tuple[Mapping[str, Any], ...]
    growing: bool = False


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A metric's value; `at` is the start of its period, as CloudWatch stamps it. Of a pushed alert, when it
    was received."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """What an alert that was pushed (Alertmanager, Grafana) carries; which of it is the value, the policy says.

    values: Grafana's, by reference id. received_at: when the door took it in; repeats differ in nothing else.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    values: Mapping[str, float]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """What is known of one alarm at one moment: a change of its state, or what was read again later.

    source: its identity, for ever: a CloudWatch alarm's ARN, or `alert/FINGERPRINT`. at: since when it is in
    this state; for an alert, firing or resolved, when it began to fire. metric: None where there is none to
    read again (composite alarms, alerts). datapoint: the newest one the sender evaluated, when its form
    carries it. threshold: what it is compared with, where the sender says so.
    """

    source: str
    name: str
    state: State
    at: datetime
    reason: str = ""
    metric: Metric | None = None
    datapoint: Datapoint | None = None
    threshold: float | None = None
    alert: Alert | None = None

    @property
    def id(self) -> str:
        """Its identity in all three CloudWatch forms: alarm ARN, state and the time of the change; of an alert,
        when it was received as well, since a repeat is news ("still firing").

        Whole seconds do not identify (two changes in one second happen), so times are to the millisecond.
        """
        received = () if self.alert is None else (self.alert.received_at.isoformat(timespec="milliseconds"),)
        return entry_id(self.source, self.state, self.at.isoformat(timespec="milliseconds"), *received)
