"""Creating and changing objects: preconditions, defaults, validation, generation, no-ops, dry runs."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cluster import answers, rules, schema, validation
from local.cluster.answers import ApiError, Cause
from local.cluster.defaults import with_defaults
from local.cluster.kinds import CRD_KEY, NAMESPACES
from local.cluster.ownership import owned
from local.cluster.store import timestamp
from local.cluster.versions import scale_shown, shown, stored, with_replicas

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Key, Kind, ScalePaths
    from local.cluster.store import Store

    type Change = Callable[[Json], Json]  # the object as the client sees it -> as the client wants it

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # k8s.io/apimachinery/pkg/util/rand
_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_FREE_NAMES = frozenset({"rbac.authorization.k8s.io"})  # path segments, not DNS names
_SERVER_OWNED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_STATUS_AT_BIRTH: dict[Key, Json] = {
    ("apps", "deployments"): {},
    ("apps", "statefulsets"): {},
    ("", "pods"): {},
    ("", "namespaces"): {},
    ("autoscaling", "horizontalpodautoscalers"): {},
    ("policy", "poddisruptionbudgets"): {},
    CRD_KEY: {},
}
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write's query says. `manager` is fieldManager, else the User-Agent's first word."""

    manager: str = "unknown"
    dry_run: bool = False
    strict: bool = False
    operation: str = "Update"


def create(store: Store, kind: Kind, namespace: str, body: Json, options: WriteOptions) -> Json:
    """Store a new object; the answer is what was stored. 404 without its namespace, 409, 422."""
    _check_envelope(kind, body)
    with store.lock:
        if kind.namespaced and store.get(NAMESPACES, "", namespace) is None:
            raise ApiError(
                404,
                "NotFound",
                f'namespaces "{namespace}" not found',
                {"name": namespace, "kind": "namespaces"},
            )
        item = _newborn(kind, namespace, body)
        item = _admitted(kind, item, options)
        name = item["metadata"]["name"]
        if store.get(kind.key, namespace, name) is not None:
            raise answers.already_exists(kind, name)
        item["metadata"]["managedFields"] = owned(kind, {}, item, options, timestamp(store.now()))
        return shown(kind, item if options.dry_run else store.add(kind.key, item))


def update(
    store: Store,
    kind: Kind,
    where: tuple[str, str],
    change: Change,
    options: WriteOptions,
    subresource: str = "",
) -> Json:
    """Change an object (or only its status) by `change`, which gets what a reader would see.

    A no-op answers the object as it is, resourceVersion included. 404, 409 on a stale resourceVersion, 422.
    """
    with store.lock:
        current = store.get(kind.key, *where)
        if current is None:
            raise answers.not_found(kind, where[1])
        wanted = change(shown(kind, current))
        _check_preconditions(kind, current, wanted, where[1])
        item = _next(kind, current, stored(kind, wanted), subresource)
        item = _admitted(kind, item, options, current)
        return shown(kind, _commit(store, kind, current, item, options, subresource))


def update_scale(
    store: Store, kind: Kind, paths: ScalePaths, where: tuple[str, str], change: Change, options: WriteOptions
) -> Json:
    """The same for /scale: the change is made to the Scale, and lands in the workload's replicas."""
    with store.lock:
        current = store.get(kind.key, *where)
        if current is None:
            raise answers.not_found(kind, where[1], "scale")
        before = scale_shown(paths, current)
        wanted = change(before)
        spec = wanted.get("spec") or {}
        replicas = spec.get("replicas") or 0 if isinstance(spec, dict) else spec
        if isinstance(replicas, bool) or not isinstance(replicas, int) or not isinstance(spec, dict):
            raise _undecodable(wanted)
        if broken := list(validation.replica_faults(replicas)):
            raise answers.invalid("Scale", "autoscaling", where[1], broken)
        _check_preconditions(kind, current, wanted, where[1])
        if replicas == (before["spec"].get("replicas") or 0):
            return before
        item = with_replicas(paths, current, replicas)
        item["metadata"]["generation"] += 1
        item["metadata"]["managedFields"] = owned(
            kind, current, item, options, timestamp(store.now()), "scale"
        )
        return scale_shown(paths, item if options.dry_run else store.replace(kind.key, item))


def _commit(
    store: Store, kind: Kind, current: Json, item: Json, options: WriteOptions, subresource: str
) -> Json:
    if kind.generation and not subresource and _spec_changed(kind, current, item):
        item["metadata"]["generation"] = current["metadata"].get("generation", 0) + 1
    fields = owned(kind, current, item, options, timestamp(store.now()), subresource)
    if item == current and (options.operation == "Update" or fields == item["metadata"].get("managedFields")):
        return current
    item["metadata"]["managedFields"] = fields
    if options.dry_run:
        return item
    if item["metadata"].get("deletionTimestamp") and not item["metadata"].get("finalizers"):
        if kind.key == ("", "pods"):
            return store.replace(kind.key, item)
        store.remove(kind.key, item["metadata"].get("namespace", ""), item["metadata"]["name"])
        return item
    return store.replace(kind.key, item)


def _newborn(kind: Kind, namespace: str, body: Json) -> Json:
    item = stored(kind, body)
    meta = dict(item.get("metadata") or {})
    if meta.get("resourceVersion"):
        text = "resourceVersion should not be set on objects to be created"
        raise ApiError(500, "InternalError", text, {"causes": [{"message": text}]})
    for field in (*_SERVER_OWNED, "resourceVersion", "managedFields", "selfLink"):
        meta.pop(field, None)
    if kind.namespaced and meta.setdefault("namespace", namespace) != namespace:
        raise answers.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not kind.namespaced:
        meta.pop("namespace", None)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    if kind.generation:
        meta["generation"] = 1
    item["metadata"] = meta
    if kind.custom and kind.status:
        item.pop("status", None)
    elif kind.key in _STATUS_AT_BIRTH:
        item["status"] = dict(_STATUS_AT_BIRTH[kind.key])
    if kind.key == ("", "nodes"):
        spec = item["spec"] = dict(item.get("spec") or {})
        others = [each for each in spec.get("taints") or [] if each.get("key") != _NOT_READY["key"]]
        spec["taints"] = [*others, dict(_NOT_READY)]
    return item


def _next(kind: Kind, current: Json, wanted: Json, subresource: str) -> Json:
    if subresource == "status":
        return {**current, "status": wanted.get("status", {})}
    meta = dict(wanted.get("metadata") or {})
    for field in (*_SERVER_OWNED, "resourceVersion", "namespace", "name", "managedFields", "generateName"):
        meta.pop(field, None)
        if field in current["metadata"]:
            meta[field] = current["metadata"][field]
    item = {**wanted, "metadata": {field: value for field, value in meta.items() if value is not None}}
    if kind.status:
        item.pop("status", None)
        if "status" in current:
            item["status"] = current["status"]
    return item


def _admitted(kind: Kind, item: Json, options: WriteOptions, old: Json | None = None) -> Json:
    """Defaults filled in and everything checked, or 400, 422. `old` is what an update starts from."""
    meta = item["metadata"]
    _check_meta(kind, meta)
    if kind.custom:
        item, broken = _admitted_custom(kind, item, options, old)
    else:
        item, broken = _admitted_built_in(kind, item)
    if broken:
        raise answers.invalid(kind.name, kind.group, meta["name"], broken)
    return item


def _admitted_built_in(kind: Kind, item: Json) -> tuple[Json, list[Cause]]:
    """There are no schemas for built-in kinds: what the rules stumble over is what Go could not decode."""
    try:
        if not all(isinstance(item.get(field, {}), dict) for field in ("spec", "status")):
            raise TypeError("spec and status are objects")
        item = with_defaults(kind.key, item)
        return item, validation.faults(kind.key, item)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise answers.bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {error}'
        ) from error


def _admitted_custom(
    kind: Kind, item: Json, options: WriteOptions, old: Json | None
) -> tuple[Json, list[Cause]]:
    if kind.schema is None:
        return item, []
    item, dropped = schema.prune(kind.schema, item)
    if dropped and options.strict:
        told = ", ".join(f'unknown field "{path}"' for path in dropped)
        raise answers.bad_request(
            f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
            f"strict decoding error: {told}"
        )
    item = schema.apply_defaults(kind.schema, item)
    broken = schema.faults(kind.schema, item)
    if broken:
        return item, broken + [rules.UNCHECKED] * rules.has_rules(kind.schema)
    identity = {"apiVersion": kind.api_version, "kind": kind.name}
    return item, rules.broken_rules(kind.schema, identity | item, old and identity | old)


def _check_meta(kind: Kind, meta: Json) -> None:
    name = meta.get("name")
    if not name:
        missing = Cause.required("metadata.name", "name or generateName is required")
        raise answers.invalid(kind.name, kind.group, "", [missing])
    if kind.group not in _FREE_NAMES and not (isinstance(name, str) and _NAME.match(name)):
        text = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
        broken = Cause.invalid("metadata.name", name, text)
        raise answers.invalid(kind.name, kind.group, str(name), [broken])
    for field in ("labels", "annotations"):
        values = meta.get(field) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise answers.bad_request(
                f"{kind.name} in version {json.dumps(kind.version)} cannot be handled as a {kind.name}: "
                f"json: cannot unmarshal into Go struct field ObjectMeta.metadata.{field} of type string"
            )


def _check_envelope(kind: Kind, body: Json) -> None:
    sent = (body.get("apiVersion"), body.get("kind"))
    if kind.custom and not all(sent):
        raise answers.bad_request("Object 'Kind' is missing or 'apiVersion' is missing in the request body")
    if any(sent) and sent != (kind.api_version, kind.name):
        raise answers.bad_request(
            f'{sent[1]} in version "{sent[0]}" cannot be handled as a {kind.name}: '
            f"no kind registered for the given group and version"
        )


def _check_preconditions(kind: Kind, current: Json, wanted: Json, name: str) -> None:
    meta, now = wanted.get("metadata") or {}, current["metadata"]
    if meta.get("name", name) != name:
        raise answers.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )
    if meta.get("uid") and meta["uid"] != now["uid"]:
        text = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {now['uid']}"
        raise answers.conflict(kind, name, text)
    if meta.get("resourceVersion") and meta["resourceVersion"] != now["resourceVersion"]:
        raise answers.conflict(kind, name)
    if kind.custom and wanted.get("kind") != "Scale" and not meta.get("resourceVersion"):
        broken = Cause(
            "metadata.resourceVersion",
            "FieldValueInvalid",
            "Invalid value: 0x0: must be specified for an update",
        )
        raise answers.invalid(kind.plural, kind.group, name, [broken])


def _spec_changed(kind: Kind, before: Json, after: Json) -> bool:
    aside = {"metadata", "status"} if kind.status or not kind.custom else {"metadata"}

    def content(item: Json) -> Json:
        return {field: value for field, value in item.items() if field not in aside}

    return content(before) != content(after)


def _undecodable(scale: Value) -> ApiError:
    """The answer to a Scale that Go cannot decode; the decoder's own words are not reproduced."""
    broken = Cause.invalid("patch", json.dumps(scale, separators=(",", ":")), "v1.Scale.Spec: not a number")
    return answers.invalid("", "", "", [broken])
