"""The few protobuf bodies that kubectl 1.32 and newer send: `kubectl create namespace|secret|deployment`,
`kubectl autoscale`, `kubectl auth can-i`. `apply` and all else is JSON.

Field numbers are those of k8s.io/api's generated.proto. A field that is not in these tables and not empty
makes the whole body undecodable: better refused than half read.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json, Value

MAGIC = b"k8s\0"


class UndecodableError(ValueError):
    """No such message, or a field that is not in the tables."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON name and how its bytes are read."""

    name: str
    type: str = "text"  # text, bytes, number, flag, message
    fields: dict[int, Field] | None = None
    shape: str = "one"  # one, list, map


def _message(name: str, fields: dict[int, Field], shape: str = "one") -> Field:
    return Field(name, "message", fields, shape)


def _texts(*names: str) -> dict[int, Field]:
    return {number: Field(name) for number, name in enumerate(names, 1)}


_META = {
    **_texts("name", "generateName", "namespace"),
    11: Field("labels", shape="map"),
    12: Field("annotations", shape="map"),
}
_PORT = {
    1: Field("name"),
    2: Field("hostPort", "number"),
    3: Field("containerPort", "number"),
    4: Field("protocol"),
}
_CONTAINER = {
    **_texts("name", "image"),
    3: Field("command", shape="list"),
    4: Field("args", shape="list"),
    6: _message("ports", _PORT, "list"),
    8: _message("resources", {}),
}
_POD_SPEC = {2: _message("containers", _CONTAINER, "list")}
_TEMPLATE = {1: _message("metadata", _META), 2: _message("spec", _POD_SPEC)}
_DEPLOYMENT_SPEC = {
    1: Field("replicas", "number"),
    2: _message("selector", {1: Field("matchLabels", shape="map")}),
    3: _message("template", _TEMPLATE),
    4: _message("strategy", {}),
    5: Field("minReadySeconds", "number"),
    7: Field("paused", "flag"),
}
_AUTOSCALER_SPEC = {
    1: _message("scaleTargetRef", _texts("kind", "name", "apiVersion")),
    2: Field("minReplicas", "number"),
    3: Field("maxReplicas", "number"),
    4: Field("targetCPUUtilizationPercentage", "number"),
}
_REVIEW_SPEC = {
    1: _message(
        "resourceAttributes",
        _texts("namespace", "verb", "group", "version", "resource", "subresource", "name"),
    ),
    2: _message("nonResourceAttributes", _texts("path", "verb")),
}
_SECRET = {
    1: _message("metadata", _META),
    2: Field("data", "bytes", shape="map"),
    3: Field("type"),
}


def _object(spec: dict[int, Field]) -> dict[int, Field]:
    return {1: _message("metadata", _META), 2: _message("spec", spec), 3: _message("status", {})}


_KINDS: dict[tuple[str, str], dict[int, Field]] = {
    ("v1", "Namespace"): _object({}),
    ("v1", "Secret"): _SECRET,
    ("apps/v1", "Deployment"): _object(_DEPLOYMENT_SPEC),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): _object(_AUTOSCALER_SPEC),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): _object(_REVIEW_SPEC),
}


def decode(body: bytes) -> Json:
    """The object in a `k8s\\0` envelope (runtime.Unknown). Raises UndecodableError."""
    if not body.startswith(MAGIC):
        raise UndecodableError("no Kubernetes protobuf")
    envelope = dict(_parts(body.removeprefix(MAGIC)))
    identity = _read(_texts("apiVersion", "kind"), _sized(envelope.get(1, b"")))
    fields = _KINDS.get((identity.get("apiVersion", ""), identity.get("kind", "")))
    if fields is None:
        raise UndecodableError(f"no table for {identity}")
    return identity | _read(fields, _sized(envelope.get(2, b"")))


def _read(fields: dict[int, Field], data: bytes) -> Json:
    item: Json = {}
    for number, raw in _parts(data):
        field = fields.get(number)
        if field is None:
            if not _is_empty(raw):
                raise UndecodableError(f"field {number} is not in the tables")
        elif field.shape == "map":
            entry = _read({1: Field("key"), 2: Field("value", field.type)}, _sized(raw))
            item.setdefault(field.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif field.shape == "list":
            item.setdefault(field.name, []).append(_value(field, raw))
        elif field.type in {"number", "flag"} or not _is_empty(raw):
            item[field.name] = _value(field, raw)
    return item


def _value(field: Field, raw: int | bytes) -> Value:
    if field.type in {"number", "flag"}:
        if not isinstance(raw, int):
            raise UndecodableError(f"{field.name} is no number")
        return bool(raw) if field.type == "flag" else raw
    data = _sized(raw)
    if field.type == "message":
        return _read(field.fields or {}, data)
    try:
        return base64.b64encode(data).decode() if field.type == "bytes" else data.decode()
    except UnicodeDecodeError as error:
        raise UndecodableError(f"{field.name} is no text") from error


def _is_empty(raw: int | bytes) -> bool:
    """Zero, nothing, or a message of nothing but empty fields (Go writes those out)."""
    if isinstance(raw, int):
        return raw == 0
    try:
        return not raw or all(_is_empty(inner) for _, inner in _parts(raw))
    except UndecodableError:
        return False


def _sized(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise UndecodableError("a number where a message belongs")
    return raw


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their varints or bytes; other wire types do not occur in these messages."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        value, place = _varint(data, place)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2 and place + value <= len(data):
            yield tag >> 3, data[place : place + value]
            place += value
        else:
            raise UndecodableError("broken or unknown wire type")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if place >= len(data):
            raise UndecodableError("ends in the middle of a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise UndecodableError("a number that is too long")
