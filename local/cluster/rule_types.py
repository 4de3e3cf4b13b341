"""Equality between values of different types, which CEL's type checker refuses and its evaluation allows.

`self.target == 60` is an error where target is a `number`: 60 is an int. Seen are operands that are fields, loop
variables and literals; what is computed is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cluster.expressions import without_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json

_OPERAND = r"'[^']*'|\d+\.\d+|\d+|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_EQUALITY = re.compile(rf"(?<![\w.])({_OPERAND})\s*(==|!=)\s*({_OPERAND})(?!\s*[.(\[]|\w)")
_LOOP = re.compile(r"([A-Za-z_][\w.]*)\.(?:all|exists|exists_one|map|filter)\(\s*(\w+)\s*,")
_TYPES = {"integer": "int", "number": "double", "string": "string", "boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Mixed:
    """An equality of two types, and where its operator stands (columns from 0)."""

    operator: str
    left: str
    right: str
    column: int


def mixed_equalities(schema: Json, text: str) -> Iterator[Mixed]:
    """Every `==` and `!=` of a rule whose two sides are known to differ in type."""
    plain = without_texts(text)
    names: dict[str, Json | None] = {"self": schema, "oldSelf": schema}
    for loop in _LOOP.finditer(plain):
        elements = _elements(_schema(names, loop[1]))
        # One name over two lists of different things stands for neither.
        names[loop[2]] = elements if names.get(loop[2], elements) == elements else None
    for found in _EQUALITY.finditer(plain):
        left, right = _type(names, found[1]), _type(names, found[3])
        if left and right and left != right:
            yield Mixed(found[2], left, right, found.start(2))


def _type(names: dict[str, Json | None], operand: str) -> str:
    """The CEL type of an operand; empty when it is not known."""
    if operand.startswith("'"):
        return "string"
    if operand[0].isdigit():
        return "double" if "." in operand else "int"
    if operand in {"true", "false"}:
        return "bool"
    schema = _schema(names, operand) or {}
    return "" if "format" in schema else _TYPES.get(schema.get("type", ""), "")


def _schema(names: dict[str, Json | None], path: str) -> Json | None:
    first, *rest = path.split(".")
    schema = names.get(first)
    for field in rest:
        schema = ((schema or {}).get("properties") or {}).get(field)
    return schema


def _elements(schema: Json | None) -> Json | None:
    """What a loop goes over: the elements of a list, the keys of a map."""
    if schema is None:
        return None
    return schema.get("items") if schema.get("type") == "array" else {"type": "string"}
