"""A ScalingPolicy's status: Bellhop's memory of it, and the intent of the change in hand.

Field names are the HorizontalPodAutoscaler's wherever it has one. kubernetes/scalingpolicy.yaml is the same
schema for the API server; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

#: How many sources one status keeps. A policy that more alarms ring for forgets those longest over.
SOURCES_KEPT = 50


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """JSON names as Kubernetes writes them; unknown fields are newer than this code and ignored."""


class Phase(StrEnum):
    """Pending: decided, and perhaps written; the lease says for how long its owner may still act. Done: over."""

    PENDING = "Pending"
    DONE = "Done"


class Source(_Camel, frozen=True, kw_only=True):
    """One alarm or alert that has rung for the policy, and what is known of it.

    source, name, state, at: as in `bellhop.alarms.alarm.AlarmEvent`. labels, received_at: of an alert, which
    ends `activeFor` after it was received last. value, measured_at: the newest datapoint known. counted_at:
    measured_at of the datapoint that `recommended` (replicas) was computed from; computed once, it stands until
    a newer datapoint is.
    """

    source: str
    name: str
    state: str
    at: datetime
    labels: dict[str, str] | None = None
    received_at: datetime | None = None
    value: float | None = None
    measured_at: datetime | None = None
    threshold: float | None = None
    counted_at: datetime | None = None
    counted: float | None = None
    recommended: int | None = None


class LastDecision(_Camel, frozen=True, kw_only=True):
    """The intent: recorded before anything is changed, closed after the ledger has the outcome.

    cause: id of the event or follow-up it was made for. actor: who is behind it, as the ledger names it. at:
    when. working: the arithmetic, line by line. owner, lease_until: who may act on it, and until when nobody
    else does. dry: what would be done; nothing is.
    """

    cause: str
    actor: str
    at: datetime
    current: int
    desired: int
    reason: str
    because: str
    phase: Phase
    owner: str
    lease_until: datetime
    target_uid: str
    working: tuple[str, ...] = ()
    dry: bool = False


class PastRecommendation(_Camel, frozen=True, kw_only=True):
    """What was recommended, before stabilisation."""

    at: datetime
    replicas: int


class PastChange(_Camel, frozen=True, kw_only=True):
    """A change of size; negative when it was scaled down."""

    at: datetime
    change: int


class PastReady(_Camel, frozen=True, kw_only=True):
    """How many pods were ready."""

    at: datetime
    ready: int


class Pause(_Camel, frozen=True, kw_only=True):
    by: str
    at: datetime


class Hold(_Camel, frozen=True, kw_only=True):
    """A person set the size; nothing else does until it ends."""

    by: str
    until: datetime
    replicas: int


class Question(_Camel, frozen=True, kw_only=True):
    """More than `approval.above` is wanted, and nobody has said yes yet."""

    id: str
    wanted: int
    asked_at: datetime
    expires_at: datetime


class Ceiling(_Camel, frozen=True, kw_only=True):
    """Somebody said yes: up to maxReplicas until then."""

    by: str
    until: datetime


class Condition(_Camel, frozen=True, kw_only=True):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime


class Status(_Camel, frozen=True, kw_only=True):
    """slot: when the newest evaluation slot began that a decision was made in. follow_up: when the newest
    follow-up that was sent is due. told: the reason the ledger was told last."""

    observed_generation: int = 0
    current_replicas: int | None = None
    desired_replicas: int | None = None
    last_scale_time: datetime | None = None
    slot: datetime | None = None
    follow_up: datetime | None = None
    last_decision: LastDecision | None = None
    triggers: tuple[Source, ...] = ()
    recommendations: tuple[PastRecommendation, ...] = ()
    scale_events: tuple[PastChange, ...] = ()
    ready_pods: tuple[PastReady, ...] = ()
    paused: Pause | None = None
    hold: Hold | None = None
    question: Question | None = None
    ceiling: Ceiling | None = None
    told: str = ""
    conditions: tuple[Condition, ...] = ()

    def source(self, id: str) -> Source | None:
        return next((source for source in self.triggers if source.source == id), None)
