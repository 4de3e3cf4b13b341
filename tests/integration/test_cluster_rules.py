"""CEL rules over the API: custom resources refused by them, and CustomResourceDefinitions refused for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from local.cluster.answers import Value
from local.cluster.running import running_cluster

type Send = Callable[..., Any]

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
LADDERS = "/apis/test.dev/v1/namespaces/shop/ladders"
MERGE = "application/merge-patch+json"


def _definition(*rules: dict[str, str]) -> dict[str, Any]:
    step = {"type": "object", "required": ["at"], "properties": {"at": {"type": "number"}}}
    spec = {
        "type": "object",
        "required": ["min", "max"],
        "properties": {
            "min": {"type": "integer"},
            "max": {"type": "integer", "maximum": 100},
            "target": {"type": "string"},
            "steps": {"type": "array", "items": step},
        },
        "x-kubernetes-validations": list(rules),
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
    }
    names = {"plural": "ladders", "singular": "ladder", "kind": "Ladder"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ladders.test.dev"},
        "spec": {"group": "test.dev", "scope": "Namespaced", "names": names, "versions": [version]},
    }


DEFINITION = _definition(
    {"rule": "self.min <= self.max", "message": "min is over max", "fieldPath": ".min"},
    {"rule": "!has(self.steps) || self.steps.all(s, s.at > 0.5 && s.at < 100)"},
    {"rule": "!has(oldSelf.target) || self.target == oldSelf.target", "message": "target is immutable"},
)


@pytest.fixture
def send() -> Iterator[Send]:
    """Requests of the administrator: status and body."""
    with running_cluster(pod_start_seconds=None) as running, requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        session.headers["Authorization"] = f"Bearer {running.admin_token}"

        def run(method: str, path: str, body: Value = None, type_: str = "application/json") -> Any:
            answer = session.request(
                method,
                running.url + path,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": type_},
                timeout=10,
            )
            return answer.status_code, answer.json()

        run("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        assert run("POST", DEFINITIONS, DEFINITION)[0] == 201
        yield run


def _ladder(**spec: Value) -> dict[str, Any]:
    return {"apiVersion": "test.dev/v1", "kind": "Ladder", "metadata": {"name": "web"}, "spec": spec}


def test_a_create_is_refused_with_every_broken_rule(send: Send) -> None:
    status, body = send("POST", LADDERS, _ladder(min=5, max=3, steps=[{"at": 60}, {"at": 200}]))

    rule = "failed rule: !has(self.steps) || self.steps.all(s, s.at > 0.5 && s.at < 100)"
    assert (status, body["reason"]) == (422, "Invalid")
    assert body["message"] == (
        'Ladder.test.dev "web" is invalid: [spec.min: Invalid value: "object": min is over max, '
        f'spec: Invalid value: "object": {rule}]'
    )
    assert body["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "object": min is over max',
            "field": "spec.min",
        },
        {"reason": "FieldValueInvalid", "message": f'Invalid value: "object": {rule}', "field": "spec"},
    ]
    assert send("GET", f"{LADDERS}/web")[0] == 404


def test_whole_numbers_of_a_number_field_are_doubles_to_its_rules(send: Send) -> None:
    assert send("POST", LADDERS, _ladder(min=1, max=3, steps=[{"at": 60}, {"at": 80.5}]))[0] == 201


def test_a_broken_schema_keeps_the_rules_from_being_tried(send: Send) -> None:
    status, body = send("POST", LADDERS, _ladder(min=5, steps=[{"at": 200}]))

    fields = [(cause["field"], cause["reason"]) for cause in body["details"]["causes"]]
    assert status == 422
    assert fields == [("spec.max", "FieldValueRequired"), ("<nil>", "FieldValueInvalid")]
    assert "some validation rules were not checked" in body["message"]


def test_a_patch_and_a_put_are_held_to_the_rules(send: Send) -> None:
    _, made = send("POST", LADDERS, _ladder(min=1, max=3))

    patched, _ = send("PATCH", f"{LADDERS}/web", {"spec": {"min": 4}}, MERGE)
    put, _ = send("PUT", f"{LADDERS}/web", {**made, "spec": {"min": 4, "max": 3}})
    fine, _ = send("PATCH", f"{LADDERS}/web", {"spec": {"min": 4, "max": 4}}, MERGE)

    assert (patched, put, fine) == (422, 422, 200)


def test_a_field_once_set_is_held_to_its_value_before(send: Send) -> None:
    send("POST", LADDERS, _ladder(min=1, max=3))

    first, _ = send("PATCH", f"{LADDERS}/web", {"spec": {"target": "web"}}, MERGE)
    second, body = send("PATCH", f"{LADDERS}/web", {"spec": {"target": "db"}}, MERGE)

    assert (first, second) == (200, 422)
    assert body["message"].endswith('spec: Invalid value: "object": target is immutable')
    assert send("GET", f"{LADDERS}/web")[1]["spec"]["target"] == "web"


def test_what_was_stored_before_a_rule_came_can_still_have_its_status_written(send: Send) -> None:
    send("POST", LADDERS, _ladder(min=1, max=3))
    stricter = {"rule": "self.max >= 10", "message": "max is small"}
    assert send("PATCH", f"{DEFINITIONS}/ladders.test.dev", _definition(stricter), MERGE)[0] == 200

    told, _ = send("PATCH", f"{LADDERS}/web/status", {"status": {"slot": 1}}, MERGE)
    changed, body = send("PATCH", f"{LADDERS}/web", {"spec": {"max": 4}}, MERGE)

    assert (told, changed) == (200, 422)
    assert "max is small" in body["message"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_definition_with_a_rule_that_does_not_compile_is_refused(send: Send, method: str) -> None:
    path = DEFINITIONS if method == "POST" else f"{DEFINITIONS}/ladders.test.dev"
    if method == "POST":
        assert send("DELETE", f"{DEFINITIONS}/ladders.test.dev")[0] == 200
    type_ = "application/json" if method == "POST" else MERGE

    status, body = send(method, path, _definition({"rule": "self.min <="}, {"rule": "true"}), type_)

    (cause,) = body["details"]["causes"]
    spec = "spec.validation.openAPIV3Schema.properties[spec]"
    assert (status, body["reason"]) == (422, "Invalid")
    assert cause["field"] == f"{spec}.x-kubernetes-validations[0].rule"
    assert "compilation failed: ERROR: <input>:1:12: Syntax error" in cause["message"]
