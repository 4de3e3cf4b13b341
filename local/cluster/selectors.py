"""Label and field selectors: parsed once from the query, then asked of each object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.cluster.answers import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json, Value

type Selects = Callable[[Json], bool]

_SET = re.compile(r"^(?P<key>[^\s!=]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=]*)$")
_EXISTS = re.compile(r"^(?P<op>!?)\s*(?P<key>[^\s!=()]+)$")
_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


def labels_match(selector: str) -> Selects:
    """`a=b,c!=d,e in (f,g),h,!i` over metadata.labels. Raises ApiError 400 on anything else."""
    terms = [_label_term(term.strip()) for term in _OUTSIDE_PARENTHESES.split(selector) if term.strip()]

    def selects(item: Json) -> bool:
        labels = item["metadata"].get("labels") or {}
        return all(term(labels) for term in terms)

    return selects


def fields_match(selector: str) -> Selects:
    """`metadata.name=x,spec.nodeName!=y`: equality over dotted paths; a missing field is the empty string."""
    terms = []
    for term in filter(None, selector.split(",")):
        found = _EQUALITY.match(term.strip())
        if not found:
            raise bad_request(f"unable to parse requirement: invalid selector: {term!r}")
        terms.append((found["key"], found["value"], found["op"] != "!="))

    def selects(item: Json) -> bool:
        return all((str(at(item, path) or "") == value) is wanted for path, value, wanted in terms)

    return selects


def matches_selector(selector: Json | None, labels: Json | None) -> bool:
    """A LabelSelector object (matchLabels, matchExpressions); none at all selects nothing."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions") or [])


def at(item: Value, path: str) -> Value:
    """The value at a dotted path, or None."""
    for part in path.split("."):
        if not isinstance(item, dict):
            return None
        item = item.get(part)
    return item


def _label_term(term: str) -> Callable[[Json], bool]:
    if found := _SET.match(term):
        values = {value.strip() for value in found["values"].split(",")}
        key, wanted = found["key"], found["op"] == "in"
        return lambda labels: (labels.get(key) in values) is wanted
    if found := _EQUALITY.match(term):
        key, value, equal = found["key"], found["value"], found["op"] != "!="
        return lambda labels: (labels.get(key) == value) is equal
    if found := _EXISTS.match(term):
        key, present = found["key"], not found["op"]
        return lambda labels: (key in labels) is present
    raise bad_request(f"unable to parse requirement: found '{term}', expected: identifier")


def _expression(expression: Json, labels: Json) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
