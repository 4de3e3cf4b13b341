"""`bellhop.scaling.workload.Cluster` over lightkube."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from lightkube import ApiError
from lightkube.core.client import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from bellhop.errors import RefusedError
from bellhop.kubernetes.calls import Calls
from bellhop.kubernetes.connection import Connection
from bellhop.kubernetes.errors import NotFoundError
from bellhop.kubernetes.resources import (
    HORIZONTAL_POD_AUTOSCALER,
    autoscaler_in,
    event_on,
    size_patch,
    whole,
    workload_in,
)
from bellhop.scaling.policy import GROUP, KIND, PLURAL, VERSION, Policy, parse_policy
from bellhop.scaling.status import Status
from bellhop.scaling.workload import Autoscaler, Remark, Workload

#: How old the lists of policies and of autoscalers may be.
KEPT_SECONDS = 15.0

# lightkube's typed models of apps/v1 cost a cold start 40 ms; the generic ones read the same JSON.
_POLICY = create_namespaced_resource(GROUP, VERSION, KIND, PLURAL)
_AUTOSCALER = create_namespaced_resource(
    "autoscaling", "v2", HORIZONTAL_POD_AUTOSCALER, "horizontalpodautoscalers"
)
_EVENT = create_namespaced_resource("", "v1", "Event", "events")
_WORKLOADS = {
    "Deployment": create_namespaced_resource("apps", "v1", "Deployment", "deployments"),
    "StatefulSet": create_namespaced_resource("apps", "v1", "StatefulSet", "statefulsets"),
    HORIZONTAL_POD_AUTOSCALER: _AUTOSCALER,
}


class LightkubeCluster:
    """The cluster behind a `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._calls = Calls(connection)
        #: By namespace and name: the policy, or what is wrong with it.
        self._policies: dict[tuple[str, str], Policy | str] = {}
        self._policies_until = 0.0
        self._autoscalers: list[Autoscaler] = []
        self._autoscalers_until = 0.0

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        if fresh or time.monotonic() >= self._policies_until:
            listed = self._calls.call("list policies", lambda c: list(c.list(_POLICY, namespace="*")))
            self._policies = {}
            for resource in listed:
                with contextlib.suppress(RefusedError):  # kept as a problem
                    self._keep(resource)
            self._policies_until = time.monotonic() + KEPT_SECONDS
        kept = self._policies.values()
        return [p for p in kept if isinstance(p, Policy)], [p for p in kept if isinstance(p, str)]

    def autoscalers(self, *, fresh: bool = False) -> list[Autoscaler]:
        if fresh or time.monotonic() >= self._autoscalers_until:
            listed = self._calls.call("list autoscalers", lambda c: list(c.list(_AUTOSCALER, namespace="*")))
            self._autoscalers = [autoscaler_in(resource) for resource in listed]
            self._autoscalers_until = time.monotonic() + KEPT_SECONDS
        return list(self._autoscalers)

    def policy(self, namespace: str, name: str) -> Policy:
        what = f"policy {namespace}/{name}"
        return self._one_policy(namespace, name, what, lambda c: c.get(_POLICY, name, namespace=namespace))

    def write_status(self, policy: Policy, status: Status) -> Policy:
        patch = {
            "metadata": {"resourceVersion": policy.resource_version},
            "status": whole(status),
        }
        what = f"status of policy {policy.namespace}/{policy.name}"
        return self._one_policy(
            policy.namespace,
            policy.name,
            what,
            lambda c: c.patch(
                _POLICY.Status, policy.name, patch, namespace=policy.namespace, patch_type=PatchType.MERGE
            ),
        )

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        what = f"{kind.lower()} {namespace}/{name}"
        found = self._calls.call(what, lambda c: c.get(_WORKLOADS[kind], name, namespace=namespace))
        return workload_in(namespace, kind, found)

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        what = f"scale of {workload.kind.lower()} {workload.namespace}/{workload.name}"
        resource = _WORKLOADS[workload.kind]
        self._calls.call(
            what,
            lambda c: c.patch(
                resource if resource is _AUTOSCALER else resource.Scale,
                workload.name,
                size_patch(workload, replicas),
                namespace=workload.namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            ),
        )

    def remark(self, workload: Workload, remark: Remark, *, now: datetime) -> None:
        event = _EVENT(**event_on(workload, remark, now=now))

        def write(client: Client) -> None:
            try:
                client.create(event, namespace=workload.namespace)
            except ApiError as error:
                if error.status.reason != "AlreadyExists":  # written before; any other 409 was not
                    raise

        self._calls.call(f"event on {workload.kind.lower()} {workload.namespace}/{workload.name}", write)

    def _one_policy(
        self, namespace: str, name: str, what: str, ask: Callable[[Client], Mapping[str, Any]]
    ) -> Policy:
        """The policy in the answer, put into the kept list; out of it if the answer is that there is none."""
        try:
            found = self._calls.call(what, ask)
        except NotFoundError:
            self._policies.pop((namespace, name), None)
            raise
        return self._keep(found)

    def _keep(self, resource: Mapping[str, Any]) -> Policy:
        where = (resource["metadata"]["namespace"], resource["metadata"]["name"])
        try:
            policy = parse_policy(resource)
        except RefusedError as error:
            self._policies[where] = str(error)
            raise
        self._policies[where] = policy
        return policy
