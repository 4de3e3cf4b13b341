"""Custom resources against their CustomResourceDefinition's openAPIV3Schema: prune, default, validate.

Pure functions. CEL rules (`x-kubernetes-validations`) are rules.py's.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING

from local.cluster.answers import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_ALWAYS_KEPT = ("apiVersion", "kind", "metadata")


def prune(schema: Json, item: Json) -> tuple[Json, list[str]]:
    """The object without fields its schema does not know, and the dotted paths of what was dropped."""
    dropped: list[str] = []
    kept = {field: item[field] for field in _ALWAYS_KEPT if field in item}
    rest = {field: value for field, value in item.items() if field not in _ALWAYS_KEPT}
    return kept | _pruned(schema, rest, "", dropped), dropped


def apply_defaults(schema: Json, value: Value) -> Value:
    """Fill in `default`s, from the outside in; a null where null is not allowed counts as missing."""
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [apply_defaults(schema["items"], each) for each in value]
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for field, inner in (schema.get("properties") or {}).items():
        if (
            filled.get(field) is None
            and "default" in inner
            and not (field in filled and inner.get("nullable"))
        ):
            filled[field] = deepcopy(inner["default"])
        if field in filled:
            filled[field] = apply_defaults(inner, filled[field])
    if isinstance(more := schema.get("additionalProperties"), dict):
        known = schema.get("properties") or {}
        filled |= {field: apply_defaults(more, each) for field, each in filled.items() if field not in known}
    return filled


def faults(schema: Json, value: Value, path: str = "") -> list[Cause]:
    """Every way in which the value breaks its schema, worded as kube-apiserver words it."""
    return list(_faults(schema, value, path))


def _pruned(schema: Json, value: Value, path: str, dropped: list[str]) -> Value:
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_pruned(schema["items"], each, f"{path}[{i}]", dropped) for i, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    kept = {}
    for field, each in value.items():
        inner = f"{path}.{field}" if path else field
        if field in known:
            kept[field] = _pruned(known[field], each, inner, dropped)
        elif isinstance(more, dict):
            kept[field] = _pruned(more, each, inner, dropped)
        elif more is True or schema.get(_PRESERVE):
            kept[field] = each
        else:
            dropped.append(inner)
    return kept


def _faults(schema: Json, value: Value, path: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    if not _has_type(schema, value):
        wanted = "integer,string" if schema.get(_INT_OR_STRING) else schema["type"]
        yield Cause.invalid(path, _name(value), f'{path} in body must be of type {wanted}: "{_name(value)}"')
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Cause.unsupported(path, value, schema["enum"])
    yield from _bounds(schema, value, path)
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for place, each in enumerate(value):
            yield from _faults(schema["items"], each, f"{path}[{place}]")
    yield from _combined(schema, value, path)


def _object(schema: Json, value: Json, path: str) -> Iterator[Cause]:
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    for field in schema.get("required") or ():
        if field not in value:
            yield Cause.required(f"{path}.{field}" if path else field)
    for field, each in value.items():
        inner = known.get(field, more if isinstance(more, dict) else None)
        if inner is not None and not (not path and field == "metadata"):
            yield from _faults(inner, each, f"{path}.{field}" if path else field)


def _combined(schema: Json, value: Value, path: str) -> Iterator[Cause]:
    for each in schema.get("allOf") or ():
        yield from _faults(each, value, path)
    if (several := schema.get("anyOf")) and not any(_fits(each, value, path) for each in several):
        yield Cause.invalid(path, value, f"{path} in body must validate at least one schema (anyOf)")
    if (several := schema.get("oneOf")) and sum(_fits(each, value, path) for each in several) != 1:
        yield Cause.invalid(path, value, f"{path} in body must validate one and only one schema (oneOf)")
    if (refused := schema.get("not")) and _fits(refused, value, path):
        yield Cause.invalid(path, value, f"{path} in body must not validate the schema (not)")


def _fits(schema: Json, value: Value, path: str) -> bool:
    return not any(True for _ in _faults(schema, value, path))


def _has_type(schema: Json, value: Value) -> bool:
    if schema.get(_INT_OR_STRING):
        return isinstance(value, int | str) and not isinstance(value, bool)
    match schema.get("type"):
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)
        case "number":
            return not isinstance(value, bool) and isinstance(value, int | float)
        case _:
            return True


def _name(value: Value) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _bounds(schema: Json, value: Value, path: str) -> Iterator[Cause]:
    if isinstance(value, str):
        yield from _text_bounds(schema, value, path)
    elif isinstance(value, list | dict):
        yield from _size_bounds(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_bounds(schema, value, path)


def _number_bounds(schema: Json, value: float, path: str) -> Iterator[Cause]:
    least, most, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum"))):
        text = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield Cause.invalid(path, value, f"{path} in body should be {text} {least}")
    if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum"))):
        text = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield Cause.invalid(path, value, f"{path} in body should be {text} {most}")
    if step and value % step:
        yield Cause.invalid(path, value, f"{path} in body should be a multiple of {step}")


def _text_bounds(schema: Json, value: str, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minLength", 0):
        text = f"{path} in body should be at least {schema['minLength']} chars long"
        yield Cause.invalid(path, value, text)
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield Cause.invalid(path, value, f"{path} in body should be at most {schema['maxLength']} chars long")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield Cause.invalid(path, value, f"{path} in body should match '{schema['pattern']}'")


def _size_bounds(schema: Json, value: Json | list[Value], path: str) -> Iterator[Cause]:
    what = "Items" if isinstance(value, list) else "Properties"
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    if len(value) < least:
        yield Cause.invalid(path, len(value), f"{path} in body should have at least {least} {what.lower()}")
    if most is not None and len(value) > most:
        yield Cause.invalid(path, len(value), f"{path} in body should have at most {most} {what.lower()}")
    if isinstance(value, list) and schema.get("x-kubernetes-list-type") == "map":
        yield from _duplicates(schema.get("x-kubernetes-list-map-keys") or [], value, path)


def _duplicates(keys: list[str], elements: list[Value], path: str) -> Iterator[Cause]:
    seen: list[Json] = []
    for place, element in enumerate(elements):
        own = {key: element.get(key) for key in keys} if isinstance(element, dict) else {}
        if own and own in seen:
            yield Cause(f"{path}[{place}]", "FieldValueDuplicate", f"Duplicate value: {own}")
        seen.append(own)
