"""The API server's JSON as Bellhop's values, and back. Pure: nothing here asks a server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bellhop.scaling.decision import Size
from bellhop.scaling.workload import Autoscaler, Remark, Workload

HORIZONTAL_POD_AUTOSCALER = "HorizontalPodAutoscaler"
COMPONENT = "bellhop"

#: For an Event's involvedObject. What is not in the cluster's API (a node group) has none.
_API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    HORIZONTAL_POD_AUTOSCALER: "autoscaling/v2",
}
#: KEDA labels each ScaledObject so, and its HorizontalPodAutoscaler takes over the labels (kedacore/keda,
#: controllers/keda/hpa.go), unless the annotation `scaledobject.keda.sh/hpa-excluded-labels` names it.
_KEDA_LABEL = "scaledobject.keda.sh/name"
_KEDA_GROUP = "keda.sh/"

_NAME_LIMIT = 253
_EVENT_ID = 16
#: The limit of events.k8s.io; core/v1 itself does not hold clients to it.
_MESSAGE_BYTES = 1024


def workload_in(namespace: str, kind: str, resource: Mapping[str, Any]) -> Workload:
    """A Deployment, StatefulSet or HorizontalPodAutoscaler (autoscaling/v2) as the API server returns it."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    ceiling = None
    if kind == HORIZONTAL_POD_AUTOSCALER:
        size = Size(replicas=spec.get("minReplicas", 1), ready=status.get("currentReplicas", 0))
        ceiling = spec["maxReplicas"]
    else:
        # The API server leaves both out at zero.
        size = Size(replicas=spec.get("replicas", 0), ready=status.get("readyReplicas", 0))
    return Workload(
        namespace=namespace,
        kind=kind,
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        size=size,
        ceiling=ceiling,
    )


def size_patch(workload: Workload, replicas: int) -> dict[str, Any]:
    """The merge patch that sets the workload's size, if it is still as it was read. For a
    HorizontalPodAutoscaler it goes to the object itself, for all else to its scale subresource."""
    field = "minReplicas" if workload.kind == HORIZONTAL_POD_AUTOSCALER else "replicas"
    return {"metadata": {"resourceVersion": workload.resource_version}, "spec": {field: replicas}}


def autoscaler_in(resource: Mapping[str, Any]) -> Autoscaler:
    """A HorizontalPodAutoscaler (autoscaling/v2) and what it owns."""
    metadata, target = resource["metadata"], resource["spec"]["scaleTargetRef"]
    return Autoscaler(
        namespace=metadata["namespace"],
        name=metadata["name"],
        kind=target["kind"],
        target=target["name"],
        keda=_scaled_object(metadata),
    )


def _scaled_object(metadata: Mapping[str, Any]) -> str:
    """The ScaledObject that made it: by its controller reference, which KEDA always sets, else by the label."""
    for owner in metadata.get("ownerReferences") or ():
        if owner["kind"] == "ScaledObject" and owner["apiVersion"].startswith(_KEDA_GROUP):
            return str(owner["name"])
    return str((metadata.get("labels") or {}).get(_KEDA_LABEL, ""))


def event_on(workload: Workload, remark: Remark, *, now: datetime) -> dict[str, Any]:
    """A core/v1 Event about the workload. Its name is made of the remark's id, so that twice is once.

    Without eventTime, core/v1 asks only that the Event's namespace is its object's (kubernetes
    pkg/apis/core/validation/events.go).
    """
    suffix = f".{remark.id[:_EVENT_ID]}"
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    involved = {
        "apiVersion": _API_VERSIONS.get(workload.kind, ""),
        "kind": workload.kind,
        "name": workload.name,
        "namespace": workload.namespace,
        "uid": workload.uid,
        "resourceVersion": workload.resource_version,
    }
    return {
        "metadata": {
            "name": workload.name[: _NAME_LIMIT - len(suffix)].rstrip("-.") + suffix,
            "namespace": workload.namespace,
        },
        "involvedObject": {name: value for name, value in involved.items() if value},
        "reason": remark.reason,
        "message": remark.message.encode()[:_MESSAGE_BYTES].decode(errors="ignore"),
        "type": "Warning" if remark.warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }


def whole(value: msgspec.Struct) -> dict[str, Any]:
    """A merge patch that makes an object equal to `value`, whatever it was: what `value` leaves out is null."""
    patch: dict[str, Any] = dict.fromkeys(field.encode_name for field in msgspec.structs.fields(value))
    patch |= msgspec.to_builtins(value)
    for field in msgspec.structs.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, msgspec.Struct):
            patch[field.encode_name] = whole(inner)
    return patch
