"""What in a policy's spec contradicts itself. Pure.

The API server's schema refuses the same (kubernetes/scalingpolicy.yaml); this is for clusters whose definition is older
or was edited, and for what a schema cannot say. A test holds both to one table.
"""

from __future__ import annotations

import math
from datetime import timedelta

from bellhop import durations
from bellhop.errors import InvalidInputError
from bellhop.scaling import steps as banded
from bellhop.scaling.decision import TargetType
from bellhop.scaling.spec import (
    AUTOSCALER,
    AlarmMatch,
    AlertMatch,
    MetricTarget,
    ScaleTargetRef,
    Spec,
    Trigger,
)

_SHORTEST_ACTIVE, _LONGEST_ACTIVE = timedelta(minutes=1), timedelta(days=30)


def contradiction(spec: Spec) -> str | None:
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
