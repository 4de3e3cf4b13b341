"""Which CEL rules a CustomResourceDefinition is refused for: those that do not compile, and where they stand.

Wording and paths are those of `ValidateCustomResourceDefinitionOpenAPISchema` (k8s.io/apiextensions-apiserver
pkg/apis/apiextensions/validation). In place of its type checker, every rule is tried on sample values, and
equality is looked at by rule_types.py.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from local.cluster.answers import Cause
from local.cluster.expressions import (
    CompileError,
    EvaluationError,
    Expression,
    OverloadError,
    compiled,
    error_at,
)
from local.cluster.rule_types import mixed_equalities
from local.cluster.rule_values import is_typed, of_root, sample
from local.cluster.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value

_REASONS = ("FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate")
_SAMPLES = 4
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")
_TYPES = {"float": "double", "integer": "int"}


def rule_faults(definition: Json) -> Iterator[Cause]:
    """The causes of all rules of all versions that the server would not take."""
    versions = (definition.get("spec") or {}).get("versions") or []
    for place, version in enumerate(versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if isinstance(schema, dict):
            # The server checks its internal version, where a single version's schema stands at the top.
            start = "spec.validation" if len(versions) == 1 else f"spec.versions[{place}].schema"
            yield from _below(of_root(schema), f"{start}.openAPIV3Schema", "")


def _below(schema: Json, path: str, uncorrelatable: str) -> Iterator[Cause]:
    for place, rule in enumerate(schema.get(RULES) or []):
        yield from _rule(schema, rule, f"{path}.{RULES}[{place}]", uncorrelatable)
    for field, inner in (schema.get("properties") or {}).items():
        yield from _below(inner, f"{path}.properties[{field}]", uncorrelatable)
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from _below(more, f"{path}.additionalProperties", uncorrelatable)
    if isinstance(items := schema.get("items"), dict):
        below = f"{path}.items"
        by_key = schema.get("x-kubernetes-list-type") == "map"
        yield from _below(items, below, uncorrelatable or ("" if by_key else below))


def _rule(schema: Json, rule: Json, path: str, uncorrelatable: str) -> Iterator[Cause]:
    if not str(rule.get("rule") or "").strip():
        yield Cause.required(f"{path}.rule", "rule is not specified")
        return
    if rule.get("reason") and rule["reason"] not in _REASONS:
        yield Cause.unsupported(f"{path}.reason", rule["reason"], _REASONS)
    if rule.get("fieldPath") and not _leads_somewhere(schema, rule["fieldPath"]):
        text = "fieldPath must be a valid path: does not refer to a valid field"
        yield Cause.invalid(f"{path}.fieldPath", rule["fieldPath"], text)
    try:
        expression = _checked(schema, rule["rule"], bool, "cel expression must evaluate to a bool")
        if expression.uses_old_self and uncorrelatable:
            text = (
                f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelatable}"
            )
            yield Cause.invalid(f"{path}.rule", rule["rule"], text)
    except CompileError as error:
        yield _invalid(f"{path}.rule", rule, str(error))
    if rule.get("messageExpression"):
        try:
            _checked(schema, rule["messageExpression"], str, "messageExpression must evaluate to a string")
        except CompileError as error:
            yield _invalid(f"{path}.messageExpression", rule, str(error), "messageExpression ")


def _checked(schema: Json, text: str, wanted: type, otherwise: str) -> Expression:
    """The expression, unless it does not compile or fails on samples in a way that every value would."""
    expression = compiled(text)
    for mixed in mixed_equalities(schema, text):
        raise _no_overload(text, mixed.operator, f"({mixed.left}, {mixed.right})", mixed.column)
    if not is_typed(schema):
        return expression
    for number in range(_SAMPLES):
        value = sample(schema, number)
        try:
            result = expression.value({"self": value, "oldSelf": value})
        except OverloadError as error:
            raise _overload(text, error.operands) from error
        except EvaluationError as error:
            _refuse_undefined_field(schema, text, str(error))
        else:
            if not isinstance(result, wanted):
                raise CompileError(otherwise)
    return expression


def _refuse_undefined_field(schema: Json, text: str, told: str) -> None:
    field = told.removeprefix("no such key: ")
    found = re.search(rf"\.\s*{re.escape(field)}\b", text)
    if field != told and found and field not in set(_names(schema)) and not _has_map(schema):
        raise error_at(text, found.start(), f"undefined field '{field}'")


def _overload(text: str, operands: str) -> CompileError:
    if not operands:
        return error_at(text, 0, "found no matching overload")
    left, operator, right = operands.split(" ")
    types = f"({_TYPES.get(left, left)}, {_TYPES.get(right, right)})"
    return _no_overload(text, operator, types, max(text.find(f" {operator} ") + 1, 0))


def _no_overload(text: str, operator: str, types: str, column: int) -> CompileError:
    return error_at(text, column, f"found no matching overload for '_{operator}_' applied to '{types}'")


def _names(schema: Json) -> Iterator[str]:
    for field, inner in (schema.get("properties") or {}).items():
        yield field
        yield from _names(inner)
    if isinstance(items := schema.get("items"), dict):
        yield from _names(items)


def _has_map(schema: Json) -> bool:
    inner = [*(schema.get("properties") or {}).values(), schema.get("items") or {}]
    return "additionalProperties" in schema or any(_has_map(each) for each in inner if each)


def _leads_somewhere(schema: Value, path: str) -> bool:
    end = 0
    for step in _STEP.finditer(path):
        field = step[1] or step[2]
        own = (schema.get("properties") or {}) if isinstance(schema, dict) else {}
        more = schema.get("additionalProperties") if isinstance(schema, dict) else None
        schema = own.get(field, more)
        if step.start() != end or not isinstance(schema, dict):
            return False
        end = step.end()
    return end == len(path)


def _invalid(field: str, rule: Json, told: str, what: str = "") -> Cause:
    detail = f"{what}compilation failed: {told}" if told.startswith("ERROR") else told
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_as_go_prints(rule)}: {detail}")


def _as_go_prints(rule: Json) -> str:
    """The rule as fmt's %#v shows it; pointers are addresses there, and never the same ones."""
    names = ("Rule", "Message", "MessageExpression")
    told = [f"{name}:{json.dumps(rule.get(name[0].lower() + name[1:], ''))}" for name in names]
    reason = "(0xc000000000)" if rule.get("reason") else "(nil)"
    told.append(f"Reason:(*apiextensions.FieldValueErrorReason){reason}")
    told.append(f"FieldPath:{json.dumps(rule.get('fieldPath', ''))}")
    told.append(f"OptionalOldSelf:(*bool){'(0xc000000000)' if 'optionalOldSelf' in rule else '(nil)'}")
    return f"apiextensions.ValidationRule{{{', '.join(told)}}}"
