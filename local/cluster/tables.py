"""meta.k8s.io/v1 Tables: what `kubectl get` asks for instead of the objects themselves."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from local.cluster.columns import AGE, COLUMNS, EVENT_COLUMNS, Column, age

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Kind

_STEP = re.compile(
    r"\.(?P<field>(?:\\.|[^.\[\]\\])+)"
    r"|\[(?P<index>-?\d+)\]"
    r"|\[['\"](?P<quoted>[^'\"]+)['\"]\]"
    r"|\[\?\(@\.(?P<key>[\w.-]+)\s*==\s*['\"](?P<value>[^'\"]*)['\"]\)\]"
    r"|(?P<every>\[\*\])"
)


def wants_table(accept: str) -> bool:
    """Whether a client would take a Table, which kubectl asks for before plain JSON."""
    return any("as=Table" in choice and "g=meta.k8s.io" in choice for choice in accept.split(","))


def as_table(kind: Kind, body: Json) -> Json:
    """An object, or a list of them, as a Table whose rows carry the objects' metadata."""
    items = body["items"] if body["kind"] == kind.list_kind and "items" in body else [body]
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {**body["metadata"]} if items is not body else {},
        "columnDefinitions": [_definition(kind, column) for column in columns],
        "rows": [
            {"cells": [cell(item) for _, _, cell in columns], "object": _partial(item)} for item in items
        ],
    }


def columns_of(kind: Kind) -> list[Column]:
    """The columns of a kind, the name first (events have theirs last)."""
    if kind.key == ("", "events"):
        return list(EVENT_COLUMNS)
    name: Column = ("Name", 0, lambda item: item["metadata"]["name"])
    if kind.custom:
        return [name, *(_custom(column) for column in kind.columns)] if kind.columns else [name, AGE]
    return [name, *COLUMNS.get(kind.key, (AGE,))]


def find(item: Value, path: str) -> list[Value]:
    """The values at a JSONPath as additionalPrinterColumns use it: fields, indexes, `[*]`, `[?(@.a=="b")]`."""
    found = [item]
    for step in _STEP.finditer(path):
        found = [inner for each in found for inner in _down(each, step)]
    return found


def _down(value: Value, step: re.Match[str]) -> Iterator[Value]:
    if field := step["field"] or step["quoted"]:
        name = field if step["quoted"] else re.sub(r"\\(.)", r"\1", field)
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif not isinstance(value, list):
        return
    elif step["every"]:
        yield from value
    elif step["key"]:
        yield from (each for each in value if find(each, f".{step['key']}") == [step["value"]])
    elif -len(value) <= int(step["index"]) < len(value):
        yield value[int(step["index"])]


def _custom(column: Json) -> Column:
    cell: Callable[[Json], Value] = lambda item: _cell(find(item, column["jsonPath"]), column["type"])  # noqa: E731
    return column["name"], column.get("priority", 0), cell


def _cell(found: list[Value], type_: str) -> Value:
    if not found:
        return None
    value = found[0]
    match type_:
        case "date":
            return age(value if isinstance(value, str) else None)
        case "integer":
            return int(value) if isinstance(value, int | float) else None
        case "number":
            return value if isinstance(value, int | float) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case _:
            return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _definition(kind: Kind, column: Column) -> Json:
    title, priority, _ = column
    own = next((each for each in kind.columns if each["name"] == title), {})
    return {
        "name": title,
        "type": own.get("type", "string"),
        "format": own.get("format", "name" if title == "Name" else ""),
        "description": own.get("description", title),
        "priority": priority,
    }


def _partial(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
