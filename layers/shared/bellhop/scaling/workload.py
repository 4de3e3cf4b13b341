"""What scaling needs of a cluster, as a port, and the value it works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bellhop.scaling.decision import Size
from bellhop.scaling.policy import Policy, Status

#: kubectl's names and short names for what has a size.
KINDS = {
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "statefulsets": "StatefulSet",
    "sts": "StatefulSet",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet as it was read. resource_version is the precondition of the next write."""

    namespace: str
    kind: str
    name: str
    uid: str
    resource_version: str
    size: Size


class Cluster(Protocol):
    """The API server. Errors: NotFoundError, ConflictError, ForbiddenError, InvalidError (of
    `bellhop.kubernetes.errors`), UnavailableError."""

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        """Every policy in the cluster, at most 15 s old unless `fresh`, and what is wrong with those that do
        not parse."""

    def policy(self, namespace: str, name: str) -> Policy:
        """One policy, read now."""

    def write_status(self, policy: Policy, status: Status) -> Policy:
        """Replace the status, if the policy is still as it was read. Returns the policy as it is now."""

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        """One workload, read now."""

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        """Set spec.replicas, if the workload is still as it was read."""
