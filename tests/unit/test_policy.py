"""ScalingPolicy: what it is read from, what its triggers match, what it governs. Its schema: test_policy_schema.py."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bellhop.alarms.alarm import AlarmEvent, Alert, State
from bellhop.errors import RefusedError
from bellhop.scaling.policy import HOLD_ANNOTATION, parse_policy
from bellhop.scaling.spec import NODE_GROUP
from bellhop.scaling.status import Source

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
TARGET = {"type": "Value", "value": 60}
RESOURCE: dict[str, Any] = {
    "metadata": {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "7", "generation": 2},
    "spec": {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 12,
        "triggers": [{"alarm": {"name": "web-cpu-high"}, "target": TARGET}],
    },
}


def resource(**spec: object) -> dict[str, Any]:
    changed = copy.deepcopy(RESOURCE)
    changed["spec"] |= spec
    return changed


def triggered_by(**trigger: object) -> dict[str, Any]:
    return resource(triggers=[{"target": TARGET, **trigger}])


def alarm(name: str) -> AlarmEvent:
    return AlarmEvent(ARN + name, name, State.ALARM, START)


def alert(**labels: str) -> AlarmEvent:
    carried = Alert(labels, {}, {}, START)
    return AlarmEvent("alert/1f", labels.get("alertname", ""), State.ALARM, START, alert=carried)


def test_all_of_a_resource_is_read() -> None:
    created = {"creationTimestamp": "2026-11-01T00:00:00Z"}
    found = parse_policy(
        {
            "metadata": RESOURCE["metadata"] | created,
            "spec": RESOURCE["spec"] | {"minReplicas": 2, "dryRun": True},
            "status": {"observedGeneration": 1, "lastScaleTime": "2026-11-20T09:00:00Z"},
        }
    )
    assert (found.namespace, found.name, found.uid, found.resource_version) == ("shop", "web", "u", "7")
    assert (found.generation, found.created) == (2, "2026-11-01T00:00:00Z")
    assert (found.spec.min_replicas, found.spec.max_replicas, found.spec.dry_run) == (2, 12, True)
    assert (found.status.observed_generation, found.status.last_scale_time) == (1, START)


def test_fields_of_a_newer_version_are_left_aside() -> None:
    assert parse_policy(resource(colour="green")).problem() is None


@pytest.mark.parametrize(
    ("match", "name", "matches"),
    [
        ({"name": "web-cpu-high"}, "web-cpu-high", True),
        ({"name": "web-cpu-high"}, "web-cpu-higher", False),
        ({"name": "web-*"}, "web-cpu-high", False),
        ({"pattern": "web-*"}, "web-cpu-high", True),
        ({"pattern": "web-*"}, "Web-cpu", False),
        ({"pattern": "web-*"}, "shop-web-cpu", False),
        ({"pattern": "web-cp?"}, "web-cpu", True),
        ({"pattern": "web-[cm]pu"}, "web-gpu", False),
        ({"arn": f"{ARN}web"}, "web", True),
        ({"arn": "arn:aws:cloudwatch:eu-west-1:210987654321:alarm:web"}, "web", False),
    ],
)
def test_an_alarm_matches_by_name_arn_or_pattern(match: dict[str, str], name: str, matches: bool) -> None:
    found = parse_policy(triggered_by(alarm=match))
    assert (found.trigger_for(alarm(name)) is not None) is matches


def _needs(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("match", "labels", "matches"),
    [
        ({"matchLabels": {"team": "shop"}}, {"team": "shop", "severity": "page"}, True),
        ({"matchLabels": {"team": "shop"}}, {"team": "bank"}, False),
        ({"matchLabels": {"team": "shop"}}, {}, False),
        ({"matchLabels": {"team": "shop", "severity": "page"}}, {"team": "shop"}, False),
        (_needs("severity", "In", "page", "warn"), {"severity": "warn"}, True),
        (_needs("severity", "In", "page", "warn"), {"severity": "info"}, False),
        (_needs("severity", "In", "page", "warn"), {}, False),
        (_needs("severity", "NotIn", "info"), {"severity": "page"}, True),
        (_needs("severity", "NotIn", "info"), {"severity": "info"}, False),
        (_needs("severity", "NotIn", "info"), {}, True),
        (_needs("pod", "Exists"), {"pod": ""}, True),
        (_needs("pod", "Exists"), {}, False),
        (_needs("pod", "DoesNotExist"), {}, True),
        (_needs("pod", "DoesNotExist"), {"pod": "web-0"}, False),
        ({"matchLabels": {"team": "shop"}} | _needs("pod", "Exists"), {"team": "shop"}, False),
        ({"matchLabels": {"team": "shop"}} | _needs("pod", "Exists"), {"team": "shop", "pod": "a"}, True),
    ],
)
def test_an_alert_matches_by_its_labels(match: dict[str, Any], labels: dict[str, str], matches: bool) -> None:
    found = parse_policy(triggered_by(alert=match))
    assert (found.trigger_for(alert(**labels)) is not None) is matches


def test_alarms_and_alerts_are_not_taken_for_each_other() -> None:
    by_alarm = parse_policy(triggered_by(alarm={"pattern": "*"}))
    by_alert = parse_policy(triggered_by(alert=_needs("severity", "DoesNotExist")))
    assert by_alarm.trigger_for(alert(alertname="web")) is None
    assert by_alert.trigger_for(alarm("web")) is None


def test_of_several_triggers_that_match_the_first_counts() -> None:
    wanted = [{"type": "Value", "value": value} for value in (1, 2, 3)]
    patterns = ("queue-*", "web-*", "*")
    triggers = [
        {"alarm": {"pattern": p}, "target": target} for p, target in zip(patterns, wanted, strict=True)
    ]
    found = parse_policy(resource(triggers=triggers)).trigger_for(alarm("web-cpu"))
    assert found is not None
    assert found.target is not None
    assert found.target.wanted == 2


def test_a_source_in_the_status_finds_its_trigger_until_the_spec_is_edited() -> None:
    kept = Source(source="alert/1f", name="Busy", state="ALARM", at=START, labels={"team": "shop"})
    by_team = parse_policy(triggered_by(alert={"matchLabels": {"team": "shop"}}))
    edited = parse_policy(triggered_by(alert={"matchLabels": {"team": "bank"}}))
    assert by_team.trigger_of(kept) is by_team.spec.triggers[0]
    assert edited.trigger_of(kept) is None


@pytest.mark.parametrize(
    ("target", "kind", "name"),
    [
        ({"scaleTargetRef": {"kind": "Deployment", "name": "web"}}, "Deployment", "web"),
        ({"scaleTargetRef": {"kind": "StatefulSet", "name": "queue"}}, "StatefulSet", "queue"),
        (
            {"scaleTargetRef": {"kind": "HorizontalPodAutoscaler", "name": "web"}},
            "HorizontalPodAutoscaler",
            "web",
        ),
        ({"scaleTargetRef": None, "nodeGroup": {"name": "workers"}}, NODE_GROUP, "workers"),
    ],
)
def test_what_it_governs_has_a_kind_and_a_name(target: dict[str, Any], kind: str, name: str) -> None:
    found = parse_policy(resource(**target))
    assert found.problem() is None
    assert (found.target_kind, found.target_name, found.target) == (kind, name, f"shop/{name}")


@pytest.mark.parametrize(
    ("steps", "down"),
    [
        ([], False),
        ([{"type": "Pods", "value": 2}], False),
        ([{"type": "Pods", "value": -2}], True),
        ([{"type": "Percent", "value": 50}, {"type": "Percent", "value": -10}], True),
        ([{"type": "Replicas", "value": 0}], False),
    ],
)
def test_steps_are_the_way_down_when_one_of_them_shrinks(steps: list[dict[str, Any]], down: bool) -> None:
    by_target = {"alarm": {"name": "cpu"}, "target": TARGET}
    by_steps = {"alarm": {"name": "queue"}, "steps": steps}
    assert parse_policy(resource(triggers=[by_target, by_steps])).spec.steps_down is down


def test_what_behavior_leaves_out_is_the_hpas_default() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}, "scaleUp": {"selectPolicy": "Disabled"}}
    full = parse_policy(resource(behavior=behavior)).spec.full_behavior
    assert (full.scale_down.stabilization_window_seconds, len(full.scale_down.policies)) == (0, 1)
    assert (full.scale_up.select_policy, len(full.scale_up.policies)) == ("Disabled", 2)


def _held(text: str) -> dict[str, Any]:
    return RESOURCE | {"metadata": RESOURCE["metadata"] | {"annotations": {HOLD_ANNOTATION: text}}}


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-11-20T18:00:00Z", datetime(2026, 11, 20, 18, tzinfo=UTC)),
        ("2026-11-20T18:00:00+02:00", datetime(2026, 11, 20, 18, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_the_annotation_says_until_when_it_is_held(text: str, until: datetime) -> None:
    assert parse_policy(_held(text)).held_until == until


def test_without_the_annotation_it_is_not_held() -> None:
    assert parse_policy(RESOURCE).held_until is None


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-11-20", "2026-11-20T18:00:00", "5h"])
def test_an_annotation_that_is_no_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(RefusedError, match=f"shop/web: annotation {HOLD_ANNOTATION}") as refused:
        parse_policy(_held(text))
    assert refused.value.code == "PolicyInvalid"
