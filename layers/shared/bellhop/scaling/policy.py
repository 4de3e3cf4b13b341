"""ScalingPolicy (`bellhop.dev/v1alpha1`): what its owner declares, and the status that is Bellhop's state.

Field names are the HorizontalPodAutoscaler's wherever it has one. kubernetes/scalingpolicy.yaml is the same
schema for the API server; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import RefusedError
from bellhop.scaling.behavior import DEFAULT_TOLERANCE
from bellhop.scaling.decision import TargetType
from bellhop.scaling.evaluation import Limits

GROUP = "bellhop.dev"
VERSION = "v1alpha1"
KIND = "ScalingPolicy"
PLURAL = "scalingpolicies"

#: How many alarms' last states one status keeps. A policy that more alarms ring for forgets the oldest.
ALARMS_KEPT = 50


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """JSON names as Kubernetes writes them; unknown fields are newer than this code and ignored."""


class ScaleTargetRef(_Camel, frozen=True, kw_only=True):
    kind: Literal["Deployment", "StatefulSet"]
    name: str
    api_version: str = "apps/v1"


class AlarmMatch(_Camel, frozen=True, kw_only=True):
    """Which CloudWatch alarms: exactly one of name, ARN, or a pattern of the name (`*`, `?`, `[seq]`)."""

    name: str | None = None
    arn: str | None = None
    pattern: str | None = None

    def matches(self, event: AlarmEvent) -> bool:
        if self.arn is not None:
            return event.arn == self.arn
        if self.name is not None:
            return event.name == self.name
        return self.pattern is not None and fnmatchcase(event.name, self.pattern)


class MetricTarget(_Camel, frozen=True, kw_only=True):
    """The metric's wanted value, as the HPA's `target`."""

    type: TargetType
    value: float | None = None
    average_value: float | None = None

    @property
    def wanted(self) -> float | None:
        return self.value if self.type is TargetType.VALUE else self.average_value


class Trigger(_Camel, frozen=True, kw_only=True):
    alarm: AlarmMatch
    target: MetricTarget


class Rules(_Camel, frozen=True, kw_only=True):
    """One direction of `behavior`."""

    tolerance: float = DEFAULT_TOLERANCE


class Behavior(_Camel, frozen=True, kw_only=True):
    scale_up: Rules = Rules()
    scale_down: Rules = Rules()


class Spec(_Camel, frozen=True, kw_only=True):
    scale_target_ref: ScaleTargetRef
    max_replicas: int
    triggers: tuple[Trigger, ...]
    min_replicas: int = 1
    behavior: Behavior = Behavior()


class Phase(StrEnum):
    """Pending: decided, and perhaps written; the lease says for how long its owner may still act. Done: over."""

    PENDING = "Pending"
    DONE = "Done"


class AlarmSeen(_Camel, frozen=True, kw_only=True):
    """The newest change of an alarm's state that was taken in."""

    arn: str
    state: str
    at: datetime


class LastDecision(_Camel, frozen=True, kw_only=True):
    """The intent: recorded before anything is changed, closed after the ledger has the outcome.

    event: id of the alarm event that caused it. alarm_name, alarm: which one rang, and its change of state.
    at: when it was decided. owner, lease_until: who may act on it, and until when nobody else does.
    """

    event: str
    alarm_name: str
    alarm: AlarmSeen
    at: datetime
    current: int
    desired: int
    reason: str
    because: str
    phase: Phase
    owner: str
    lease_until: datetime
    target_uid: str


class Condition(_Camel, frozen=True, kw_only=True):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: datetime


class Status(_Camel, frozen=True, kw_only=True):
    observed_generation: int = 0
    current_replicas: int | None = None
    desired_replicas: int | None = None
    last_scale_time: datetime | None = None
    last_decision: LastDecision | None = None
    alarms: tuple[AlarmSeen, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def seen(self, arn: str) -> AlarmSeen | None:
        return next((alarm for alarm in self.alarms if alarm.arn == arn), None)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy as read from the API server."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Spec
    status: Status = Status()

    @property
    def target(self) -> str:
        """The governed workload as people write it: namespace/name."""
        return f"{self.namespace}/{self.spec.scale_target_ref.name}"

    @property
    def limits(self) -> Limits:
        behavior = self.spec.behavior
        return Limits(
            self.spec.min_replicas,
            self.spec.max_replicas,
            behavior.scale_up.tolerance,
            behavior.scale_down.tolerance,
        )

    def trigger_for(self, event: AlarmEvent) -> Trigger | None:
        return next((t for t in self.spec.triggers if t.alarm.matches(event)), None)

    def problem(self) -> str | None:
        """What in the spec contradicts itself, in words; None when nothing does."""
        spec = self.spec
        if spec.min_replicas < 0:
            return f"minReplicas {spec.min_replicas} is below 0"
        if spec.max_replicas < max(1, spec.min_replicas):
            return f"maxReplicas {spec.max_replicas} is below minReplicas {spec.min_replicas} or below 1"
        for tolerance in (spec.behavior.scale_up.tolerance, spec.behavior.scale_down.tolerance):
            if not 0 <= tolerance < math.inf:
                return f"tolerance {tolerance:g} is not a share of 0 or more"
        for index, trigger in enumerate(spec.triggers):
            if problem := _trigger_problem(trigger):
                return f"triggers[{index}]: {problem}"
        return None if spec.triggers else "it has no triggers"


def _trigger_problem(trigger: Trigger) -> str | None:
    alarm, target = trigger.alarm, trigger.target
    if sum(x is not None for x in (alarm.name, alarm.arn, alarm.pattern)) != 1:
        return "alarm needs exactly one of name, arn, pattern"
    if target.wanted is None:
        field = "value" if target.type is TargetType.VALUE else "averageValue"
        return f"target.type {target.type} needs target.{field}"
    if not 0 < target.wanted < math.inf:
        return f"target {target.wanted:g} is not above 0"
    return None


def parse_policy(resource: Mapping[str, Any]) -> Policy:
    """The policy in a custom resource as the API server returns it.

    Raises RefusedError(PolicyInvalid), naming the field, for what the schema should have refused.
    """
    metadata = resource["metadata"]
    try:
        return Policy(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            resource_version=metadata["resourceVersion"],
            spec=msgspec.convert(resource.get("spec", {}), Spec),
            status=msgspec.convert(resource.get("status") or {}, Status),
        )
    except msgspec.ValidationError as error:
        where = f"{metadata.get('namespace')}/{metadata.get('name')}"
        raise RefusedError("PolicyInvalid", f"policy {where}: {error}") from error
