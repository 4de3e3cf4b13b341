"""What scaling needs of a cluster, as a port, and the value it works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bellhop.scaling.decision import Size
from bellhop.scaling.policy import Policy
from bellhop.scaling.status import Status

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
    """What has a size, as it was read. resource_version is the precondition of the next write.

    kind: Deployment, StatefulSet, HorizontalPodAutoscaler (replicas: its minReplicas; ready: the pods its own
    target runs) or NodeGroup (replicas: desiredSize). floor, ceiling: bounds of its own that no policy moves: a
    HorizontalPodAutoscaler's maxReplicas, a node group's minSize and maxSize. settling: why its size must not
    be changed just now, in words; empty when it may.
    """

    namespace: str
    kind: str
    name: str
    uid: str
    resource_version: str
    size: Size
    floor: int = 0
    ceiling: int | None = None
    settling: str = ""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler and what it owns. keda: name of the KEDA ScaledObject that made it, or ""."""

    namespace: str
    name: str
    kind: str
    target: str
    keda: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A Kubernetes Event to write on a workload. id: the same id is the same Event, written once."""

    id: str
    reason: str
    message: str
    warning: bool = False


class Cluster(Protocol):
    """The API server. Errors: NotFoundError, ConflictError, ForbiddenError, InvalidError (of
    `bellhop.kubernetes.errors`), UnavailableError."""

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        """Every policy in the cluster, at most 15 s old unless `fresh`, and what is wrong with those that do
        not parse. What `policy` and `write_status` return is in the kept list as well."""

    def autoscalers(self, *, fresh: bool = False) -> list[Autoscaler]:
        """Every HorizontalPodAutoscaler in the cluster, at most 15 s old unless `fresh`."""

    def remark(self, workload: Workload, remark: Remark, *, now: datetime) -> None:
        """Write a Kubernetes Event on the workload, once."""

    def policy(self, namespace: str, name: str) -> Policy:
        """One policy, read now."""

    def write_status(self, policy: Policy, status: Status) -> Policy:
        """Replace the status, if the policy is still as it was read. Returns the policy as it is now."""

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        """One workload, read now."""

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        """Set spec.replicas, if the workload is still as it was read."""
