"""Objects against their schema's CEL rules: types by schema, paths, messages, reasons, transitions."""

from __future__ import annotations

from typing import Any

import pytest

from local.cluster.answers import Cause, Value
from local.cluster.rules import broken_rules, has_rules

STEP = {
    "type": "object",
    "properties": {"at": {"type": "number"}, "change": {"type": "integer"}, "name": {"type": "string"}},
}
SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "min": {"type": "integer"},
        "max": {"type": "integer"},
        "target": {"type": "number"},
        "surge": {"x-kubernetes-int-or-string": True},
        "since": {"type": "string", "format": "date-time"},
        "window": {"type": "string", "format": "duration"},
        "steps": {"type": "array", "items": STEP},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def _causes(rule: str, spec: Value, old: Value = None, **more: str) -> list[Cause]:
    spec_schema = {**SPEC, "x-kubernetes-validations": [{"rule": rule, **more}]}
    schema = {"type": "object", "properties": {"spec": spec_schema}}
    return broken_rules(schema, {"metadata": {}, "spec": spec}, old and {"metadata": {}, "spec": old})


def _inner(schema: dict[str, Any], value: Value, old: Value = None) -> list[Cause]:
    item = {"spec": {"inner": value}}
    spec = {"type": "object", "properties": {"inner": schema}}
    before = None if old is None else {"spec": {"inner": old}}
    return broken_rules({"type": "object", "properties": {"spec": spec}}, item, before)


@pytest.mark.parametrize(
    ("rule", "spec"),
    [
        ("self.min <= self.max", {"min": 1, "max": 1}),
        ("self.min <= self.target", {"min": 60, "target": 60}),
        ("self.target / 7.0 > 8.5", {"target": 60}),
        ("self.target == 60.0 && type(self.target) == double", {"target": 60}),
        ("self.max / 7 == 8 && type(self.max) == int", {"max": 60.0}),
        ("self.steps.all(s, s.at > 0.5 && s.change / 2 == 1)", {"steps": [{"at": 1, "change": 3.0}]}),
        ("type(self.surge) == string ? self.surge.endsWith('%') : self.surge > 0", {"surge": "25%"}),
        ("type(self.surge) == string ? self.surge.endsWith('%') : self.surge > 0", {"surge": 25}),
        ("self.since > timestamp('2026-01-01T00:00:00Z')", {"since": "2026-06-01T00:00:00Z"}),
        ("self.window >= duration('90s')", {"window": "1m30s"}),
        ("self.labels.all(key, size(key) < 5) && self.labels['team'] == 'a'", {"labels": {"team": "a"}}),
        ("!has(self.unknown)", {"unknown": 1}),
        ("self.min == oldSelf.min", {"min": 1}),
    ],
)
def test_a_rule_that_holds_has_no_causes(rule: str, spec: Value) -> None:
    assert _causes(rule, spec) == []


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (
            {},
            Cause("spec", "FieldValueInvalid", 'Invalid value: "object": failed rule: self.min <= self.max'),
        ),
        ({"message": " too many "}, Cause("spec", "FieldValueInvalid", 'Invalid value: "object": too many')),
        (
            {"messageExpression": "'%d is over %d'.format([self.min, self.max])"},
            Cause("spec", "FieldValueInvalid", 'Invalid value: "object": 2 is over 1'),
        ),
        (
            {"messageExpression": "string(self.nope)", "message": "m"},
            Cause("spec", "FieldValueInvalid", 'Invalid value: "object": m'),
        ),
        (
            {"messageExpression": "'a\\nb'", "message": "m"},
            Cause("spec", "FieldValueInvalid", 'Invalid value: "object": m'),
        ),
        (
            {"fieldPath": ".min", "message": "m"},
            Cause("spec.min", "FieldValueInvalid", 'Invalid value: "object": m'),
        ),
        (
            {"reason": "FieldValueForbidden", "message": "m"},
            Cause("spec", "FieldValueForbidden", "Forbidden: m"),
        ),
        (
            {"reason": "FieldValueRequired", "message": "m", "fieldPath": ".max"},
            Cause("spec.max", "FieldValueRequired", "Required value: m"),
        ),
        (
            {"reason": "FieldValueDuplicate", "message": "m"},
            Cause("spec", "FieldValueDuplicate", 'Duplicate value: "object"'),
        ),
    ],
)
def test_a_broken_rule_is_told_as_it_asks(more: dict[str, str], cause: Cause) -> None:
    assert _causes("self.min <= self.max", {"min": 2, "max": 1}, **more) == [cause]


def test_a_rule_without_a_value_is_broken_and_says_what_was_missing() -> None:
    (unnamed,) = _causes("self.min <= self.max", {"min": 1})
    (named,) = _causes("self.min <= self.max", {"min": 1}, message="min over max")
    (other,) = _causes("self.surge > 1", {"surge": "25%"})

    told = 'Invalid value: "object": no such key: max evaluating rule: '
    assert unnamed.message == f"{told}self.min <= self.max"
    assert named.message == f"{told}min over max"
    assert other.message == (
        "Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, "
        "function or macro signature for rule: self.surge > 1"
    )


@pytest.mark.parametrize(
    ("schema", "value", "field", "kind"),
    [
        ({"type": "integer"}, 1, "spec.inner", "integer"),
        ({"type": "number"}, 1, "spec.inner", "number"),
        ({"type": "string"}, "a", "spec.inner", "string"),
        ({"type": "boolean"}, True, "spec.inner", "boolean"),
        ({"type": "array", "items": {"type": "string"}}, [], "spec.inner", "array"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {}, "spec.inner", "object"),
    ],
)
def test_a_cause_names_the_type_that_holds_the_rule(
    schema: dict[str, Any], value: Value, field: str, kind: str
) -> None:
    (cause,) = _inner({**schema, "x-kubernetes-validations": [{"rule": "false"}]}, value)

    assert (cause.field, cause.message) == (field, f'Invalid value: "{kind}": failed rule: false')


def test_all_rules_are_tried_and_every_element_and_key_has_its_path() -> None:
    even = {"type": "integer", "x-kubernetes-validations": [{"rule": "self % 2 == 0"}, {"rule": "self > 2"}]}

    listed = _inner({"type": "array", "items": even}, [1, 4, 6, 2])
    mapped = _inner({"type": "object", "additionalProperties": even}, {"a": 4, "b.c": 5})

    assert [cause.field for cause in listed] == ["spec.inner[0]"] * 2 + ["spec.inner[3]"]
    assert [cause.field for cause in mapped] == ["spec.inner[b.c]"]


def test_a_rule_at_the_root_sees_the_name_and_has_no_field() -> None:
    rules = [{"rule": "self.metadata.name == 'web' && !has(self.metadata.labels) && self.kind == 'K'"}]
    schema = {"type": "object", "x-kubernetes-validations": rules}
    item = {"kind": "K", "metadata": {"name": "web", "labels": {}}}

    assert broken_rules(schema, item) == []
    (cause,) = broken_rules(schema, {"kind": "K", "metadata": {"name": "db"}})
    assert cause.field == "<nil>"


def test_null_has_no_rules() -> None:
    assert (
        _inner({"type": "string", "nullable": True, "x-kubernetes-validations": [{"rule": "false"}]}, None)
        == []
    )


def test_a_transition_rule_compares_with_the_value_before() -> None:
    rule = "self.max >= oldSelf.max"

    assert _causes(rule, {"max": 1}) == []
    assert _causes(rule, {"max": 3}, {"max": 2}) == []
    assert [cause.field for cause in _causes(rule, {"max": 1}, {"max": 2})] == ["spec"]


def test_a_transition_rule_of_a_field_that_is_new_is_not_tried() -> None:
    fixed = {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    schema = {"type": "object", "properties": {"a": fixed}}

    assert broken_rules(schema, {"a": 1}, {}) == []
    assert len(broken_rules(schema, {"a": 1}, {"a": 2})) == 1


def test_elements_of_a_list_with_keys_find_their_counterpart() -> None:
    item = {**STEP, "x-kubernetes-validations": [{"rule": "self.change >= oldSelf.change"}]}
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    before = [{"name": "a", "change": 5}, {"name": "b", "change": 1}]
    after = [{"name": "b", "change": 2}, {"name": "a", "change": 3}]

    assert [cause.field for cause in _inner({"type": "array", "items": item, **keyed}, after, before)] == [
        "spec.inner[1]"
    ]
    assert _inner({"type": "array", "items": item}, after, before) == []


def test_an_update_that_leaves_a_broken_value_alone_is_forgiven() -> None:
    broken = {"min": 2, "max": 1}

    assert _causes("self.min <= self.max", broken, broken) == []
    assert len(_causes("self.min <= self.max", broken, {"min": 1, "max": 1})) == 1
    assert len(_causes("oldSelf.min <= self.max", broken, broken)) == 1


def test_schemas_without_rules_are_known_as_such() -> None:
    assert not has_rules({"type": "object", "properties": {"spec": SPEC}})
    assert has_rules({"items": {"properties": {"a": {"x-kubernetes-validations": [{"rule": "true"}]}}}})
