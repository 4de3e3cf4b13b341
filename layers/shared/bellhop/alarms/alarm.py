"""The neutral alarm event that every sender's form becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bellhop.ledger import entry_id


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Metric:
    """What GetMetricData needs to read the alarm's metric again. period: seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    period: int
    statistic: str


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A metric's value; `at` is the start of its period, as CloudWatch stamps it."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One change of one alarm's state.

    at: when the state changed. metric: None for composite alarms and metric math. datapoint: the newest one
    the sender evaluated, when its form carries it.
    """

    arn: str
    name: str
    state: State
    at: datetime
    reason: str
    metric: Metric | None = None
    datapoint: Datapoint | None = None

    @property
    def id(self) -> str:
        """Its identity in all three CloudWatch forms: alarm ARN, state and the time of the change.

        Whole seconds do not identify (two changes in one second happen), so the time is to the millisecond.
        """
        return entry_id(self.arn, self.state, self.at.isoformat(timespec="milliseconds"))
