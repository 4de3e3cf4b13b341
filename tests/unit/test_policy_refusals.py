"""What contradicts itself is refused by the API server's schema and by our code alike, and nothing else is."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit.policy_world import (
    ALARM,
    ALERT,
    BASE,
    HPA,
    REF,
    TARGET,
    one_change,
    sound,
    told_by_the_code,
    told_by_the_schema,
)


def alarm(**trigger: object) -> dict[str, Any]:
    return {"triggers": [{"alarm": ALARM, **trigger}]}


def alert(**match: object) -> dict[str, Any]:
    return {"triggers": [{"alert": match, "target": TARGET}]}


def label(operator: str, **more: object) -> dict[str, Any]:
    return alert(matchExpressions=[{"key": "team", "operator": operator, **more}])


def bands(*steps: dict[str, Any]) -> dict[str, Any]:
    return alarm(steps=[{"type": "Pods", "value": 1} | step for step in steps])


def at(lower: float | None, upper: float | None) -> dict[str, Any]:
    given_ = {"lowerBound": lower, "upperBound": upper}
    return {name: bound for name, bound in given_.items() if bound is not None}


def down(**rules: object) -> dict[str, Any]:
    return {"behavior": {"scaleDown": rules}}


def rate(**rate: object) -> dict[str, Any]:
    return down(policies=[{"type": "Pods", "value": 4, "periodSeconds": 15} | rate])


NO_TARGET: dict[str, Any] = {"scaleTargetRef": None}

#: (what is changed in BASE, what the API server says, what the code says).
BOTH: list[tuple[dict[str, Any], str, str]] = [
    (NO_TARGET, "exactly one of scaleTargetRef and", "exactly one of scaleTargetRef and"),
    ({"nodeGroup": {"name": "w"}}, "exactly one of scaleTargetRef", "exactly one of scaleTargetRef"),
    ({"scaleTargetRef": REF | {"kind": "DaemonSet"}}, "Unsupported value", "DaemonSet"),
    ({"scaleTargetRef": {"kind": "Deployment"}}, "scaleTargetRef.name: Required", "name"),
    ({"scaleTargetRef": {"name": "web"}}, "scaleTargetRef.kind: Required", "kind"),
    ({"scaleTargetRef": REF | {"apiVersion": "v1"}}, "Unsupported value", "is not apps/v1"),
    ({"scaleTargetRef": REF | {"apiVersion": "autoscaling/v2"}}, "must be apps/v1", "is not apps/v1"),
    ({"scaleTargetRef": HPA | {"apiVersion": "apps/v1"}}, "autoscaling/v2", "is not autoscaling/v2"),
    (NO_TARGET | {"nodeGroup": {}}, "nodeGroup.name: Required", "name"),
    (NO_TARGET | {"nodeGroup": {"name": "w", "scaleDown": "no"}}, "type boolean", "bool"),
    ({"maxReplicas": "many"}, "must be of type integer", "int"),
    ({"maxReplicas": None}, "maxReplicas: Required", "maxReplicas"),
    ({"maxReplicas": 0, "minReplicas": 0}, "greater than or equal to 1", "maxReplicas 0"),
    ({"minReplicas": -1}, "greater than or equal to 0", "minReplicas -1 is below 0"),
    ({"minReplicas": 1.5}, "must be of type integer", "int"),
    ({"minReplicas": 13}, "maxReplicas is below minReplicas", "maxReplicas 12 is below minReplicas 13"),
    ({"scaleTargetRef": HPA, "minReplicas": 0}, "minReplicas 0 is not for", "minReplicas 0 is not for"),
    ({"triggers": None}, "triggers: Required", "triggers"),
    ({"triggers": []}, "at least 1 items", "no triggers"),
    ({"triggers": [{"target": TARGET}]}, "exactly one of alarm and alert", "one of alarm and alert"),
    ({"triggers": [{"alarm": ALARM, "alert": ALERT, "target": TARGET}]}, "one of alarm and", "one of alarm"),
    (alarm(), "exactly one of target and steps", "exactly one of target and steps"),
    (alarm(steps=[]), "exactly one of target and steps", "exactly one of target and steps"),
    (alarm(target=TARGET, steps=[{"type": "Pods", "value": 1}]), "one of target and", "one of target and"),
    (alarm(alarm={}, target=TARGET), "at least 1 properties", "exactly one of name, arn, pattern"),
    (alarm(alarm={"name": "a", "pattern": "b"}, target=TARGET), "at most 1 properties", "exactly one of"),
    (alarm(alarm={"name": 7}, target=TARGET), "must be of type string", "str"),
    (alert(), "matchLabels or matchExpressions is needed", "needs matchLabels or matchExpressions"),
    (alert(matchLabels={}, matchExpressions=[]), "matchLabels or match", "needs matchLabels or match"),
    (alert(matchLabels={"team": 5}), "must be of type string", "str"),
    (label("In"), "In and NotIn need values", "In and NotIn need values"),
    (label("NotIn", values=[]), "In and NotIn need values", "In and NotIn need values"),
    (label("Exists", values=["a"]), "Exists and DoesNotExist have none", "DoesNotExist have none"),
    (label("DoesNotExist", values=["a"]), "Exists and DoesNotExist have none", "DoesNotExist have none"),
    (label("Like", values=["a"]), "Unsupported value", "Like"),
    (alert(matchExpressions=[{"operator": "Exists"}]), "key: Required", "key"),
    (alert(**ALERT, valueFrom={"annotation": "a", "refId": "B"}), "at most 1 properties", "has both"),
    (alarm(target={"value": 60}), "target.type: Required", "type"),
    (alarm(target={"type": "Percent", "value": 1}), "Unsupported value", "Percent"),
    (alarm(target={"type": "Value"}), "Value goes with value", "needs target.value"),
    (alarm(target={"type": "Value", "averageValue": 3}), "Value goes with value", "needs target.value"),
    (alarm(target={"type": "AverageValue", "value": 3}), "AverageValue with average", "needs target.average"),
    (alarm(target=TARGET | {"averageValue": 3}), "with value alone", "both target.value and"),
    (alarm(target={"type": "Value", "value": 0}), "should be greater than 0", "not above 0"),
    (alarm(target={"type": "AverageValue", "averageValue": -3}), "should be greater than 0", "not above 0"),
    (bands({"type": "Nodes"}), "Unsupported value", "Nodes"),
    (bands({"value": 1.5}), "must be of type integer", "int"),
    (bands({"type": "Replicas", "value": -1}), "a size in replicas is 0 or more", "-1 replicas are below 0"),
    (bands(at(5, 5)), "lowerBound must be below upperBound", "lowerBound is not below upperBound"),
    (bands(at(0, 10), at(5, 15)), "two bands overlap", "two bands overlap"),
    (bands(at(None, None), at(5, None)), "two bands overlap", "two bands overlap"),
    (bands(at(0, 10), at(10, 20), at(12, 14)), "two bands overlap", "two bands overlap"),
    (bands(at(0, 5), at(10, None)), "there is a gap between two bands", "no band from 5 to 10"),
    (bands(at(10, None), at(None, -10)), "there is a gap between two bands", "no band from -10 to 10"),
    (
        {"triggers": [{"alert": ALERT, "steps": [{"type": "Pods", "value": 1} | at(0, None)]}]},
        "steps of an alert need threshold",
        "steps of an alert need threshold",
    ),
    (alarm(target=TARGET, threshold="high"), "must be of type number", "float"),
    (down(stabilizationWindowSeconds=3601), "less than or equal to 3600", "3600"),
    (down(stabilizationWindowSeconds=-1), "greater than or equal to 0", "0"),
    (down(policies=[]), "at least 1 items", "length >= 1"),
    (down(selectPolicy="Least"), "Unsupported value", "Least"),
    (down(tolerance=-0.1), "greater than or equal to 0", "0"),
    (rate(type="Replicas"), "Unsupported value", "Replicas"),
    (rate(value=0), "greater than or equal to 1", "1"),
    (rate(periodSeconds=0), "greater than or equal to 1", "1"),
    (rate(periodSeconds=1801), "less than or equal to 1800", "1800"),
    ({"evaluateEverySeconds": 14}, "greater than or equal to 15", "14 is not from 15 to 900"),
    ({"evaluateEverySeconds": 901}, "less than or equal to 900", "901 is not from 15 to 900"),
    ({"activeFor": "5w"}, "activeFor in body should match", "`5w` is not a length of time"),
    ({"activeFor": "0h"}, "a length of time must be more than nothing", "not between 1 second and a year"),
    ({"whenMetricMissing": {"replicas": 13}}, "from minReplicas to max", "replicas 13 is not from min"),
    ({"whenMetricMissing": {"replicas": 0}}, "from minReplicas to max", "replicas 0 is not from min"),
    ({"approval": {"above": 12}}, "above must be from minReplicas", "approval.above 12 is not from"),
    ({"approval": {"above": 0}}, "above must be from minReplicas", "approval.above 0 is not from"),
    ({"approval": {}}, "approval.above: Required", "above"),
    ({"approval": {"above": 5, "lasts": "1"}}, "lasts in body should match", "`1` is not a length of time"),
    ({"approval": {"above": 5, "expiresAfter": "0s"}}, "more than nothing", "not between 1 second and"),
    ({"approval": {"above": 5, "lasts": "0s"}}, "more than nothing", "not between 1 second and"),
    ({"paused": "yes"}, "must be of type boolean", "bool"),
]

#: What the schema cannot say: it would have to read a length of time, and JSON has no infinity.
CODE_ALONE: list[tuple[dict[str, Any], str]] = [
    ({"activeFor": "59s"}, "activeFor 59s is not from 1m to 30d"),
    ({"activeFor": "30d1s"}, "activeFor 30d1s is not from 1m to 30d"),
    ({"activeFor": "366d"}, "is not between 1 second and a year"),
    ({"approval": {"above": 5, "lasts": "366d"}}, "is not between 1 second and a year"),
    ({"approval": {"above": 5, "expiresAfter": "366d"}}, "is not between 1 second and a year"),
    (alarm(target={"type": "Value", "value": math.inf}), "not above 0"),
    (alarm(target=TARGET, threshold=math.inf), "not a finite number"),
    (bands(at(0, math.inf)), "not a finite number"),
    (down(tolerance=math.inf), "tolerance"),
]

#: What only the schema bounds: sizes of texts and lists, and what a name can be.
SCHEMA_ALONE: list[tuple[dict[str, Any], str]] = [
    ({"scaleTargetRef": REF | {"name": ""}}, "at least 1 chars"),
    ({"scaleTargetRef": REF | {"name": "w" * 254}}, "at most 253 chars"),
    (NO_TARGET | {"nodeGroup": {"name": "w" * 64}}, "at most 63 chars"),
    ({"triggers": BASE["triggers"] * 21}, "at most 20 items"),
    (alarm(alarm={"name": ""}, target=TARGET), "at least 1 chars"),
    (alarm(alarm={"arn": "arn:aws:sns:eu-west-1:1:web"}, target=TARGET), "should match"),
    (alert(matchLabels={f"l{place}": "a" for place in range(21)}), "at most 20 properties"),
    (label("In", values=["a"] * 51), "at most 50 items"),
    (bands(*(at(place, place + 1) for place in range(21))), "at most 20 items"),
    (down(policies=[{"type": "Pods", "value": 1, "periodSeconds": 1}] * 11), "at most 10 items"),
    ({"activeFor": "1m" * 17}, "at most 32 chars"),
]


def changed(change: dict[str, Any]) -> dict[str, Any]:
    """BASE with the change; what is None is left out."""
    return {name: value for name, value in (BASE | change).items() if value is not None}


def _named(rows: list[Any]) -> list[Any]:
    return [pytest.param(*row, id=f"{place}-{next(iter(row[0]))}") for place, row in enumerate(rows)]


@pytest.mark.parametrize(("change", "schema_says", "code_says"), _named(BOTH))
def test_a_contradiction_is_refused_by_both(change: dict[str, Any], schema_says: str, code_says: str) -> None:
    spec = changed(change)
    assert schema_says in "\n".join(told_by_the_schema(spec))
    assert code_says in (told_by_the_code(spec) or "")


@pytest.mark.parametrize(("change", "code_says"), _named(CODE_ALONE))
def test_what_the_schema_cannot_say_the_code_refuses(change: dict[str, Any], code_says: str) -> None:
    spec = changed(change)
    assert told_by_the_schema(spec) == []
    assert code_says in (told_by_the_code(spec) or "")


@pytest.mark.parametrize(("change", "schema_says"), _named(SCHEMA_ALONE))
def test_what_is_merely_too_long_the_schema_refuses(change: dict[str, Any], schema_says: str) -> None:
    spec = changed(change)
    assert schema_says in "\n".join(told_by_the_schema(spec))
    assert told_by_the_code(spec) is None


FULL: dict[str, Any] = {
    "scaleTargetRef": HPA | {"apiVersion": "autoscaling/v2"},
    "minReplicas": 2,
    "maxReplicas": 20,
    "triggers": [
        {"alarm": ALARM, "target": TARGET},
        {"alarm": {"arn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web"}, "target": TARGET},
        {
            "alarm": {"pattern": "queue-*"},
            "steps": [
                {"type": "Percent", "value": -25} | at(None, -50),
                {"type": "Pods", "value": 0} | at(-50, 0),
                {"type": "Pods", "value": 2} | at(0, 50),
                {"type": "Replicas", "value": 20} | at(50, None),
            ],
        },
        {
            "alert": {
                "matchLabels": {"team": "shop"},
                "matchExpressions": [
                    {"key": "severity", "operator": "In", "values": ["page"]},
                    {"key": "job", "operator": "NotIn", "values": ["batch"]},
                    {"key": "pod", "operator": "Exists"},
                    {"key": "canary", "operator": "DoesNotExist", "values": []},
                ],
                "valueFrom": {"annotation": "depth"},
            },
            "steps": [{"type": "Pods", "value": 1} | at(0, None)],
            "threshold": 100,
        },
        {
            "alert": ALERT | {"valueFrom": {"refId": "B"}},
            "target": {"type": "AverageValue", "averageValue": 0.5},
        },
        {"alert": ALERT, "steps": [{"type": "Replicas", "value": 10}]},
    ],
    "behavior": {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 1800}],
            "selectPolicy": "Min",
            "tolerance": 0,
        },
        "scaleDown": {"selectPolicy": "Disabled"},
    },
    "evaluateEverySeconds": 900,
    "activeFor": "30d",
    "whenMetricMissing": {"replicas": 20},
    "approval": {"above": 19, "expiresAfter": "365d", "lasts": "1s"},
    "paused": True,
    "dryRun": True,
}


@pytest.mark.parametrize(
    "spec",
    [
        BASE,
        FULL,
        changed(NO_TARGET | {"nodeGroup": {"name": "workers", "scaleDown": True, "raiseMaxSize": True}}),
        changed({"minReplicas": 0, "whenMetricMissing": {"replicas": 0}, "approval": {"above": 0}}),
        changed({"minReplicas": 12}),
        changed({"activeFor": "1m", "evaluateEverySeconds": 15, "behavior": {}, "whenMetricMissing": {}}),
        changed(alarm(target=TARGET, steps=[])),
        changed(alert(**ALERT, valueFrom={})),
    ],
)
def test_what_is_sound_is_taken_by_both(spec: dict[str, Any]) -> None:
    assert told_by_the_schema(spec) == []
    assert told_by_the_code(spec) is None


#: Of CODE_ALONE, what can come about here.
_GAPS = re.compile(r"activeFor \w+ is not from 1m to 30d|`366d` is not between 1 second and a year")


@settings(max_examples=150)
@given(sound())
def test_all_that_is_sound_is_taken_by_both(spec: dict[str, Any]) -> None:
    assert told_by_the_code(spec) is None
    assert told_by_the_schema(spec) == []


@settings(max_examples=400)
@given(one_change())
def test_schema_and_code_agree_on_any_spec(spec: dict[str, Any]) -> None:
    by_code = told_by_the_code(spec)
    if by_code is None or not _GAPS.search(by_code):
        assert bool(told_by_the_schema(spec)) == (by_code is not None), by_code
