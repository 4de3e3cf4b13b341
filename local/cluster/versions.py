"""Between what is stored and what one API version shows: kind and apiVersion, HPA v1, and Scale."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from local.cluster.selectors import at

if TYPE_CHECKING:
    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Kind, ScalePaths

_AUTOSCALERS = ("autoscaling", "horizontalpodautoscalers")
_TARGET_CPU = "targetCPUUtilizationPercentage"
_CURRENT_CPU = "currentCPUUtilizationPercentage"


def shown(kind: Kind, item: Json) -> Json:
    """A stored object as this version answers it, kind and apiVersion included."""
    return {"kind": kind.name, "apiVersion": kind.api_version, **shown_in_list(kind, item)}


def shown_in_list(kind: Kind, item: Json) -> Json:
    """The same as an item of a list: built-in kinds leave kind and apiVersion to the list there."""
    if kind.key == _AUTOSCALERS:
        return _hpa_v1(item) if kind.version == "v1" else _hpa_v2(item)
    if kind.custom:
        return {"kind": kind.name, "apiVersion": kind.api_version, **item}
    return item


def stored(kind: Kind, item: Json) -> Json:
    """What a client sent, as the store keeps it (HPAs as v2)."""
    item = {field: value for field, value in item.items() if field not in {"kind", "apiVersion"}}
    if kind.key == _AUTOSCALERS and kind.version == "v1":
        return _hpa_from_v1(item)
    return item


def scale_shown(paths: ScalePaths, item: Json) -> Json:
    """The autoscaling/v1 Scale of a workload. `spec.replicas` is left out at zero, as Go's encoder does."""
    meta = item["metadata"]
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = at(item, paths.replicas) or 0
    selector = at(item, paths.selector) if paths.selector else selector_text(at(item, "spec.selector"))
    status: Json = {"replicas": at(item, paths.status_replicas) or 0}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: meta[field] for field in fields if field in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status | ({"selector": selector} if selector else {}),
    }


def with_replicas(paths: ScalePaths, item: Json, replicas: int) -> Json:
    """The workload after a write to its /scale."""
    changed = deepcopy(item)
    *parents, last = paths.replicas.split(".")
    place = changed
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = replicas
    return changed


def selector_text(selector: Json | None) -> str:
    """A LabelSelector in the one-line form: `app=web,tier in (a,b)`."""
    selector = selector or {}
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or []:
        key, values = each["key"], ",".join(each.get("values") or [])
        text = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(text.get(each["operator"], f"!{key}"))
    return ",".join(terms)


def _is_cpu(metric: Json) -> bool:
    resource = metric.get("resource") or {}
    return resource.get("name") == "cpu" and (resource.get("target") or {}).get("type") == "Utilization"


def _hpa_v1(item: Json) -> Json:
    item = deepcopy(item)
    for metric in filter(_is_cpu, item["spec"].pop("metrics", [])):
        item["spec"][_TARGET_CPU] = metric["resource"]["target"]["averageUtilization"]
    item["spec"].pop("behavior", None)
    for metric in item["status"].pop("currentMetrics", None) or []:
        current: Value = at(metric, "resource.current.averageUtilization")
        if at(metric, "resource.name") == "cpu" and current is not None:
            item["status"][_CURRENT_CPU] = current
    item["status"].pop("conditions", None)
    return item


def _hpa_v2(item: Json) -> Json:
    return {**item, "status": {"currentMetrics": None, **item["status"]}}


def _hpa_from_v1(item: Json) -> Json:
    item = deepcopy(item)
    spec = item.setdefault("spec", {})
    if (percent := spec.pop(_TARGET_CPU, None)) is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return item
