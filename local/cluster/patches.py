"""The three ways to change an object by a patch; pure functions from object and patch to a new object.

RFC 7386 (merge patch), RFC 6902 (JSON patch), and Kubernetes' strategic merge patch, which merges some lists
by a key: see "Update API Objects in Place Using kubectl patch" in the Kubernetes documentation.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cluster.answers import Json, Value

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

# The patchMergeKey of the lists that have one, by field name; the first key that an element has is used.
MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "webhooks": ("name",),
    "taints": ("key",),
    "addresses": ("type",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
}
PRIMITIVE_LISTS = frozenset({"finalizers"})


class PatchError(ValueError):
    """The patch is no patch, or does not fit the object, or one of its tests failed."""


def merge_patch(target: Value, patch: Value) -> Value:
    """RFC 7386: null removes, objects merge, all else (lists too) replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for field, value in patch.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = merge_patch(merged.get(field), value)
    return merged


def json_patch(target: Value, operations: Value) -> Value:
    """RFC 6902. Raises PatchError at the first operation that cannot be done."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    document = deepcopy(target)
    for operation in operations:
        document = _operate(document, operation)
    return document


def strategic_merge_patch(target: Json, patch: Json) -> Json:
    """Merge objects, and lists with a merge key by that key. `$patch: replace|delete`,
    `$deleteFromPrimitiveList`, `$retainKeys` and `$setElementOrder` are understood."""
    if patch.get("$patch") == "replace":
        return deepcopy({field: value for field, value in patch.items() if field != "$patch"})
    merged = dict(target)
    if (kept := patch.get("$retainKeys")) is not None:
        merged = {field: value for field, value in merged.items() if field in kept}
    for field, value in patch.items():
        if field.startswith("$"):
            _directive(merged, field, value)
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(field, None)
        else:
            merged[field] = _strategic_value(field, merged.get(field), value)
    for field, order in patch.items():
        if field.startswith("$setElementOrder/"):
            _set_order(merged, field.partition("/")[2], order)
    return merged


def _strategic_value(field: str, current: Value, value: Value) -> Value:
    if isinstance(value, dict):
        return strategic_merge_patch(current if isinstance(current, dict) else {}, value)
    if isinstance(value, list) and isinstance(current, list):
        if field in PRIMITIVE_LISTS:
            return current + [each for each in value if each not in current]
        if field in MERGE_KEYS:
            return _merge_list(MERGE_KEYS[field], current, value)
    if isinstance(value, list):
        return _without_directives(value)
    return deepcopy(value)


def _without_directives(elements: list[Value]) -> list[Value]:
    plain = [each for each in elements if not (isinstance(each, dict) and "$patch" in each)]
    return [strategic_merge_patch({}, each) if isinstance(each, dict) else each for each in plain]


def _merge_list(keys: tuple[str, ...], current: list[Value], patch: list[Value]) -> list[Value]:
    if any(isinstance(each, dict) and each.get("$patch") == "replace" for each in patch):
        return _without_directives(patch)
    merged = list(current)
    for element in patch:
        if not isinstance(element, dict):
            raise PatchError("an element of a keyed list must be an object")
        key = next((name for name in keys if name in element), None)
        if key is None:
            raise PatchError(f"map: {element} does not contain declared merge key: {keys[0]}")
        place = next((i for i, each in enumerate(merged) if each.get(key) == element[key]), None)
        if element.get("$patch") == "delete":
            merged = [each for each in merged if each.get(key) != element[key]]
        elif place is None:
            merged.append(strategic_merge_patch({}, element))
        else:
            merged[place] = strategic_merge_patch(merged[place], element)
    return merged


def _directive(merged: Json, field: str, value: Value) -> None:
    name, _, target = field.partition("/")
    if name == "$deleteFromPrimitiveList" and isinstance(merged.get(target), list):
        merged[target] = [each for each in merged[target] if each not in value]


def _set_order(merged: Json, field: str, order: list[Value]) -> None:
    elements = merged.get(field)
    if not isinstance(elements, list):
        return
    key = next((name for name in MERGE_KEYS.get(field, ()) if all(name in each for each in order)), None)
    wanted = [each[key] if key else each for each in order]

    def position(element: Value) -> int:
        own = element.get(key) if key else element
        return wanted.index(own) if own in wanted else len(wanted)

    merged[field] = sorted(elements, key=position)


def _operate(document: Value, operation: Value) -> Value:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise PatchError("an operation is an object with op and path")
    path = _pointer(operation["path"])
    match operation.get("op"):
        case "add":
            return _add(document, path, deepcopy(_argument(operation, "value")))
        case "remove":
            return _remove(document, path)[0]
        case "replace":
            _look(document, path)
            document = _remove(document, path)[0] if path else document
            return _add(document, path, deepcopy(_argument(operation, "value")))
        case "test":
            if not _same(_look(document, path), _argument(operation, "value")):
                raise PatchError(f"testing value {operation['path']} failed")
            return document
        case "copy":
            found = _look(document, _pointer(_argument(operation, "from")))
            return _add(document, path, deepcopy(found))
        case "move":
            document, found = _remove(document, _pointer(_argument(operation, "from")))
            return _add(document, path, found)
        case other:
            raise PatchError(f"Unexpected kind: {other}")


def _argument(operation: Json, name: str) -> Value:
    if name not in operation:
        raise PatchError(f"{operation['op']} needs {name}")
    return operation[name]


def _pointer(text: Value) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"not a JSON pointer: {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _same(left: Value, right: Value) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _look(document: Value, path: list[str]) -> Value:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(part, len(document) - 1)]
        else:
            raise PatchError(f"missing path: {part}")
    return document


def _index(part: str, last: int) -> int:
    if not (part.isascii() and part.isdigit()) or int(part) > last:
        raise PatchError(f"no such index: {part}")
    return int(part)


def _add(document: Value, path: list[str], value: Value) -> Value:
    if not path:
        return value
    parent, name = _look(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[name] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if name == "-" else _index(name, len(parent)), value)
    else:
        raise PatchError(f"nothing to add {name} to")
    return document


def _remove(document: Value, path: list[str]) -> tuple[Value, Value]:
    if not path:
        raise PatchError("the whole document cannot be removed")
    parent, name = _look(document, path[:-1]), path[-1]
    found = _look(parent, [name])
    if isinstance(parent, dict):
        del parent[name]
    else:
        del parent[_index(name, len(parent) - 1)]
    return document, found
