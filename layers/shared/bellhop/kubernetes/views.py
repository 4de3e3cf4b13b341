"""What people read of the cluster in chat, over lightkube: nodes, pods, workloads and pods' logs."""

from __future__ import annotations

from itertools import islice
from typing import Any

from lightkube.core import resource as res
from lightkube.core.client import Client
from lightkube.generic_resource import Generic, create_namespaced_resource
from lightkube.operators import UnaryOperator

from bellhop.kubernetes.calls import Calls
from bellhop.kubernetes.connection import Connection
from bellhop.kubernetes.inventory import Node, Pod, Workload, node_in, pod_in, workload_in

_WORKLOADS = {
    "Deployment": create_namespaced_resource("apps", "v1", "Deployment", "deployments"),
    "StatefulSet": create_namespaced_resource("apps", "v1", "StatefulSet", "statefulsets"),
    "DaemonSet": create_namespaced_resource("apps", "v1", "DaemonSet", "daemonsets"),
}
_READ = ["get", "list", "global_list"]
_EVERYWHERE = "*"
_PAGE = 250


# Not made by create_..._resource: lightkube lets one module of a process do that for a kind of the core group.
class _Node(res.GlobalResource, Generic):  # type: ignore[misc]  # lightkube's classes are untyped
    _api_info = res.ApiInfo(resource=res.ResourceDef("", "v1", "Node"), plural="nodes", verbs=_READ)


class _Pod(res.NamespacedResourceG, Generic):  # type: ignore[misc]
    _api_info = res.ApiInfo(resource=res.ResourceDef("", "v1", "Pod"), plural="pods", verbs=_READ)


class LightkubeViews:
    """The cluster behind a `Connection`. namespace None: all of them. most: of a list, at which it ends."""

    def __init__(self, connection: Connection) -> None:
        self._calls = Calls(connection)

    def nodes(self, *, most: int) -> list[Node]:
        return [node_in(each) for each in self._list("nodes", _Node, most)]

    def pods(self, namespace: str | None, *, node: str = "", selector: str = "", most: int) -> list[Pod]:
        asked: dict[str, Any] = {"namespace": namespace or _EVERYWHERE}
        if node:
            asked["fields"] = {"spec.nodeName": node}
        if selector:
            # As it was typed: lightkube would have it taken apart first.
            asked["labels"] = {"": UnaryOperator("selector", selector)}
        return [pod_in(each) for each in self._list("pods", _Pod, most, **asked)]

    def pod(self, namespace: str, name: str) -> Pod:
        what = f"pod {namespace}/{name}"
        return pod_in(self._calls.call(what, lambda c: c.get(_Pod, name, namespace=namespace)))

    def workloads(
        self, namespace: str | None, *, kind: str = "", name: str = "", most: int
    ) -> list[Workload]:
        asked: dict[str, Any] = {"namespace": namespace or _EVERYWHERE}
        if name:
            asked["fields"] = {"metadata.name": name}
        return [
            workload_in(each, found)
            for each in ([kind] if kind else _WORKLOADS)
            for found in self._list(f"{each.lower()}s", _WORKLOADS[each], most, **asked)
        ]

    def log(self, pod: Pod, container: str, *, tail: int, since_seconds: int | None) -> str:
        # tailLines bounds the bytes too: the kubelet counts a line over 16 KiB as several.
        def read(client: Client) -> str:
            lines = client.log(
                pod.name, namespace=pod.namespace, container=container, tail_lines=tail, since=since_seconds
            )
            return "".join(lines)

        return self._calls.call(f"log of {container} in pod {pod.namespace}/{pod.name}", read)

    def _list(self, what: str, resource: Any, most: int, **asked: Any) -> list[Any]:  # noqa: ANN401  untyped
        return self._calls.call(
            f"list {what}", lambda c: list(islice(c.list(resource, chunk_size=_PAGE, **asked), most))
        )
