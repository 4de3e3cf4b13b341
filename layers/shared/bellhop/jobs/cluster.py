"""What jobs see of a cluster and do in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a rollout has come. stalled: it will not complete by itself. said: in words."""

    done: bool
    said: str
    stalled: bool = False


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a restart would not replace the pods. code: a reason's name."""

    code: str
    said: str


@dataclass(frozen=True, slots=True)
class Restartable:
    """A Deployment, StatefulSet or DaemonSet. restarted_at: its pods' annotation of that name; "" without one."""

    namespace: str
    kind: str
    name: str
    uid: str
    resource_version: str
    restarted_at: str
    rollout: Rollout
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """unschedulable: it is cordoned."""

    name: str
    uid: str
    unschedulable: bool


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod on a node, as far as an eviction asks.

    controller: kind of what makes it again; "" for none. mirror: a static pod's image in the API. empty_dir: it has
    such a volume. finished: Succeeded or Failed. leaving: it is being deleted.
    """

    namespace: str
    name: str
    uid: str
    controller: str = ""
    mirror: bool = False
    empty_dir: bool = False
    finished: bool = False
    leaving: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Evicted(StrEnum):
    LEAVING = "leaving"
    GONE = "gone"
    NOT_NOW = "not now"


@dataclass(frozen=True, slots=True)
class EvictionAnswer:
    """What came of asking for an eviction. said: why not now."""

    evicted: Evicted
    said: str = ""


class Cluster(Protocol):
    """The cluster. Each method raises NotFoundError, ConflictError, ForbiddenError, UnauthorizedError, InvalidError
    (`bellhop.kubernetes.errors`) or UnavailableError."""

    def workload(self, namespace: str, kind: str, name: str) -> Restartable:
        """The workload as it is now."""

    def restart(self, workload: Restartable, at: str, *, dry_run: bool = False) -> None:
        """Annotate its pods' template with `at`, if the workload is still as it was read."""

    def node(self, name: str) -> Node:
        """The node as it is now."""

    def cordon(self, node: Node, *, on: bool, dry_run: bool = False) -> None:
        """Let no more pods onto this very node, or let them again."""

    def pods(self, node: str) -> list[Pod]:
        """All pods on the node, of every namespace."""

    def evict(self, pod: Pod, *, grace_seconds: int | None) -> EvictionAnswer:
        """Ask for this very pod's eviction; its budget may say not now."""
