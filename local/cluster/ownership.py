"""metadata.managedFields: who wrote which field, as far as readers and server-side apply need it.

Lists are owned whole (a real server owns keyed lists element by element).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Kind
    from local.cluster.writes import WriteOptions

type Path = tuple[str, ...]

_OWNED_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")


def leaves(item: Json) -> dict[Path, Value]:
    """Every field a client can own, by path: spec, status and all else, and four parts of metadata."""
    own = {field: value for field, value in item.items() if field not in {"metadata", "kind", "apiVersion"}}
    meta = item.get("metadata") or {}
    own["metadata"] = {field: meta[field] for field in _OWNED_METADATA if meta.get(field)}
    return dict(_leaves(own, ()))


def owned(
    kind: Kind, before: Json, after: Json, options: WriteOptions, time: str, subresource: str = ""
) -> list[Json]:
    """The managedFields after a write: what changed belongs to the writer now, and to nobody else."""
    old, new = leaves(before), leaves(after)
    taken = {path for path in new if path not in old or old[path] != new[path]}
    entries = [
        (entry, {path for path in paths_of(entry["fieldsV1"]) if path in new and path not in taken})
        for entry in (before.get("metadata") or {}).get("managedFields") or []
    ]
    if taken:
        mine = {
            "manager": options.manager,
            "operation": options.operation,
            "apiVersion": kind.api_version,
            "time": time,
            "fieldsType": "FieldsV1",
        } | ({"subresource": subresource} if subresource else {})
        entries = _with_mine(entries, mine, taken)
    return [{**entry, "fieldsV1": _fields(paths)} for entry, paths in entries if paths]


def owners(item: Json) -> dict[Path, str]:
    """Who owns each field."""
    entries = item["metadata"].get("managedFields") or []
    return {path: entry["manager"] for entry in entries for path in paths_of(entry["fieldsV1"])}


def paths_of(fields: Json, prefix: Path = ()) -> Iterator[Path]:
    """The paths in a FieldsV1 document."""
    for name, inner in fields.items():
        path = (*prefix, name.removeprefix("f:"))
        if inner:
            yield from paths_of(inner, path)
        else:
            yield path


def _with_mine(
    entries: list[tuple[Json, set[Path]]], mine: Json, taken: set[Path]
) -> list[tuple[Json, set[Path]]]:
    same = ("manager", "operation", "apiVersion", "subresource")
    for place, (entry, paths) in enumerate(entries):
        if all(entry.get(field) == mine.get(field) for field in same):
            return [*entries[:place], (mine, paths | taken), *entries[place + 1 :]]
    return [*entries, (mine, taken)]


def _leaves(value: Json, path: Path) -> Iterator[tuple[Path, Value]]:
    for field, each in value.items():
        if isinstance(each, dict) and each:
            yield from _leaves(each, (*path, field))
        else:
            yield (*path, field), each


def _fields(paths: set[Path]) -> Json:
    tree: Json = {}
    for path in sorted(paths):
        place = tree
        for part in path:
            place = place.setdefault(f"f:{part}", {})
    return tree
