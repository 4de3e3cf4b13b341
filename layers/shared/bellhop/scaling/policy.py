"""ScalingPolicy (`bellhop.dev/v1alpha1`): what its owner declares.

Field names are the HorizontalPodAutoscaler's wherever it has one. kubernetes/scalingpolicy.yaml is the same
schema for the API server; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from bellhop import durations
from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import InvalidInputError, RefusedError
from bellhop.scaling import steps as banded
from bellhop.scaling.behavior import Behavior, DeclaredBehavior
from bellhop.scaling.decision import TargetType
from bellhop.scaling.status import Source, Status
from bellhop.scaling.steps import Step

GROUP = "bellhop.dev"
VERSION = "v1alpha1"
KIND = "ScalingPolicy"
PLURAL = "scalingpolicies"

#: On a ScalingPolicy: until when (RFC 3339) it leaves its workload's size alone. For kubectl annotate.
HOLD_ANNOTATION = "bellhop.dev/hold"

NODE_GROUP = "NodeGroup"
AUTOSCALER = "HorizontalPodAutoscaler"

_SHORTEST_ACTIVE, _LONGEST_ACTIVE = timedelta(minutes=1), timedelta(days=30)


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """JSON names as Kubernetes writes them; unknown fields are newer than this code and ignored."""


class ScaleTargetRef(_Camel, frozen=True, kw_only=True):
    kind: Literal["Deployment", "StatefulSet", "HorizontalPodAutoscaler"]
    name: str
    api_version: str = ""


class NodeGroup(_Camel, frozen=True, kw_only=True):
    """An EKS managed node group. scale_down: may it shrink. raise_max_size: may its maxSize be raised."""

    name: str
    scale_down: bool = False
    raise_max_size: bool = False


class AlarmMatch(_Camel, frozen=True, kw_only=True):
    """Which CloudWatch alarms: exactly one of name, ARN, or a pattern of the name (`*`, `?`, `[seq]`)."""

    name: str | None = None
    arn: str | None = None
    pattern: str | None = None

    def matches(self, source: str, name: str) -> bool:
        if self.arn is not None:
            return source == self.arn
        if self.name is not None:
            return name == self.name
        return self.pattern is not None and fnmatchcase(name, self.pattern)


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"

    @property
    def compares(self) -> bool:
        return self in {Operator.IN, Operator.NOT_IN}


class Requirement(_Camel, frozen=True, kw_only=True):
    """One of a label selector's matchExpressions."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


class ValueFrom(_Camel, frozen=True, kw_only=True):
    """Where an alert's value is: an annotation's name, or the refId of one of Grafana's values."""

    annotation: str | None = None
    ref_id: str | None = None


class AlertMatch(_Camel, frozen=True, kw_only=True):
    """Which pushed alerts, by a label selector as Kubernetes has it; at least one requirement."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Requirement, ...] = ()
    value_from: ValueFrom = ValueFrom()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(k) == v for k, v in self.match_labels.items()) and all(
            requirement.holds(labels) for requirement in self.match_expressions
        )


class MetricTarget(_Camel, frozen=True, kw_only=True):
    """The metric's wanted value, as the HPA's `target`."""

    type: TargetType
    value: float | None = None
    average_value: float | None = None

    @property
    def wanted(self) -> float | None:
        return self.value if self.type is TargetType.VALUE else self.average_value


class Trigger(_Camel, frozen=True, kw_only=True):
    """What rings, and what size its value asks for: a target, or steps. threshold: what breaches are measured
    from; the alarm's own when not given."""

    alarm: AlarmMatch | None = None
    alert: AlertMatch | None = None
    target: MetricTarget | None = None
    steps: tuple[Step, ...] = ()
    threshold: float | None = None

    def matches(self, source: str, name: str, labels: Mapping[str, str] | None) -> bool:
        """labels: those of an alert; None for a CloudWatch alarm."""
        if labels is None:
            return self.alarm is not None and self.alarm.matches(source, name)
        return self.alert is not None and self.alert.matches(labels)


class WhenMetricMissing(_Camel, frozen=True, kw_only=True):
    """The size to ask for while a value cannot be had; None: no less than there is (hold)."""

    replicas: int | None = None


class Approval(_Camel, frozen=True, kw_only=True):
    """Above `above` replicas a person is asked. expires_after: the question. lasts: what was approved."""

    above: int
    expires_after: str = "30m"
    lasts: str = "1h"


class Spec(_Camel, frozen=True, kw_only=True):
    max_replicas: int
    triggers: tuple[Trigger, ...]
    scale_target_ref: ScaleTargetRef | None = None
    node_group: NodeGroup | None = None
    min_replicas: int = 1
    behavior: DeclaredBehavior = DeclaredBehavior()
    evaluate_every_seconds: int = 15
    active_for: str = "5h"
    when_metric_missing: WhenMetricMissing = WhenMetricMissing()
    approval: Approval | None = None
    paused: bool = False
    dry_run: bool = False

    @property
    def full_behavior(self) -> Behavior:
        return self.behavior.complete()

    @property
    def steps_down(self) -> bool:
        """Whether some step makes the workload smaller: then steps are the way down, and OK asks for nothing."""
        return any(step.shrinks for trigger in self.triggers for step in trigger.steps)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy as read from the API server."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Spec
    status: Status = Status()
    created: str = ""
    held_until: datetime | None = None

    @property
    def target_kind(self) -> str:
        ref = self.spec.scale_target_ref
        return ref.kind if ref is not None else NODE_GROUP

    @property
    def target_name(self) -> str:
        ref, group = self.spec.scale_target_ref, self.spec.node_group
        return ref.name if ref is not None else group.name if group is not None else ""

    @property
    def target(self) -> str:
        """What it governs, as people write it: namespace/name."""
        return f"{self.namespace}/{self.target_name}"

    def trigger_for(self, event: AlarmEvent) -> Trigger | None:
        """The first trigger that the event is for."""
        labels = None if event.alert is None else event.alert.labels
        return self._trigger(event.source, event.name, labels)

    def trigger_of(self, source: Source) -> Trigger | None:
        """The trigger that a source in the status is for now; None when the spec was edited since."""
        return self._trigger(source.source, source.name, source.labels)

    def _trigger(self, source: str, name: str, labels: Mapping[str, str] | None) -> Trigger | None:
        return next((t for t in self.spec.triggers if t.matches(source, name, labels)), None)

    def problem(self) -> str | None:
        """What in the spec contradicts itself, in words; None when nothing does."""
        return spec_problem(self.spec)


def spec_problem(spec: Spec) -> str | None:
    """What in a spec contradicts itself, in words; None when nothing does. The API server's schema refuses the
    same; this is for clusters whose definition is older or was edited."""
    if (spec.scale_target_ref is None) == (spec.node_group is None):
        return "exactly one of scaleTargetRef and nodeGroup is needed"
    if spec.scale_target_ref and (problem := _version_problem(spec.scale_target_ref)):
        return problem
    if problem := _limits_problem(spec) or _durations_problem(spec):
        return problem
    if not 15 <= spec.evaluate_every_seconds <= 900:
        return f"evaluateEverySeconds {spec.evaluate_every_seconds} is not from 15 to 900"
    for rules in (spec.full_behavior.scale_up, spec.full_behavior.scale_down):
        if not math.isfinite(rules.tolerance):
            return f"tolerance {rules.tolerance} is not a share of 0 or more"
    if not spec.triggers:
        return "it has no triggers"
    found = ((index, _trigger_problem(trigger)) for index, trigger in enumerate(spec.triggers))
    return next((f"triggers[{index}]: {problem}" for index, problem in found if problem), None)


def _version_problem(ref: ScaleTargetRef) -> str | None:
    needed = "autoscaling/v2" if ref.kind == AUTOSCALER else "apps/v1"
    if ref.api_version not in {"", needed}:
        return f"scaleTargetRef.apiVersion {ref.api_version} is not {needed}, which a {ref.kind} is of"
    return None


def _limits_problem(spec: Spec) -> str | None:
    if spec.min_replicas < 0:
        return f"minReplicas {spec.min_replicas} is below 0"
    if spec.max_replicas < max(1, spec.min_replicas):
        return f"maxReplicas {spec.max_replicas} is below minReplicas {spec.min_replicas} or below 1"
    if spec.scale_target_ref and spec.scale_target_ref.kind == AUTOSCALER and spec.min_replicas < 1:
        return "minReplicas 0 is not for a HorizontalPodAutoscaler: its own minReplicas is at least 1"
    missing = spec.when_metric_missing.replicas
    if missing is not None and not spec.min_replicas <= missing <= spec.max_replicas:
        return f"whenMetricMissing.replicas {missing} is not from minReplicas to maxReplicas"
    if spec.approval and not spec.min_replicas <= spec.approval.above < spec.max_replicas:
        return f"approval.above {spec.approval.above} is not from minReplicas to below maxReplicas"
    return None


def _durations_problem(spec: Spec) -> str | None:
    try:
        if not _SHORTEST_ACTIVE <= durations.parse(spec.active_for) <= _LONGEST_ACTIVE:
            return f"activeFor {spec.active_for} is not from 1m to 30d"
        if spec.approval:
            durations.parse(spec.approval.expires_after)
            durations.parse(spec.approval.lasts)
    except InvalidInputError as error:
        return str(error)
    return None


def _trigger_problem(trigger: Trigger) -> str | None:
    if (trigger.alarm is None) == (trigger.alert is None):
        return "exactly one of alarm and alert is needed"
    if (trigger.target is None) == (not trigger.steps):
        return "exactly one of target and steps is needed"
    if trigger.alarm and sum(x is not None for x in _ways(trigger.alarm)) != 1:
        return "alarm needs exactly one of name, arn, pattern"
    if trigger.alert and (problem := _alert_problem(trigger.alert)):
        return problem
    if trigger.threshold is not None and not math.isfinite(trigger.threshold):
        return f"threshold {trigger.threshold} is not a finite number"
    if trigger.steps:
        return _steps_problem(trigger)
    return _target_problem(trigger.target) if trigger.target else None


def _alert_problem(alert: AlertMatch) -> str | None:
    if not (alert.match_labels or alert.match_expressions):
        return "alert needs matchLabels or matchExpressions"
    if any(
        requirement.operator.compares != bool(requirement.values) for requirement in alert.match_expressions
    ):
        return "alert.matchExpressions: In and NotIn need values, Exists and DoesNotExist have none"
    if None not in {alert.value_from.annotation, alert.value_from.ref_id}:
        return "alert.valueFrom has both annotation and refId"
    return None


def _ways(alarm: AlarmMatch) -> tuple[str | None, ...]:
    return alarm.name, alarm.arn, alarm.pattern


def _steps_problem(trigger: Trigger) -> str | None:
    measured = any(not step.covers_all for step in trigger.steps)
    if trigger.alert and measured and trigger.threshold is None:
        return "steps of an alert need threshold, unless one band covers everything"
    return banded.problem(trigger.steps)


def _target_problem(target: MetricTarget) -> str | None:
    if target.wanted is None:
        field = "value" if target.type is TargetType.VALUE else "averageValue"
        return f"target.type {target.type} needs target.{field}"
    if None not in {target.value, target.average_value}:
        return f"target.type {target.type} has both target.value and target.averageValue"
    if not 0 < target.wanted < math.inf:
        return f"target {target.wanted:g} is not above 0"
    return None


def parse_policy(resource: Mapping[str, Any]) -> Policy:
    """The policy in a custom resource as the API server returns it.

    Raises RefusedError(PolicyInvalid), naming the field, for what the schema should have refused.
    """
    metadata = resource["metadata"]
    where = f"{metadata.get('namespace')}/{metadata.get('name')}"
    try:
        return Policy(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            resource_version=metadata["resourceVersion"],
            spec=msgspec.convert(resource.get("spec", {}), Spec),
            status=msgspec.convert(resource.get("status") or {}, Status),
            created=metadata.get("creationTimestamp", ""),
            held_until=_held_until(metadata.get("annotations") or {}),
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise RefusedError("PolicyInvalid", f"policy {where}: {error}") from error


def _held_until(annotations: Mapping[str, str]) -> datetime | None:
    text = annotations.get(HOLD_ANNOTATION)
    if text is None:
        return None
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise ValueError(
            f"annotation {HOLD_ANNOTATION}: `{text[:40]}` is not a time like 2026-11-20T18:00:00Z"
        )
    return until
