"""Deleting: finalizers, grace, owned objects, a namespace's and a definition's contents; and eviction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from local.cluster import answers
from local.cluster.answers import ApiError
from local.cluster.kinds import BUILT_IN, CRD_KEY, NAMESPACES
from local.cluster.selectors import matches_selector
from local.cluster.store import timestamp
from local.cluster.versions import shown

if TYPE_CHECKING:
    from local.cluster.answers import Json
    from local.cluster.kinds import Key, Kind
    from local.cluster.store import Store

PODS: Key = ("", "pods")
BUDGETS: Key = ("policy", "poddisruptionbudgets")


def delete(store: Store, kind: Kind, namespace: str, name: str, options: Json, *, dry_run: bool) -> Json:
    """Delete one object under its DeleteOptions. Answers a Status, or the object when it lingers."""
    with store.lock:
        item = store.get(kind.key, namespace, name)
        if item is None:
            raise answers.not_found(kind, name)
        _check_preconditions(kind, item, options.get("preconditions") or {})
        lingers = bool(item["metadata"].get("finalizers")) or (kind.key == PODS and _graceful(item, options))
        if lingers:
            return shown(kind, _mark(store, kind, item, options, dry_run=dry_run))
        if not dry_run:
            _remove(store, kind.key, item, orphan=options.get("propagationPolicy") == "Orphan")
        if kind.key in {PODS, NAMESPACES}:
            return shown(kind, item)
        return answers.success(200, answers.about(kind, name) | {"uid": item["metadata"]["uid"]})


def evict(store: Store, namespace: str, name: str, eviction: Json, *, dry_run: bool) -> Json:
    """Delete a pod unless a PodDisruptionBudget forbids it: 429 then, with the budget named as cause."""
    pods = next(kind for kind in BUILT_IN if kind.key == PODS)
    with store.lock:
        pod = store.get(PODS, namespace, name)
        if pod is None:
            raise answers.not_found(pods, name)
        if pod["status"].get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp"):
            _spend_budget(store, pod, dry_run=dry_run)
        delete(store, pods, namespace, name, eviction.get("deleteOptions") or {}, dry_run=dry_run)
    return answers.success(201)


def _spend_budget(store: Store, pod: Json, *, dry_run: bool) -> None:
    meta = pod["metadata"]
    budgets = [
        budget
        for budget in store.all(BUDGETS, meta["namespace"])
        if matches_selector(budget["spec"].get("selector"), meta.get("labels"))
    ]
    if len(budgets) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise ApiError(500, "InternalError", text, {})
    for budget in budgets:
        status, name = budget["status"], budget["metadata"]["name"]
        if not status.get("disruptionsAllowed"):
            cause = (
                f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods "
                f"and has {status.get('currentHealthy', 0)} currently"
            )
            raise ApiError(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
                {"causes": [{"reason": "DisruptionBudget", "message": cause}]},
            )
        status["disruptionsAllowed"] -= 1
        disrupted = status.get("disruptedPods") or {}
        status["disruptedPods"] = disrupted | {meta["name"]: timestamp(store.now())}
        if not dry_run:
            store.replace(BUDGETS, budget)


def _graceful(pod: Json, options: Json) -> bool:
    """A pod on a node stays, terminating, until its kubelet lets go of it."""
    return bool(pod["spec"].get("nodeName")) and _grace(pod, options) > 0


def _grace(item: Json, options: Json) -> int:
    given = options.get("gracePeriodSeconds")
    return int((item.get("spec") or {}).get("terminationGracePeriodSeconds", 0) if given is None else given)


def _mark(store: Store, kind: Kind, item: Json, options: Json, *, dry_run: bool) -> Json:
    if item["metadata"].get("deletionTimestamp"):
        return item
    grace = _grace(item, options) if kind.key == PODS else 0
    item["metadata"]["deletionTimestamp"] = timestamp(store.now() + timedelta(seconds=grace))
    item["metadata"]["deletionGracePeriodSeconds"] = grace
    return item if dry_run else store.replace(kind.key, item)


def _remove(store: Store, key: Key, item: Json, *, orphan: bool) -> None:
    meta = item["metadata"]
    store.remove(key, meta.get("namespace", ""), meta["name"])
    if key == NAMESPACES:
        _remove_all(store, store.resources(), meta["name"])
    if key == CRD_KEY:
        _remove_all(store, [(item["spec"]["group"], item["spec"]["names"]["plural"])], "")
    if not orphan:
        _remove_dependents(store, meta["uid"])


def _remove_all(store: Store, keys: list[Key], namespace: str) -> None:
    for key in keys:
        for item in store.all(key, namespace):
            store.remove(key, item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _remove_dependents(store: Store, uid: str) -> None:
    for key in store.resources():
        for item in store.all(key):
            owners = item["metadata"].get("ownerReferences") or []
            if owners and all(owner.get("uid") == uid for owner in owners):
                _remove(store, key, item, orphan=False)


def _check_preconditions(kind: Kind, item: Json, wanted: Json) -> None:
    meta = item["metadata"]
    for field, title in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != meta[field]:
            text = (
                f"Precondition failed: {title} in precondition: {wanted[field]}, "
                f"{title} in object meta: {meta[field]}"
            )
            raise answers.conflict(kind, meta["name"], text)
