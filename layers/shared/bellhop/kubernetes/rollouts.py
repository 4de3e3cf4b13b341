"""The API server's workloads, nodes and pods as values of `bellhop.jobs.cluster`. Pure.

How far a rollout is: kubectl's rule for `rollout status`; what cannot be restarted: its rule for `rollout restart`
(kubernetes/kubectl, pkg/polymorphichelpers, rollout_status.go and objectrestarter.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bellhop.jobs.cluster import Hindrance, Node, Pod, Restartable, Rollout

#: What kubectl sets too, so that both see each other's restarts.
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_MIRROR = "kubernetes.io/config.mirror"
_FINISHED = frozenset({"Succeeded", "Failed"})


def restartable_in(namespace: str, kind: str, resource: Mapping[str, Any]) -> Restartable:
    """A Deployment, StatefulSet or DaemonSet (apps/v1) as the API server returns it."""
    metadata = resource["metadata"]
    annotations = (resource["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    return Restartable(
        namespace=namespace,
        kind=kind,
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        restarted_at=annotations.get(RESTARTED_AT, ""),
        rollout=_rollout(kind, resource),
        hindrance=_hindrance(kind, resource["spec"]),
    )


def restart_patch(workload: Restartable, at: str) -> dict[str, Any]:
    """The merge patch that makes the workload's controller replace its pods."""
    annotated = {"metadata": {"annotations": {RESTARTED_AT: at}}}
    return {"metadata": {"resourceVersion": workload.resource_version}, "spec": {"template": annotated}}


def node_in(resource: Mapping[str, Any]) -> Node:
    metadata = resource["metadata"]
    unschedulable = bool((resource.get("spec") or {}).get("unschedulable"))
    return Node(name=metadata["name"], uid=metadata["uid"], unschedulable=unschedulable)


def cordon_patch(node: Node, *, on: bool) -> dict[str, Any]:
    """By uid, not resourceVersion: kubelets write their nodes all the time, and a new node is another one."""
    return {"metadata": {"uid": node.uid}, "spec": {"unschedulable": True if on else None}}


def pod_in(resource: Mapping[str, Any]) -> Pod:
    metadata, spec = resource["metadata"], resource["spec"]
    owners = metadata.get("ownerReferences") or ()
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        controller=next((str(owner["kind"]) for owner in owners if owner.get("controller")), ""),
        mirror=_MIRROR in (metadata.get("annotations") or {}),
        empty_dir=any(volume.get("emptyDir") is not None for volume in spec.get("volumes") or ()),
        finished=(resource.get("status") or {}).get("phase") in _FINISHED,
        leaving=metadata.get("deletionTimestamp") is not None,
    )


def _hindrance(kind: str, spec: Mapping[str, Any]) -> Hindrance | None:
    if kind == "Deployment":
        if spec.get("paused"):
            return Hindrance("Paused", "it is paused: `kubectl rollout resume` it first")
        return None
    if (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        return Hindrance("OnDelete", "its update strategy is OnDelete: pods are replaced as they are deleted")
    return None


def _rollout(kind: str, resource: Mapping[str, Any]) -> Rollout:
    status = resource.get("status") or {}
    if status.get("observedGeneration", 0) < resource["metadata"].get("generation", 1):
        return Rollout(done=False, said="its controller has not seen the change yet")
    match kind:
        case "Deployment":
            return _of_deployment(resource["spec"], status)
        case "StatefulSet":
            return _of_stateful_set(resource["spec"], status)
        case _:
            wanted = status.get("desiredNumberScheduled", 0)
            return _counted(wanted, status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))


def _of_deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Rollout:
    for condition in status.get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            said = condition.get("message") or "no pod became available"
            return Rollout(done=False, stalled=True, said=f"over its progressDeadlineSeconds: {said}")
    updated, old = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if updated >= spec.get("replicas", 1) and old > updated:
        return Rollout(done=False, said=f"{old - updated} old pods are ending")
    available = status.get("availableReplicas", 0)
    # The API server leaves zeros out of a status, and never replicas out of a spec.
    return _counted(spec.get("replicas", 1), updated, available)


def _of_stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Rollout:
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    # Pods below the partition keep their old template.
    partition = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0
    to_update, updated = max(wanted - partition, 0), status.get("updatedReplicas", 0)
    done = ready >= wanted and updated >= to_update
    return Rollout(done=done, said=f"{updated} of {to_update} pods new, {ready} of {wanted} ready")


def _counted(wanted: int, updated: int, available: int) -> Rollout:
    done = updated >= wanted and available >= updated
    return Rollout(done=done, said=f"{updated} of {wanted} pods new, {available} available")
