"""Just enough OpenAPI for kubectl: that writes understand fieldValidation, and the schemas of custom kinds.

Version 2 is empty on purpose: kubectl skips its own validation for kinds that it does not find there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.cluster.answers import Json
    from local.cluster.kinds import Kind

# Older clients ask for spec.v2@v1.0, which is no valid media type to answer with.
PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
PROTOBUF_ASKED = "application/com.github.proto-openapi.spec.v2"
EMPTY_V2: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Kubernetes", "version": "v1.21.2"},
    "paths": {},
    "definitions": {},
}
_GVK = "x-kubernetes-group-version-kind"
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
_META = {
    "apiVersion": {"type": "string", "description": "The version of this representation of the object."},
    "kind": {"type": "string", "description": "What the object is."},
    "metadata": {"type": "object", "description": "Name, namespace, labels, annotations and the like."},
}


def index(kinds: list[Kind]) -> Json:
    """GET /openapi/v3: one document for each group and version."""
    paths = dict.fromkeys(_prefix(kind) for kind in kinds)
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}


def document(path: str, kinds: list[Kind]) -> Json | None:
    """GET /openapi/v3/PATH, for instance `apis/apps/v1`."""
    served = [kind for kind in kinds if _prefix(kind) == path]
    if not served:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.21.2"},
        "paths": {_item_path(kind): _operations(kind) for kind in served},
        "components": {"schemas": {_schema_name(kind): _schema(kind) for kind in served}},
    }


def _prefix(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else "api/v1"


def _item_path(kind: Kind) -> str:
    place = "namespaces/{namespace}/" if kind.namespaced else ""
    return f"/{_prefix(kind)}/{place}{kind.plural}/{{name}}"


def _identity(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _operations(kind: Kind) -> Json:
    reference = {"$ref": f"#/components/schemas/{_schema_name(kind)}"}
    answer = {"description": "OK", "content": {"application/json": {"schema": reference}}}
    operation = {_GVK: _identity(kind), "responses": {"200": answer}}
    return {
        "get": {**operation, "x-kubernetes-action": "get"},
        "patch": {**operation, "x-kubernetes-action": "patch", "parameters": _PARAMETERS},
    }


def _schema_name(kind: Kind) -> str:
    return ".".join([*reversed((kind.group or "core").split(".")), kind.version, kind.name])


def _schema(kind: Kind) -> Json:
    own = kind.schema or {"type": "object"}
    return {**own, "properties": {**(own.get("properties") or {}), **_META}, _GVK: [_identity(kind)]}
