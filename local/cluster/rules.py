"""A custom resource against the CEL rules of its schema (`x-kubernetes-validations`).

Order, paths and wording are those of `Validator.validate` in k8s.io/apiextensions-apiserver
pkg/apiserver/schema/cel/validation.go, without its cost budget, `optionalOldSelf`, and rules under `allOf`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.cluster.answers import Cause
from local.cluster.expressions import EvaluationError, Expression, OverloadError, compiled
from local.cluster.rule_values import fields, of_root, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value

RULES = "x-kubernetes-validations"
# What the server adds when the schema itself is broken in ways that keep it from trying the rules.
UNCHECKED = Cause(
    "<nil>",
    "FieldValueInvalid",
    'Invalid value: "null": some validation rules were not checked because the object was invalid; '
    "correct the existing errors to complete validation",
)
_LONGEST_MESSAGE = 5 * 1024


def has_rules(schema: Value) -> bool:
    """Whether there is a rule anywhere in a schema."""
    if isinstance(schema, list):
        return any(has_rules(each) for each in schema)
    return isinstance(schema, dict) and (bool(schema.get(RULES)) or any(map(has_rules, schema.values())))


def broken_rules(schema: Json, item: Json, old: Json | None = None) -> list[Cause]:
    """The causes of every rule that does not hold for a whole object that fits its schema.

    With `old`, the object before an update, transition rules (those with oldSelf) are tried too, and a rule
    without oldSelf that fails on a value which did not change is forgiven (ratcheting, on since 1.30).
    """
    if not has_rules(schema):
        return []
    return list(_walk(of_root(schema), item, old, "", unchanged=False))


def _walk(schema: Json, value: Value, old: Value, path: str, *, unchanged: bool) -> Iterator[Cause]:
    if value is None:
        return
    unchanged = unchanged or (old is not None and old == value)
    if schema.get(RULES):
        yield from _at_node(schema, value, old, path, unchanged=unchanged)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for place, each in enumerate(value):
            before = _counterpart(schema, each, old)
            yield from _walk(schema["items"], each, before, f"{path}[{place}]", unchanged=unchanged)
    elif isinstance(value, dict):
        past = old if isinstance(old, dict) else {}
        known = schema.get("properties") or {}
        for field, inner in fields(schema, value):
            if field in value:
                below = _child(path, field) if field in known else f"{path}[{field}]"
                yield from _walk(inner, value[field], past.get(field), below, unchanged=unchanged)


def _counterpart(schema: Json, element: Value, old: Value) -> Value:
    """The element before the update: only lists with keys (`x-kubernetes-list-type: map`) can tell."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map" or not keys or not isinstance(old, list):
        return None
    wanted = [element.get(key) for key in keys]
    return next((each for each in old if [each.get(key) for key in keys] == wanted), None)


def _at_node(schema: Json, value: Value, old: Value, path: str, *, unchanged: bool) -> Iterator[Cause]:
    variables = {"self": typed(schema, value)}
    if old is not None:
        variables["oldSelf"] = typed(schema, old)
    kind, field = schema.get("type", ""), path or "<nil>"
    for rule in schema[RULES]:
        expression = compiled(rule["rule"])
        if expression.uses_old_self and old is None:
            continue
        try:
            holds = expression.value(variables) is True
        except OverloadError as error:
            text = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature "
                f"for rule: {_called(rule)}"
            )
            yield Cause.invalid(field, kind, text)
            continue
        except EvaluationError as error:
            yield Cause.invalid(field, kind, f"{error} evaluating rule: {_called(rule)}")
            continue
        if not holds and (expression.uses_old_self or not unchanged):
            yield _broken(
                rule, variables, kind, _child(path, rule.get("fieldPath", "").lstrip(".")) or "<nil>"
            )


def _broken(rule: Json, variables: Json, kind: str, field: str) -> Cause:
    told = _computed_message(rule, variables) or (
        rule["message"].strip() if rule.get("message") else f"failed rule: {_called(rule)}"
    )
    match rule.get("reason"):
        case "FieldValueForbidden":
            return Cause(field, "FieldValueForbidden", f"Forbidden: {told}")
        case "FieldValueRequired":
            return Cause.required(field, told)
        case "FieldValueDuplicate":
            return Cause(field, "FieldValueDuplicate", f"Duplicate value: {json.dumps(kind)}")
        case _:
            return Cause.invalid(field, kind, told)


def _computed_message(rule: Json, variables: Json) -> str:
    """What messageExpression gives; empty where the server falls back to `message`."""
    if not rule.get("messageExpression"):
        return ""
    expression: Expression = compiled(rule["messageExpression"])
    try:
        told = expression.value(variables)
    except EvaluationError:
        return ""
    told = told.strip() if isinstance(told, str) else ""
    return "" if "\n" in told or len(told.encode()) > _LONGEST_MESSAGE else told


def _called(rule: Json) -> str:
    return str(rule.get("message") or rule["rule"]).strip()


def _child(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field
