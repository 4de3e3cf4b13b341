"""kubernetes/scalingpolicy.yaml and our structs: the same fields, types, defaults; what else a definition owes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect as mi
from hypothesis import given, settings

from bellhop import durations
from bellhop.scaling import policy as policies
from bellhop.scaling.policy import parse_policy
from bellhop.scaling.spec import Spec
from bellhop.scaling.status import Status
from local.cluster.rule_checks import rule_faults
from local.cluster.schema import apply_defaults, faults, prune
from tests.unit.policy_world import BASE, CRD, META, SCHEMA, anything, choices, known

#: A text in the code, whose values are held to the kind's by a rule.
_ENUMS_OF_THE_SCHEMA_ALONE = {"spec.scaleTargetRef.apiVersion"}
_PLAIN: dict[type[mi.Type], dict[str, str]] = {
    mi.BoolType: {"type": "boolean"},
    mi.IntType: {"type": "integer"},
    mi.FloatType: {"type": "number"},
    mi.StrType: {"type": "string"},
    mi.DateTimeType: {"type": "string", "format": "date-time"},
}


def assert_same(kind: mi.Type, schema: dict[str, Any], where: str) -> None:
    """One type of the code and its schema, and all within; both ways, since they are walked together."""
    match kind := known(kind):
        case mi.StructType():
            assert_same_struct(kind, schema, where)
        case mi.VarTupleType():
            assert schema["type"] == "array", where
            assert schema.get("minItems") == kind.min_length or kind.min_length is None, where
            assert_same(kind.item_type, schema["items"], f"{where}[]")
        case mi.DictType():
            assert (schema["type"], "properties" in schema) == ("object", False), where
            assert_same(kind.value_type, schema["additionalProperties"], f"{where}.*")
        case _ if values := choices(kind):
            assert (schema["type"], sorted(schema["enum"])) == ("string", sorted(values)), where
        case _:
            expected = _PLAIN[type(kind)]
            assert expected == {key: schema.get(key) for key in expected}, where
            assert "enum" not in schema or where in _ENUMS_OF_THE_SCHEMA_ALONE, where
            assert_same_bounds(kind, schema, where)


def assert_same_bounds(kind: mi.Type, schema: dict[str, Any], where: str) -> None:
    if isinstance(kind, mi.IntType | mi.FloatType):
        least = kind.gt + 1 if isinstance(kind, mi.IntType) and kind.gt is not None else kind.ge
        assert least is None or schema["minimum"] == least, where
        assert kind.le is None or schema["maximum"] == kind.le, where


def assert_same_struct(kind: mi.StructType, schema: dict[str, Any], where: str) -> None:
    mine = {field.encode_name: field for field in kind.fields}
    assert schema["type"] == "object", where
    assert mine.keys() == schema["properties"].keys(), where
    assert sorted(n for n, f in mine.items() if f.required) == sorted(schema.get("required", [])), where
    for name, field in mine.items():
        path, inner = f"{where}.{name}", schema["properties"][name]
        # Not given is no default: None, no text, no element, a struct's own defaults.
        plain = isinstance(field.default, bool | int | float) or bool(field.default)
        default = field.default if plain and isinstance(field.default, bool | int | float | str) else None
        # The status has none: the API server would fill them in where Bellhop wrote nothing.
        assert inner.get("default") == (None if where.startswith("status") else default), path
        assert_same(field.type, inner, path)


def test_the_spec_has_the_same_fields_types_defaults_and_bounds_in_both() -> None:
    assert_same(mi.type_info(Spec), SCHEMA["properties"]["spec"], "spec")


def test_the_status_has_the_same_fields_and_types_in_both() -> None:
    assert_same(mi.type_info(Status), SCHEMA["properties"]["status"], "status")


def test_the_kind_has_the_same_names_in_both() -> None:
    names = CRD["spec"]["names"]
    assert (CRD["spec"]["group"], names["kind"], names["plural"]) == (
        policies.GROUP,
        policies.KIND,
        policies.PLURAL,
    )
    assert [version["name"] for version in CRD["spec"]["versions"]] == [policies.VERSION]
    assert "categories" not in names  # `kubectl get all` is for workloads


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


NODES = dict(nodes(SCHEMA, ""))


def test_every_field_says_what_it_is() -> None:
    for path, schema in NODES.items():
        if not path.endswith("[]"):
            assert re.fullmatch(r"[A-Z].{3,280}\.", schema.get("description", "")), path


def test_everything_in_the_spec_is_bounded_so_that_the_cost_of_rules_is() -> None:
    def bounded(schema: dict[str, Any]) -> bool:
        match schema["type"]:
            case "array":
                return "maxItems" in schema
            case "string":
                return "maxLength" in schema or "enum" in schema
            case _:
                return "additionalProperties" not in schema or "maxProperties" in schema

    assert not {p for p, schema in NODES.items() if p.startswith(".spec") and not bounded(schema)}


def test_what_bellhop_writes_is_not_bounded_lest_a_write_be_refused() -> None:
    bounds = {"maxItems", "maxLength", "maxProperties", "minimum", "maximum", "pattern"}
    assert not {p for p, schema in NODES.items() if p.startswith(".status") and bounds & schema.keys()}


def test_lengths_of_time_have_the_codes_pattern() -> None:
    fields = ("activeFor", "approval.expiresAfter", "approval.lasts")
    assert {NODES[f".spec.{field}"]["pattern"] for field in fields} == {durations.PATTERN}


def test_every_rule_compiles_and_has_a_message() -> None:
    assert list(rule_faults(CRD)) == []
    rules = [rule for schema in NODES.values() for rule in schema.get("x-kubernetes-validations", [])]
    assert len(rules) > 10
    assert all(rule.get("message") for rule in rules)


def test_every_column_shows_a_field_that_exists() -> None:
    columns = CRD["spec"]["versions"][0]["additionalPrinterColumns"]
    paths = {re.sub(r"\[\?.*?\]", "[]", column["jsonPath"]) for column in columns}
    assert paths - NODES.keys() == {".metadata.creationTimestamp"}


@settings(max_examples=100)
@given(anything(mi.type_info(Status)))
def test_a_status_survives_the_api_server(status: dict[str, Any]) -> None:
    read = parse_policy({"metadata": META, "spec": BASE, "status": status}).status
    written = msgspec.json.decode(msgspec.json.encode(read))
    kept, dropped = prune(SCHEMA, {"metadata": META, "spec": BASE, "status": written})
    assert dropped == []
    filled = apply_defaults(SCHEMA, kept)
    assert filled["status"] == written
    # Two conditions of one type come about here only.
    assert {cause.reason for cause in faults(SCHEMA, filled)} <= {"FieldValueDuplicate"}
    assert parse_policy(filled).status == read
