"""Custom resources against their schema: pruning, defaults, and every rule's cause."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cluster.answers import Value
from local.cluster.schema import apply_defaults, faults, prune

PERCENT = {"x-kubernetes-int-or-string": True}


@pytest.mark.parametrize(
    ("schema", "value", "reason", "message"),
    [
        (
            {"type": "integer"},
            "x",
            "FieldValueInvalid",
            'Invalid value: "string": f in body must be of type integer: "string"',
        ),
        (
            {"type": "integer"},
            True,
            "FieldValueInvalid",
            'Invalid value: "boolean": f in body must be of type integer: "boolean"',
        ),
        (
            {"type": "integer", "minimum": 1},
            0,
            "FieldValueInvalid",
            "Invalid value: 0: f in body should be greater than or equal to 1",
        ),
        (
            {"type": "integer", "maximum": 5},
            6,
            "FieldValueInvalid",
            "Invalid value: 6: f in body should be less than or equal to 5",
        ),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            "FieldValueNotSupported",
            'Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "b",
            "FieldValueInvalid",
            "Invalid value: \"b\": f in body should match '^a+$'",
        ),
        (
            {"type": "string", "minLength": 1},
            "",
            "FieldValueInvalid",
            'Invalid value: "": f in body should be at least 1 chars long',
        ),
        (
            {"type": "string", "maxLength": 1},
            "ab",
            "FieldValueInvalid",
            'Invalid value: "ab": f in body should be at most 1 chars long',
        ),
        (
            {"type": "array", "minItems": 1},
            [],
            "FieldValueInvalid",
            "Invalid value: 0: f in body should have at least 1 items",
        ),
        (
            {"type": "object", "maxProperties": 0},
            {"a": 1},
            "FieldValueInvalid",
            "Invalid value: 1: f in body should have at most 0 properties",
        ),
        (
            PERCENT,
            1.5,
            "FieldValueInvalid",
            'Invalid value: "number": f in body must be of type integer,string: "number"',
        ),
        (
            {"type": "object"},
            None,
            "FieldValueInvalid",
            'Invalid value: "null": f in body must be of type object: "null"',
        ),
        (
            {"not": {"type": "string"}},
            "a",
            "FieldValueInvalid",
            'Invalid value: "a": f in body must not validate the schema (not)',
        ),
        (
            {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"a": 1, "b": 2},
            "FieldValueInvalid",
            'Invalid value: {"a": 1, "b": 2}: f in body must validate one and only one schema (oneOf)',
        ),
    ],
)
def test_a_broken_rule_has_one_cause(schema: dict[str, Any], value: Value, reason: str, message: str) -> None:
    (cause,) = faults({"type": "object", "properties": {"f": schema}}, {"f": value})

    assert (cause.field, cause.reason, cause.message) == ("f", reason, message)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 3.0),
        ({"type": "string", "nullable": True}, None),
        (PERCENT, 25),
        (PERCENT, "25%"),
        ({"type": "array", "items": {"type": "string"}}, ["a"]),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"b": 1}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"x": "y"}),
    ],
)
def test_what_fits_has_no_causes(schema: dict[str, Any], value: Value) -> None:
    assert faults({"type": "object", "properties": {"f": schema}}, {"f": value}) == []


def test_what_is_missing_is_named_with_its_path() -> None:
    inner = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"all": {"type": "array", "items": inner}},
        "required": ["other"],
    }

    causes = faults(schema, {"all": [{"name": "a"}, {}]})

    assert [(cause.field, cause.reason) for cause in causes] == [
        ("other", "FieldValueRequired"),
        ("all[1].name", "FieldValueRequired"),
    ]


def test_a_list_map_refuses_a_second_element_with_its_keys() -> None:
    schema = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]}

    (cause,) = faults(schema, [{"n": 1}, {"n": 2}, {"n": 1}], "all")

    assert (cause.field, cause.reason) == ("all[2]", "FieldValueDuplicate")


def test_defaults_are_filled_in_from_the_outside_in() -> None:
    schema = {
        "properties": {
            "min": {"type": "integer", "default": 1},
            "behavior": {"default": {}, "properties": {"window": {"default": 300}}},
            "absent": {"properties": {"x": {"default": 1}}},
            "all": {"items": {"properties": {"weight": {"default": 2}}}},
            "nullable": {"nullable": True, "default": 1},
        }
    }

    filled = apply_defaults(schema, {"min": None, "all": [{}, {"weight": 5}], "nullable": None})

    assert filled == {
        "min": 1,
        "behavior": {"window": 300},
        "all": [{"weight": 2}, {"weight": 5}],
        "nullable": None,
    }


def test_unknown_fields_are_pruned_and_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"properties": {"known": {}, "free": {"x-kubernetes-preserve-unknown-fields": True}}},
            "map": {"additionalProperties": {"properties": {"a": {}}}},
            "all": {"items": {"properties": {"a": {}}}},
        },
    }
    item = {
        "kind": "K",
        "metadata": {"any": 1},
        "spec": {"known": {"x": 1}, "free": {"x": 1}, "typo": 1},
        "map": {"k": {"a": 1, "b": 2}},
        "all": [{"a": 1, "b": 2}],
    }

    kept, dropped = prune(schema, item)

    assert dropped == ["spec.known.x", "spec.typo", "map.k.b", "all[0].b"]
    assert kept == {
        "kind": "K",
        "metadata": {"any": 1},
        "spec": {"known": {}, "free": {"x": 1}},
        "map": {"k": {"a": 1}},
        "all": [{"a": 1}],
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(JSON)
def test_any_value_is_either_fine_or_has_causes(value: Value) -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": 0, "default": 1},
            "b": {"type": "array", "items": {"type": "string", "pattern": "x"}, "maxItems": 2},
            "c": {"type": "object", "required": ["a"], "properties": {"a": PERCENT}},
        },
    }

    filled = apply_defaults(schema, value)

    assert apply_defaults(schema, filled) == filled
    assert all(cause.reason.startswith("FieldValue") for cause in faults(schema, filled))
