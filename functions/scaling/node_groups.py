"""EKS managed node groups as something with a size.

EKS has no precondition for a write as the Kubernetes API has. What stands in for it: only the sizes that are to
change are sent, EKS itself holds minSize <= desiredSize <= maxSize, and it takes one update of a group at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError
from bellhop.kubernetes.errors import ForbiddenError, InvalidError, NotFoundError
from bellhop.scaling.decision import Size
from bellhop.scaling.workload import Workload

KIND = "NodeGroup"

#: Seconds until an update that is running is looked at again; one takes some minutes.
_UPDATE_PAUSE = 30.0
#: Statuses a group does not leave by waiting.
_BROKEN = frozenset({"DEGRADED", "CREATE_FAILED", "DELETE_FAILED", "DELETING"})
_CLUSTER_AUTOSCALER = "k8s.io/cluster-autoscaler/"
_KARPENTER = "karpenter.sh/"


class NodeGroups(Protocol):
    """The cluster's node groups. Errors: RefusedError, NotFoundError, ForbiddenError, InvalidError, BusyError,
    UnavailableError."""

    def read(self, name: str) -> Workload:
        """One node group, read now. `settling` while an update of it runs; ready is desiredSize, for EKS does
        not tell how many nodes are. RefusedError: NodeGroupNotAllowed, OwnedByClusterAutoscaler,
        OwnedByKarpenter, NodeGroupDegraded."""

    def resize(self, group: Workload, desired: int, *, token: str, raise_ceiling: bool) -> None:
        """Have EKS set desiredSize, from floor to ceiling; with `raise_ceiling`, maxSize too where desired is
        above it. It is under way when this returns. token: the same one is the same update, made once; at most
        64 ASCII characters (EKS names no limit, other services' is that). BusyError: an update is running."""


class EksNodeGroups:
    """`NodeGroups` over the EKS API. eks: makes the boto3 client, on first use. allowed: tests a group's name
    against the stack's parameter NodeGroups."""

    def __init__(self, *, eks: Callable[[], Any], cluster: str, allowed: Callable[[str], bool]) -> None:
        self._make_client = eks
        self._cluster = cluster
        self._allowed = allowed

    def read(self, name: str) -> Workload:
        self._admit(name)
        answer = self._call(
            f"node group {name}",
            lambda eks: eks.describe_nodegroup(clusterName=self._cluster, nodegroupName=name),
        )
        group = answer["nodegroup"]
        if refusal := _refusal(group):
            raise refusal
        sizes, status = group["scalingConfig"], group["status"]
        return Workload(
            namespace="",  # it has none; who asks for it may give it the policy's
            kind=KIND,
            name=name,
            uid=group["nodegroupArn"],
            resource_version="",
            size=Size(replicas=sizes["desiredSize"], ready=sizes["desiredSize"]),
            floor=sizes["minSize"],
            ceiling=sizes["maxSize"],
            settling="" if status == "ACTIVE" else f"node group {name} is {status}",
        )

    def resize(self, group: Workload, desired: int, *, token: str, raise_ceiling: bool) -> None:
        self._admit(group.name)
        sizes = _sizes(group, desired, raise_ceiling=raise_ceiling)
        self._call(
            f"size of node group {group.name}",
            lambda eks: eks.update_nodegroup_config(
                clusterName=self._cluster,
                nodegroupName=group.name,
                scalingConfig=sizes,
                clientRequestToken=token,
            ),
        )

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  a boto3 client
        return self._make_client()

    def _admit(self, name: str) -> None:
        if not self._allowed(name):
            raise RefusedError(
                "NodeGroupNotAllowed", f"the stack's parameter NodeGroups does not name node group {name}"
            )

    def _call(self, what: str, ask: Callable[[Any], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            return ask(self._client)
        except ClientError as error:
            raise _error(what, error) from error
        except BotoCoreError as error:
            raise UnavailableError(f"{what}: no answer from EKS ({type(error).__name__})") from error


def _sizes(group: Workload, desired: int, *, raise_ceiling: bool) -> dict[str, int]:
    """What of the scalingConfig changes. What is not sent stays ("you can specify any or none of the
    properties"), also when somebody moves it after it was read."""
    ceiling = desired if group.ceiling is None else group.ceiling
    if desired < group.floor or (desired > ceiling and not raise_ceiling):
        raise RefusedError(
            "Invalid", f"node group {group.name}: {desired} is not within {group.floor} to {ceiling}"
        )
    if desired > ceiling:
        return {"desiredSize": desired, "maxSize": desired}
    return {"desiredSize": desired}


def _refusal(group: Mapping[str, Any]) -> RefusedError | None:
    """Why Bellhop leaves the group alone."""
    name, status = group["nodegroupName"], group["status"]
    tags, labels = group.get("tags") or {}, group.get("labels") or {}
    if mark := _marked(tags, _CLUSTER_AUTOSCALER):
        said = f"node group {name} has the tag {mark}: Cluster Autoscaler sets its size"
        return RefusedError("OwnedByClusterAutoscaler", said)
    if mark := _marked(tags, _KARPENTER) or _marked(labels, _KARPENTER):
        return RefusedError("OwnedByKarpenter", f"node group {name} has {mark}: it is Karpenter's")
    if status in _BROKEN:
        issues = (group.get("health") or {}).get("issues") or ()
        codes = ", ".join(issue["code"] for issue in issues) or "EKS names no issue"
        return RefusedError("NodeGroupDegraded", f"node group {name} is {status}: {codes}")
    return None


def _marked(names: Mapping[str, str], prefix: str) -> str | None:
    return next((name for name in sorted(names) if name.startswith(prefix)), None)


def _error(what: str, error: ClientError) -> BellhopError:
    answer = error.response["Error"]
    said = f"{what}: {answer['Code']} {answer.get('Message', '')}".rstrip()
    match answer["Code"]:
        case "ResourceNotFoundException":
            return NotFoundError(said)
        case "ResourceInUseException":  # an update is running, or the group is not ACTIVE
            return BusyError(said, retry_after=_UPDATE_PAUSE)
        case "AccessDenied" | "AccessDeniedException":
            return ForbiddenError(f"{said} (does it have the tag bellhop:scale=allowed?)")
        case "InvalidParameterException" | "InvalidRequestException" | "ClientException":
            return InvalidError(said)
        case _:  # throttling, 5xx, ended credentials
            return UnavailableError(said)
