"""What a ScalingPolicy declares: its spec.

Field names are the HorizontalPodAutoscaler's wherever it has one. kubernetes/scalingpolicy.yaml is the same schema
for the API server; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from bellhop.scaling.behavior import Behavior, DeclaredBehavior
from bellhop.scaling.decision import TargetType
from bellhop.scaling.steps import Step

NODE_GROUP = "NodeGroup"
AUTOSCALER = "HorizontalPodAutoscaler"


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
