"""JSON values as CEL sees them through a schema, and sample values to try a rule on.

From k8s.io/apiextensions-apiserver `UnstructuredToVal` and `SchemaDeclType`: `integer` is int, `number` is
double, some string formats have types of their own; fields without a schema cannot be reached.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value

_INT_OR_STRING = "x-kubernetes-int-or-string"
_OF_META = ("name", "generateName")
_DURATION_PART = re.compile(r"([0-9.]+)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
TEXT: Json = {"type": "string"}
META: Json = {"type": "object", "properties": dict.fromkeys(_OF_META, TEXT)}


def of_root(schema: Json) -> Json:
    """The schema of a whole object as a rule at its root sees it: of the metadata, only the names."""
    own = schema.get("properties") or {}
    return {**schema, "properties": {**own, "apiVersion": TEXT, "kind": TEXT, "metadata": META}}


def typed(schema: Json, value: Value) -> Value:
    """A value, already valid by its schema, with the types that CEL gives it."""
    if value is None or schema.get(_INT_OR_STRING):
        return value
    match schema.get("type"):
        case "number":
            return float(value)
        case "integer":
            return int(value)
        case "string":
            return _typed_text(schema.get("format", ""), value)
        case "array":
            items = schema.get("items") or {}
            return [typed(items, each) for each in value]
        case "object":
            return {
                field: typed(inner, value[field]) for field, inner in fields(schema, value) if field in value
            }
        case _:
            return value


def fields(schema: Json, value: Json) -> Iterator[tuple[str, Json]]:
    """The schema of every field that has one; of a map, of every key."""
    known = schema.get("properties") or {}
    yield from known.items()
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from ((field, more) for field in value if field not in known)


def sample(schema: Json, number: int) -> Value:
    """A value with every field filled in. Different numbers give different booleans, integers and enums."""
    if choices := schema.get("enum"):
        return typed(schema, choices[number % len(choices)])
    match schema.get("type"):
        case "object":
            more = schema.get("additionalProperties")
            extra = {"key": sample(more, number)} if isinstance(more, dict) else {}
            own = (schema.get("properties") or {}).items()
            return extra | {field: sample(inner, number) for field, inner in own}
        case "array":
            return [sample(schema.get("items") or {}, number)]
        case "string":
            return _sample_text(schema.get("format", ""), number)
        case plain:
            return {"integer": number, "number": float(number), "boolean": number % 2 == 1}.get(plain or "")


def is_typed(schema: Json) -> bool:
    """Whether everything below has one known type, so that what fails for a sample fails for every value."""
    if schema.get(_INT_OR_STRING) or "type" not in schema:
        return False
    inner = [*(schema.get("properties") or {}).values()]
    inner += [
        schema[each] for each in ("items", "additionalProperties") if isinstance(schema.get(each), dict)
    ]
    return all(is_typed(each) for each in inner)


def _typed_text(form: str, text: str) -> Value:
    try:
        match form:
            case "date-time" | "date":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case "duration":
                parts = _DURATION_PART.findall(text)
                return timedelta(seconds=sum(float(amount) * _SECONDS[unit] for amount, unit in parts))
            case _:
                return text
    except ValueError:
        return text  # formats are not validated here


def _sample_text(form: str, number: int) -> Value:
    match form:
        case "date-time" | "date":
            return datetime(2026, 1, 1 + number, tzinfo=UTC)
        case "duration":
            return timedelta(seconds=number)
        case _:
            return "a" * number
