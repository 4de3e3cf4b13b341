"""The columns `kubectl get` shows for built-in kinds, and how their cells are made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.cluster.selectors import at
from local.cluster.versions import selector_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Key

type Column = tuple[str, int, Callable[[Json], Value]]  # title, priority (1: only with -o wide), cell

NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"


def age(text: str | None, now: datetime | None = None) -> str:
    """How long ago, in kubectl's short form (k8s.io/apimachinery duration.HumanDuration)."""
    if not text:
        return UNKNOWN
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return "<invalid>"
    seconds = int(((now or datetime.now(UTC)) - then).total_seconds())
    if seconds < 0:
        return "0s" if seconds >= -2 else "<invalid>"
    return _short(seconds)


def _short(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    steps = (
        (seconds < 120, f"{seconds}s"),
        (minutes < 10, _two(minutes, "m", seconds % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _two(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _two(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
    )
    return next((text for fits, text in steps if fits), _two(days // 365, "y", days % 365, "d"))


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")


def _path(path: str, missing: Value = NONE) -> Callable[[Json], Value]:
    def cell(item: Json) -> Value:
        found = at(item, path)
        return missing if found is None else found

    return cell


def _number(path: str) -> Callable[[Json], Value]:
    return _path(path, 0)


def _ready(item: Json) -> str:
    return f"{at(item, 'status.readyReplicas') or 0}/{at(item, 'spec.replicas') or 0}"


def _containers(field: str) -> Callable[[Json], str]:
    def cell(item: Json) -> str:
        return ",".join(each.get(field, "") for each in at(item, "spec.template.spec.containers") or [])

    return cell


def _pod_ready(item: Json) -> str:
    states = at(item, "status.containerStatuses") or []
    return f"{sum(bool(each.get('ready')) for each in states)}/{len(at(item, 'spec.containers') or [])}"


def _pod_status(item: Json) -> str:
    if item["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(at(item, "status.reason") or at(item, "status.phase") or UNKNOWN)


def _restarts(item: Json) -> int:
    return sum(each.get("restartCount", 0) for each in at(item, "status.containerStatuses") or [])


def _node_status(item: Json) -> str:
    conditions = at(item, "status.conditions") or []
    ready = next((each["status"] for each in conditions if each["type"] == "Ready"), "Unknown")
    text = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    return text + (",SchedulingDisabled" if at(item, "spec.unschedulable") else "")


def _node_roles(item: Json) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = item["metadata"].get("labels") or {}
    return (
        ",".join(sorted(label.removeprefix(prefix) for label in labels if label.startswith(prefix))) or NONE
    )


def _event_seen(item: Json) -> str:
    series = at(item, "series.lastObservedTime")
    return age(series or item.get("lastTimestamp") or item.get("eventTime") or item.get("firstTimestamp"))


def _event_object(item: Json) -> str:
    about = item.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(item: Json) -> str:
    parts = (at(item, "source.component") or item.get("reportingComponent"), at(item, "source.host"))
    return ", ".join(filter(None, parts))


def _scaled(item: Json) -> str:
    target = at(item, "spec.scaleTargetRef") or {}
    return f"{target.get('kind')}/{target.get('name')}"


def _cpu_target(item: Json) -> str:
    now, wanted = (
        at(item, "status.currentCPUUtilizationPercentage"),
        at(item, "spec.targetCPUUtilizationPercentage"),
    )
    if wanted is None:
        return NONE
    return f"{UNKNOWN if now is None else f'{now}%'}/{wanted}%"


def _role(item: Json) -> str:
    return f"{at(item, 'roleRef.kind')}/{at(item, 'roleRef.name')}"


def _age(item: Json) -> str:
    return age(item["metadata"].get("creationTimestamp"))


def _count(path: str) -> Callable[[Json], int]:
    return lambda item: len(at(item, path) or ())


AGE: Column = ("Age", 0, _age)
_CREATED: Column = ("Created At", 0, _path("metadata.creationTimestamp"))
_CONTAINERS: Column = ("Containers", 1, _containers("name"))
_IMAGES: Column = ("Images", 1, _containers("image"))
_SELECTOR: Column = ("Selector", 1, lambda item: selector_text(at(item, "spec.selector")))
_ADDRESS: Column = ("Internal-IP", 1, _path("status.addresses.0.address"))

COLUMNS: dict[Key, tuple[Column, ...]] = {
    ("", "namespaces"): (("Status", 0, _path("status.phase")), AGE),
    ("", "nodes"): (
        ("Status", 0, _node_status),
        ("Roles", 0, _node_roles),
        AGE,
        ("Version", 0, _path("status.nodeInfo.kubeletVersion", "")),
        _ADDRESS,
    ),
    ("", "pods"): (
        ("Ready", 0, _pod_ready),
        ("Status", 0, _pod_status),
        ("Restarts", 0, _restarts),
        AGE,
        ("IP", 1, _path("status.podIP")),
        ("Node", 1, _path("spec.nodeName")),
    ),
    ("", "secrets"): (("Type", 0, _path("type")), ("Data", 0, _count("data")), AGE),
    ("", "configmaps"): (("Data", 0, _count("data")), AGE),
    ("apps", "deployments"): (
        ("Ready", 0, _ready),
        ("Up-to-date", 0, _number("status.updatedReplicas")),
        ("Available", 0, _number("status.availableReplicas")),
        AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    ("apps", "statefulsets"): (("Ready", 0, _ready), AGE, _CONTAINERS, _IMAGES),
    ("autoscaling", "horizontalpodautoscalers"): (
        ("Reference", 0, _scaled),
        ("Targets", 0, _cpu_target),
        ("MinPods", 0, _path("spec.minReplicas", UNSET)),
        ("MaxPods", 0, _number("spec.maxReplicas")),
        ("Replicas", 0, _number("status.currentReplicas")),
        AGE,
    ),
    ("policy", "poddisruptionbudgets"): (
        ("Min Available", 0, _path("spec.minAvailable", "N/A")),
        ("Max Unavailable", 0, _path("spec.maxUnavailable", "N/A")),
        ("Allowed Disruptions", 0, _number("status.disruptionsAllowed")),
        AGE,
    ),
    ("rbac.authorization.k8s.io", "roles"): (_CREATED,),
    ("rbac.authorization.k8s.io", "clusterroles"): (_CREATED,),
    ("rbac.authorization.k8s.io", "rolebindings"): (("Role", 0, _role), AGE),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (("Role", 0, _role), AGE),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): (
        ("Webhooks", 0, _count("webhooks")),
        AGE,
    ),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): (
        ("Webhooks", 0, _count("webhooks")),
        AGE,
    ),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (_CREATED,),
}

EVENT_COLUMNS: tuple[Column, ...] = (
    ("Last Seen", 0, _event_seen),
    ("Type", 0, _path("type", "")),
    ("Reason", 0, _path("reason", "")),
    ("Object", 0, _event_object),
    ("Subobject", 1, _path("involvedObject.fieldPath", "")),
    ("Source", 1, _event_source),
    ("Message", 0, lambda item: str(item.get("message", "")).strip()),
    ("First Seen", 1, lambda item: age(item.get("firstTimestamp") or item.get("eventTime"))),
    ("Count", 1, _path("count", 1)),
    ("Name", 1, _path("metadata.name")),
)
