"""`bellhop.scaling.workload.Cluster` over lightkube."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
from lightkube import ApiError
from lightkube.core.client import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from bellhop.errors import RefusedError, UnavailableError
from bellhop.kubernetes.connection import Connection
from bellhop.kubernetes.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)
from bellhop.scaling.decision import Size
from bellhop.scaling.policy import GROUP, KIND, PLURAL, VERSION, Policy, Status, parse_policy
from bellhop.scaling.workload import Workload

#: How old the list of policies may be. The one that matches is read again before it is acted on.
POLICIES_KEPT_SECONDS = 15.0

# lightkube's typed models of apps/v1 cost a cold start 40 ms; the generic ones read the same JSON.
_POLICY = create_namespaced_resource(GROUP, VERSION, KIND, PLURAL)
_WORKLOADS = {
    "Deployment": create_namespaced_resource("apps", "v1", "Deployment", "deployments"),
    "StatefulSet": create_namespaced_resource("apps", "v1", "StatefulSet", "statefulsets"),
}


class LightkubeCluster:
    """The cluster behind a `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._policies: tuple[list[Policy], list[str]] = ([], [])
        self._policies_until = 0.0

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        if not fresh and time.monotonic() < self._policies_until:
            return self._policies
        found: list[Policy] = []
        problems: list[str] = []
        for resource in self._call("list policies", lambda c: list(c.list(_POLICY, namespace="*"))):
            try:
                found.append(parse_policy(resource))
            except RefusedError as error:
                problems.append(str(error))
        self._policies = (found, problems)
        self._policies_until = time.monotonic() + POLICIES_KEPT_SECONDS
        return self._policies

    def policy(self, namespace: str, name: str) -> Policy:
        what = f"policy {namespace}/{name}"
        return parse_policy(self._call(what, lambda c: c.get(_POLICY, name, namespace=namespace)))

    def write_status(self, policy: Policy, status: Status) -> Policy:
        patch = {
            "metadata": {"resourceVersion": policy.resource_version},
            "status": _replacing(msgspec.to_builtins(policy.status), msgspec.to_builtins(status)),
        }
        what = f"status of policy {policy.namespace}/{policy.name}"
        answer = self._call(
            what,
            lambda c: c.patch(
                _POLICY.Status, policy.name, patch, namespace=policy.namespace, patch_type=PatchType.MERGE
            ),
        )
        return parse_policy(answer)

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        what = f"{kind.lower()} {namespace}/{name}"
        found = self._call(what, lambda c: c.get(_WORKLOADS[kind], name, namespace=namespace))
        metadata = found["metadata"]
        # The API server leaves replicas out at zero.
        replicas = found["spec"].get("replicas", 0)
        ready = found.get("status", {}).get("readyReplicas", 0)
        size = Size(replicas, ready)
        return Workload(namespace, kind, name, metadata["uid"], metadata["resourceVersion"], size)

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        patch = {
            "metadata": {"resourceVersion": workload.resource_version},
            "spec": {"replicas": replicas},
        }
        what = f"scale of {workload.kind.lower()} {workload.namespace}/{workload.name}"
        self._call(
            what,
            lambda c: c.patch(
                _WORKLOADS[workload.kind].Scale,
                workload.name,
                patch,
                namespace=workload.namespace,
                patch_type=PatchType.MERGE,
                dry_run=dry_run,
            ),
        )

    def _call[T](self, what: str, ask: Callable[[Client], T]) -> T:
        """Ask the API server; a 401 once more with a new token, since credentials end before their time."""
        try:
            return self._ask(what, ask)
        except UnauthorizedError:
            self._connection.close()
            return self._ask(what, ask)

    def _ask[T](self, what: str, ask: Callable[[Client], T]) -> T:
        try:
            return ask(self._connection.client())
        except ApiError as error:
            raise _refusal(what, error) from error
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            raise UnavailableError(f"{what}: the API server answered {status}") from error
        except httpx2.HTTPError as error:
            raise UnavailableError(
                f"{what}: no answer from the API server ({type(error).__name__})"
            ) from error


def _refusal(what: str, error: ApiError) -> Exception:
    code = error.status.code or error.response.status_code
    said = f"{what}: {code} {error.status.message}"
    match code:
        case 404:
            return NotFoundError(said)
        case 409:
            return ConflictError(said)
        case 401:
            return UnauthorizedError(f"{said} (docs/deploying.md: access entry)")
        case 403:
            return ForbiddenError(f"{said} (docs/deploying.md: RBAC)")
        case 400 | 415 | 422:
            return InvalidError(said)
        case _:
            return UnavailableError(said)


def _replacing(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A merge patch that turns `old` into `new`: what is gone is null, nested objects likewise."""
    patch: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        before = old.get(key)
        patch[key] = (
            _replacing(before, value) if isinstance(value, dict) and isinstance(before, dict) else value
        )
    return patch
