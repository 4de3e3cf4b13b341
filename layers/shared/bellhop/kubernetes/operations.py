"""`bellhop.jobs.cluster.Cluster` over lightkube."""

from __future__ import annotations

from lightkube import ApiError
from lightkube.core import resource as res
from lightkube.core.client import Client
from lightkube.generic_resource import (
    Generic,
    GenericGlobalResource,
    GenericNamespacedResource,
    create_api_info,
    create_namespaced_resource,
)
from lightkube.types import PatchType

from bellhop.jobs.cluster import Evicted, EvictionAnswer, Node, Pod, Restartable
from bellhop.kubernetes.calls import Calls
from bellhop.kubernetes.connection import Connection
from bellhop.kubernetes.rollouts import cordon_patch, node_in, pod_in, restart_patch, restartable_in

_WORKLOADS = {
    "Deployment": create_namespaced_resource("apps", "v1", "Deployment", "deployments"),
    "StatefulSet": create_namespaced_resource("apps", "v1", "StatefulSet", "statefulsets"),
    "DaemonSet": create_namespaced_resource("apps", "v1", "DaemonSet", "daemonsets"),
}
_PAGE = 500


# Classes of their own: lightkube registers what it makes itself by name, and core kinds only once in a process.
class _Node(GenericGlobalResource):
    _api_info = create_api_info("", "v1", "Node", "nodes")


class _Pod(GenericNamespacedResource):
    _api_info = create_api_info("", "v1", "Pod", "pods")


class _Eviction(res.NamespacedSubResource, Generic):  # type: ignore[misc]  # lightkube's classes are untyped
    _api_info = res.ApiInfo(
        resource=res.ResourceDef("policy", "v1", "Eviction"),
        parent=res.ResourceDef("", "v1", "Pod"),
        plural="pods",
        verbs=["post"],
        action="eviction",
    )


class LightkubeOperations:
    """The cluster behind a `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._calls = Calls(connection)

    def workload(self, namespace: str, kind: str, name: str) -> Restartable:
        what = f"{kind.lower()} {namespace}/{name}"
        found = self._calls.call(what, lambda c: c.get(_WORKLOADS[kind], name, namespace=namespace))
        return restartable_in(namespace, kind, found)

    def restart(self, workload: Restartable, at: str, *, dry_run: bool = False) -> None:
        self._calls.call(
            f"restart of {workload.kind.lower()} {workload.namespace}/{workload.name}",
            lambda c: c.patch(
                _WORKLOADS[workload.kind],
                workload.name,
                restart_patch(workload, at),
                namespace=workload.namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            ),
        )

    def node(self, name: str) -> Node:
        return node_in(self._calls.call(f"node {name}", lambda c: c.get(_Node, name)))

    def cordon(self, node: Node, *, on: bool, dry_run: bool = False) -> None:
        patch = cordon_patch(node, on=on)
        self._calls.call(
            f"{'cordon' if on else 'uncordon'} of node {node.name}",
            lambda c: c.patch(_Node, node.name, patch, patch_type=PatchType.MERGE, dry_run=dry_run),
        )

    def pods(self, node: str) -> list[Pod]:
        listed = self._calls.call(
            f"pods on node {node}",
            lambda c: list(c.list(_Pod, namespace="*", fields={"spec.nodeName": node}, chunk_size=_PAGE)),
        )
        return [pod_in(resource) for resource in listed]

    def evict(self, pod: Pod, *, grace_seconds: int | None) -> EvictionAnswer:
        options: dict[str, object] = {"preconditions": {"uid": pod.uid}}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        metadata = {"name": pod.name, "namespace": pod.namespace}
        eviction = _Eviction.from_dict({"metadata": metadata, "deleteOptions": options})

        def post(client: Client) -> EvictionAnswer:
            try:
                client.create(eviction, pod.name, namespace=pod.namespace)
            except ApiError as error:
                answer = _not_evicted(error)
                if answer is None:
                    raise
                return answer
            return EvictionAnswer(Evicted.LEAVING)

        return self._calls.call(f"eviction of pod {pod}", post)


def _not_evicted(error: ApiError) -> EvictionAnswer | None:
    """What an eviction may be answered while all is well (kubernetes, pkg/registry/core/pod/storage/eviction.go);
    None for every real error."""
    status = error.status
    causes = (status.details.causes or []) if status.details else []
    said = next((cause.message for cause in causes if cause.message), None) or status.message or ""
    match status.code:
        case 404:
            return EvictionAnswer(Evicted.GONE)
        case (
            429 | 409
        ):  # the budget, or an overloaded server; another pod of that name, or somebody else's write
            return EvictionAnswer(Evicted.NOT_NOW, said)
        case 500 if "more than one PodDisruptionBudget" in (status.message or ""):
            return EvictionAnswer(Evicted.NOT_NOW, said)
        case 403 if any(cause.reason == "NamespaceTerminating" for cause in causes):
            return EvictionAnswer(Evicted.NOT_NOW, said)
        case _:
            return None
