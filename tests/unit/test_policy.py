"""ScalingPolicy: the struct, the schema the API server has, and the contradictions neither lets pass."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.errors import RefusedError
from bellhop.scaling import policy as policies
from bellhop.scaling.policy import parse_policy
from tests.unit.scaling_world import START, world

ROOT = Path(__file__).parents[2]
CRD = yaml.safe_load((ROOT / "kubernetes/scalingpolicy.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

RESOURCE: dict[str, Any] = {
    "metadata": {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "7", "generation": 2},
    "spec": {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 12,
        "triggers": [{"alarm": {"name": "web-cpu-high"}, "target": {"type": "Value", "value": 60}}],
    },
}


def resource(**spec: object) -> dict[str, Any]:
    changed = copy.deepcopy(RESOURCE)
    changed["spec"] |= spec
    return changed


def event(name: str) -> AlarmEvent:
    return AlarmEvent(f"arn:aws:cloudwatch:eu-west-1:1:alarm:{name}", name, State.ALARM, START, "")


def json_fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)}


def assert_same_fields(struct: type[msgspec.Struct], schema: dict[str, Any], where: str) -> None:
    """Every field of the struct is in the schema and the other way round, structs within structs too."""
    mine = json_fields(struct)
    assert mine.keys() == schema["properties"].keys(), where
    for name, kind in mine.items():
        inner, inner_schema = kind, schema["properties"][name]
        for argument in getattr(kind, "__args__", ()):
            if isinstance(argument, type) and issubclass(argument, msgspec.Struct):
                inner = argument
        if inner_schema.get("type") == "array":
            inner_schema = inner_schema["items"]
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            assert_same_fields(inner, inner_schema, f"{where}.{name}")


def test_the_schema_and_the_code_have_the_same_fields() -> None:
    assert_same_fields(policies.Spec, SCHEMA["spec"], "spec")
    assert_same_fields(policies.Status, SCHEMA["status"], "status")


def test_the_schema_and_the_code_agree_on_names_and_defaults() -> None:
    assert CRD["spec"]["group"] == policies.GROUP
    assert CRD["spec"]["names"]["kind"] == policies.KIND
    assert CRD["spec"]["names"]["plural"] == policies.PLURAL
    assert CRD["spec"]["versions"][0]["name"] == policies.VERSION
    assert SCHEMA["spec"]["properties"]["minReplicas"]["default"] == parse_policy(RESOURCE).spec.min_replicas


def test_a_status_survives_the_api_server() -> None:
    it = world()
    it.by_alarm().take(event("web-cpu-high"), owner="a")
    status = it.policy.status
    read = parse_policy(RESOURCE | {"status": msgspec.to_builtins(status)})
    assert read.status == status


@pytest.mark.parametrize(
    ("alarm", "name", "matches"),
    [
        ({"name": "web-cpu-high"}, "web-cpu-high", True),
        ({"name": "web-cpu-high"}, "web-cpu-higher", False),
        ({"name": "web-*"}, "web-cpu-high", False),
        ({"pattern": "web-*"}, "web-cpu-high", True),
        ({"pattern": "web-*"}, "Web-cpu", False),
        ({"pattern": "web-*"}, "shop-web-cpu", False),
        ({"arn": "arn:aws:cloudwatch:eu-west-1:1:alarm:web"}, "web", True),
        ({"arn": "arn:aws:cloudwatch:eu-west-1:2:alarm:web"}, "web", False),
    ],
)
def test_a_trigger_matches_by_name_arn_or_pattern(alarm: dict[str, str], name: str, matches: bool) -> None:
    found = parse_policy(resource(triggers=[{"alarm": alarm, "target": {"type": "Value", "value": 1}}]))
    assert (found.trigger_for(event(name)) is not None) is matches


def test_a_sound_policy_has_no_problem() -> None:
    assert parse_policy(RESOURCE).problem() is None


TARGET = {"type": "Value", "value": 60}
ALARM = {"name": "a"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"minReplicas": 13}, "maxReplicas 12 is below minReplicas 13"),
        ({"minReplicas": -1}, "minReplicas -1 is below 0"),
        ({"maxReplicas": 0, "minReplicas": 0}, "maxReplicas 0"),
        ({"triggers": []}, "no triggers"),
        ({"triggers": [{"alarm": {}, "target": TARGET}]}, "exactly one of name, arn, pattern"),
        ({"triggers": [{"alarm": {"name": "a", "pattern": "b"}, "target": TARGET}]}, "exactly one of"),
        (
            {"triggers": [{"alarm": ALARM, "target": {"type": "Value", "averageValue": 3}}]},
            "needs target.value",
        ),
        ({"triggers": [{"alarm": ALARM, "target": {"type": "AverageValue", "value": 3}}]}, "averageValue"),
        ({"triggers": [{"alarm": ALARM, "target": {"type": "Value", "value": 0}}]}, "not above 0"),
        ({"triggers": [{"alarm": ALARM, "target": {"type": "Value", "value": -3}}]}, "not above 0"),
        ({"behavior": {"scaleUp": {"tolerance": -0.1}}}, "tolerance -0.1"),
    ],
)
def test_a_contradiction_is_named(spec: dict[str, Any], said: str) -> None:
    problem = parse_policy(resource(**spec)).problem()
    assert problem is not None
    assert said in problem


@pytest.mark.parametrize(
    "spec",
    [
        {"maxReplicas": "many"},
        {"triggers": [{"alarm": ALARM}]},
        {"triggers": [{"alarm": ALARM, "target": {"type": "Percent", "value": 1}}]},
        {"scaleTargetRef": {"kind": "DaemonSet", "name": "web"}},
        {"scaleTargetRef": None},
    ],
)
def test_what_the_schema_should_have_refused_is_refused_by_name(spec: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_policy(resource(**spec))
    assert refused.value.code == "PolicyInvalid"
    assert "shop/web" in str(refused.value)


def test_fields_of_a_newer_version_are_left_aside() -> None:
    assert parse_policy(resource(paused=False)).problem() is None
