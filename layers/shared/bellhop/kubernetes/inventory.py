"""What runs in the cluster, as the API server's JSON tells of it: nodes, pods, workloads, images. Pure.

The words for a pod's and a node's state are kubectl's (kubernetes pkg/printers/internalversion/printers.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_TEMPLATE_HASH = "pod-template-hash"
_OVER = frozenset({"Succeeded", "Failed"})
_OPERATORS = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}"}


@dataclass(frozen=True, slots=True)
class Node:
    """state: "Ready", "NotReady,SchedulingDisabled". created_at: 1970 where the API does not say."""

    name: str
    state: str
    instance_type: str
    zone: str
    version: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Image:
    """A container and the image it has. version: its tag, or the beginning of its digest, or "latest"."""

    container: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Pod:
    """owner: what it belongs to, as "deployment/web"; "pod/NAME" for a pod of its own. main: the container that
    kubectl would choose. over: whether it has ended for good."""

    namespace: str
    name: str
    node: str
    state: str
    ready: int
    containers: int
    restarts: int
    created_at: datetime
    owner: str
    main: str
    images: tuple[Image, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet. name: "deployment/web". selector: of its pods, as kubectl's -l
    takes it; "" selects none. images: those that its template asks for."""

    namespace: str
    name: str
    selector: str
    images: tuple[Image, ...]


def node_in(resource: Mapping[str, Any]) -> Node:
    """A core/v1 Node."""
    metadata, status = resource["metadata"], resource.get("status") or {}
    labels = metadata.get("labels") or {}
    ready = _condition(status, "Ready")
    state = "Ready" if ready == "True" else "NotReady"
    if (resource.get("spec") or {}).get("unschedulable"):
        state += ",SchedulingDisabled"
    return Node(
        name=metadata["name"],
        state=state,
        instance_type=labels.get("node.kubernetes.io/instance-type", "-"),
        zone=labels.get("topology.kubernetes.io/zone", "-"),
        version=(status.get("nodeInfo") or {}).get("kubeletVersion", "-"),
        created_at=_moment(metadata),
    )


def pod_in(resource: Mapping[str, Any]) -> Pod:
    """A core/v1 Pod."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    states = status.get("containerStatuses") or []
    annotations = metadata.get("annotations") or {}
    images = tuple(_image(container) for container in spec["containers"])
    named = annotations.get(_DEFAULT_CONTAINER, "")
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName") or "-",
        state=_state(metadata, status),
        ready=sum(1 for each in states if each.get("ready")),
        containers=len(images),
        restarts=sum(each.get("restartCount", 0) for each in states),
        created_at=_moment(metadata),
        owner=_owner(metadata),
        main=named if any(named == image.container for image in images) else images[0].container,
        images=images,
        over=status.get("phase") in _OVER,
    )


def workload_in(kind: str, resource: Mapping[str, Any]) -> Workload:
    """An apps/v1 Deployment, StatefulSet or DaemonSet."""
    metadata, spec = resource["metadata"], resource["spec"]
    return Workload(
        namespace=metadata["namespace"],
        name=f"{kind.lower()}/{metadata['name']}",
        selector=_selector(spec.get("selector") or {}),
        images=tuple(_image(container) for container in spec["template"]["spec"]["containers"]),
    )


def image_in(container: str, reference: str) -> Image:
    """The image of a reference such as registry:5000/team/web:1.2.3@sha256:..."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # a port's colon
        repository, tag = name, ""
    return Image(container, repository, tag or digest.removeprefix("sha256:")[:12] or "latest")


def _image(container: Mapping[str, Any]) -> Image:
    return image_in(container["name"], container.get("image") or "")


def _selector(selector: Mapping[str, Any]) -> str:
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        form = _OPERATORS.get(each["operator"], "!{key}")
        parts.append(form.format(key=each["key"], values=",".join(each.get("values") or ())))
    return ",".join(parts)


def _owner(metadata: Mapping[str, Any]) -> str:
    """The controller. A Deployment's pod belongs to a ReplicaSet, which is named after it and the template's
    hash."""
    owners = [each for each in metadata.get("ownerReferences") or () if each.get("controller")]
    if not owners:
        return f"pod/{metadata['name']}"
    kind, name = owners[0]["kind"], owners[0]["name"]
    suffix = f"-{(metadata.get('labels') or {}).get(_TEMPLATE_HASH, '')}"
    if kind == "ReplicaSet" and len(suffix) > 1 and name.endswith(suffix):
        return f"deployment/{name.removesuffix(suffix)}"
    return f"{kind.lower()}/{name}"


def _state(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    state = status.get("reason") or status.get("phase") or "Unknown"
    started = status.get("initContainerStatuses") or []
    for number, each in enumerate(started):
        if why := _init_trouble(each):
            return f"Init:{why}" if why != "waits" else f"Init:{number}/{len(started)}"
    for each in reversed(status.get("containerStatuses") or []):
        state = _reason(each.get("state") or {}) or state
    ready = _condition(status, "Ready") == "True"
    return "NotReady" if state == "Running" and not ready else state


def _init_trouble(container: Mapping[str, Any]) -> str:
    """Why an init container holds the pod back; "" when it does not."""
    state = container.get("state") or {}
    if (state.get("terminated") or {}).get("exitCode") == 0 or container.get("started"):
        return ""
    why = _reason(state)
    return "waits" if why in {"", "PodInitializing"} else why


def _reason(state: Mapping[str, Any]) -> str:
    """Why a container waits or has ended; "" for one that runs."""
    if reason := (state.get("waiting") or {}).get("reason"):
        return str(reason)
    ended = state.get("terminated")
    if ended is None:
        return ""
    signal = ended.get("signal")
    return str(
        ended.get("reason") or (f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}")
    )


def _condition(status: Mapping[str, Any], kind: str) -> str:
    return next((str(c["status"]) for c in status.get("conditions") or () if c["type"] == kind), "Unknown")


def _moment(metadata: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(metadata["creationTimestamp"])
    except (KeyError, TypeError, ValueError):
        return _UNKNOWN
