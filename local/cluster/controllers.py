"""The simplest of controllers: after a delay, status says that what spec asks for has come true.

`settled_status` and its kin are pure; `Controllers` is the thread that writes their results. Nothing here
changes a spec, makes pods, or schedules them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from typing import TYPE_CHECKING

from local.cluster.selectors import matches_selector
from local.cluster.store import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Key
    from local.cluster.store import Store

DEPLOYMENTS: Key = ("apps", "deployments")
STATEFULSETS: Key = ("apps", "statefulsets")
PODS: Key = ("", "pods")
NODES: Key = ("", "nodes")
BUDGETS: Key = ("policy", "poddisruptionbudgets")
_WATCHED = (DEPLOYMENTS, STATEFULSETS, PODS, NODES, BUDGETS)
log = logging.getLogger(__name__)
_NOT_READY = "node.kubernetes.io/not-ready"


def settled(key: Key, item: Json, pods: list[Json], now: datetime) -> Json:
    """The object as its controller would leave it; equal to `item` when there is nothing to do."""
    match key:
        case ("apps", "deployments"):
            return {**item, "status": _deployment_status(item, now)}
        case ("apps", "statefulsets"):
            return {**item, "status": _statefulset_status(item)}
        case ("", "pods"):
            return {**item, "status": _pod_status(item, now)}
        case ("", "nodes"):
            return _ready_node(item, now)
        case _:
            return {**item, "status": _budget_status(item, pods)}


def _deployment_status(item: Json, now: datetime) -> Json:
    replicas, old = item["spec"].get("replicas", 1), item.get("status") or {}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    status = {"observedGeneration": item["metadata"]["generation"]}
    status |= dict.fromkeys(counts, replicas) if replicas else {}
    told = (
        ("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        ("Progressing", "NewReplicaSetAvailable", f'Deployment "{item["metadata"]["name"]}" has progressed.'),
    )
    conditions = old.get("conditions") or [
        _condition(type_, now) | {"lastUpdateTime": timestamp(now), "reason": reason, "message": message}
        for type_, reason, message in told
    ]
    return status | {"conditions": conditions}


def _statefulset_status(item: Json) -> Json:
    replicas = item["spec"].get("replicas", 1)
    template = json.dumps(item["spec"]["template"], sort_keys=True).encode()
    revision = f"{item['metadata']['name']}-{hashlib.sha256(template).hexdigest()[:9]}"
    status: Json = {"observedGeneration": item["metadata"]["generation"], "replicas": replicas}
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas")
    status |= dict.fromkeys(counts, replicas) if replicas else {}
    return status | {"currentRevision": revision, "updateRevision": revision, "collisionCount": 0}


def _pod_status(item: Json, now: datetime) -> Json:
    status: Json = item["status"]
    if status.get("phase") != "Pending" or not item["spec"].get("nodeName"):
        return status
    types = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    containers = [
        {
            "name": each["name"],
            "image": each.get("image", ""),
            "imageID": "",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": timestamp(now)}},
            "lastState": {},
        }
        for each in item["spec"]["containers"]
    ]
    conditions = [_condition(type_, now) for type_ in types]
    started = {"phase": "Running", "startTime": timestamp(now), "conditions": conditions}
    return {**status, **started, "containerStatuses": containers}


def _ready_node(item: Json, now: datetime) -> Json:
    """A node without conditions becomes Ready; a Ready one loses its not-ready taint."""
    conditions = item["status"].get("conditions") or [
        _condition("Ready", now) | {"reason": "KubeletReady", "lastHeartbeatTime": timestamp(now)}
    ]
    spec = dict(item["spec"])
    if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
        taints = [each for each in spec.pop("taints", None) or [] if each["key"] != _NOT_READY]
        spec |= {"taints": taints} if taints else {}
    return {**item, "spec": spec, "status": {**item["status"], "conditions": conditions}}


def _budget_status(item: Json, pods: list[Json]) -> Json:
    """Percentages and maxUnavailable are of the pods that are there, not of the owner's replicas."""
    selector, spec = item["spec"].get("selector"), item["spec"]
    mine = [pod for pod in pods if matches_selector(selector, pod["metadata"].get("labels"))]
    healthy = sum(_is_healthy(pod) for pod in mine)
    if (unavailable := spec.get("maxUnavailable")) is not None:
        desired = max(0, len(mine) - _amount(unavailable, len(mine)))
    else:
        desired = _amount(spec.get("minAvailable", 1), len(mine))
    return {
        "observedGeneration": item["metadata"].get("generation", 1),
        "disruptionsAllowed": max(0, healthy - desired) if mine else 0,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": len(mine),
    }


def _is_healthy(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _amount(value: Value, total: int) -> int:
    """A count, or a percentage rounded up; what is neither counts as none."""
    digits = str(value).removesuffix("%")
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return -(-total * int(digits) // 100) if str(value).endswith("%") else int(digits)


def _condition(type_: str, now: datetime) -> Json:
    return {"type": type_, "status": "True", "lastTransitionTime": timestamp(now)}


class Controllers(threading.Thread):
    """Looks at every change, waits `delay` seconds, and settles what is not settled yet."""

    def __init__(self, store: Store, delay: float) -> None:
        super().__init__(name="cluster-controllers", daemon=True)
        self._store = store
        self._delay = delay
        self._due: dict[tuple[Key, str, str], float] = {}

    def run(self) -> None:
        """Until the store closes."""
        store = self._store
        seen = -1
        while True:
            with store.changed:
                while not store.closed and store.revision == seen and not self._is_due():
                    store.changed.wait(self._until_due())
                if store.closed:
                    return
                seen = store.revision
                self._settle_all()

    def _is_due(self) -> bool:
        return any(due <= time.monotonic() for due in self._due.values())

    def _until_due(self) -> float | None:
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _settle_all(self) -> None:
        unsettled = set()
        for key in _WATCHED:
            for item in self._store.all(key):
                where = (key, item["metadata"].get("namespace", ""), item["metadata"]["name"])
                unsettled |= {where} if self._settle(where, item) else set()
        self._due = {where: due for where, due in self._due.items() if where in unsettled}

    def _settle(self, where: tuple[Key, str, str], item: Json) -> bool:
        """Whether the object still waits for its time."""
        key, namespace, name = where
        terminating = key == PODS and bool(item["metadata"].get("deletionTimestamp"))
        pods = self._store.all(PODS, namespace) if key == BUDGETS else []
        try:
            after = item if terminating else settled(key, item, pods, self._store.now())
        except (KeyError, TypeError, AttributeError, ValueError):
            log.exception("cluster.unreadable %s %s/%s", key[1], namespace, name)
            return False
        if after == item and not terminating:
            return False
        at_once = key == BUDGETS
        if not at_once and time.monotonic() < self._due.setdefault(where, time.monotonic() + self._delay):
            return True
        if not terminating:
            self._store.replace(key, after)
        elif not item["metadata"].get("finalizers"):
            self._store.remove(key, namespace, name)
        return False
