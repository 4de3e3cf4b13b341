"""What policies and people may size: finding it, refusing what somebody else sizes, and writing the size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bellhop.errors import RefusedError
from bellhop.scaling.evaluation import Bounds
from bellhop.scaling.policy import Policy
from bellhop.scaling.spec import AUTOSCALER, NODE_GROUP
from bellhop.scaling.workload import Autoscaler, Cluster, Workload
from node_groups import NodeGroups


@dataclass(frozen=True, slots=True)
class Targets:
    """allowed: tests a namespace against AllowedNamespaces. node_group_namespace: whose policies may size node
    groups; "" none."""

    cluster: Cluster
    node_groups: NodeGroups
    allowed: Callable[[str], bool]
    node_group_namespace: str

    def of_policy(self, policy: Policy, others: Iterable[Policy]) -> Workload:
        """The policy's target as it is now.

        Raises RefusedError when the policy contradicts itself, when the stack does not allow its namespace, and
        when another policy or a HorizontalPodAutoscaler sizes the target; NotFoundError; UnavailableError.
        """
        if problem := policy.problem():
            raise RefusedError("PolicyInvalid", f"policy {policy.namespace}/{policy.name}: {problem}")
        self.require_namespace(policy.namespace)
        if first := _first_for_target(policy, others):
            raise RefusedError(
                "TargetTaken",
                f"policy {first.namespace}/{first.name} is older and sizes {policy.target}: delete one of them",
            )
        if policy.target_kind == NODE_GROUP:
            return self._node_group(policy)
        # Who looks at a policy for the first time makes sure; later 15 s are soon enough.
        autoscalers = self.cluster.autoscalers(fresh=policy.status.slot is None)
        if policy.target_kind == AUTOSCALER:
            _require_not_kedas(policy.namespace, policy.target_name, autoscalers)
        else:
            _require_unowned(policy.namespace, policy.target_kind, policy.target_name, autoscalers)
        return self.cluster.workload(policy.namespace, policy.target_kind, policy.target_name)

    def require_namespace(self, namespace: str) -> None:
        """Raises RefusedError when the stack's parameter does not name the namespace."""
        if not self.allowed(namespace):
            raise RefusedError(
                "NamespaceNotAllowed", f"the stack's parameter AllowedNamespaces does not name {namespace}"
            )

    def require_unowned(self, namespace: str, kind: str, name: str) -> None:
        """Raises RefusedError when a HorizontalPodAutoscaler, one of KEDA's too, sizes the workload now."""
        _require_unowned(namespace, kind, name, self.cluster.autoscalers(fresh=True))

    def resize(self, policy: Policy, workload: Workload, replicas: int, *, token: str) -> None:
        """Set the size, if the target is still as it was read. token: names this change for ever."""
        if policy.spec.node_group is not None:
            raise_ceiling = policy.spec.node_group.raise_max_size
            self.node_groups.resize(workload, replicas, token=token, raise_ceiling=raise_ceiling)
        else:
            self.cluster.scale(workload, replicas)

    def _node_group(self, policy: Policy) -> Workload:
        if not self.node_group_namespace or policy.namespace != self.node_group_namespace:
            raise RefusedError(
                "NamespaceNotAllowed",
                "node groups are sized by policies of the namespace that the stack's parameter"
                f" NodeGroupNamespace names ({self.node_group_namespace or 'none'}), not of {policy.namespace}",
            )
        return replace(self.node_groups.read(policy.target_name), namespace=policy.namespace)


def _require_unowned(namespace: str, kind: str, name: str, autoscalers: Iterable[Autoscaler]) -> None:
    """Two scalers of one workload kill each other's pods."""
    for owner in autoscalers:
        if (owner.namespace, owner.kind, owner.target) == (namespace, kind, name):
            said = f"HorizontalPodAutoscaler {namespace}/{owner.name} sizes {kind} {namespace}/{name}"
            raise RefusedError("OwnedByAutoscaler", f"{said}: {_instead(owner)}")


def _require_not_kedas(namespace: str, name: str, autoscalers: Iterable[Autoscaler]) -> None:
    """KEDA sets its HorizontalPodAutoscaler's minReplicas back to its own."""
    for owner in autoscalers:
        if owner.keda and (owner.namespace, owner.name) == (namespace, name):
            said = f"HorizontalPodAutoscaler {namespace}/{name} is KEDA's"
            raise RefusedError("OwnedByAutoscaler", f"{said}: {_instead(owner)}")


def _instead(owner: Autoscaler) -> str:
    if owner.keda:
        return f"change minReplicaCount of KEDA's ScaledObject {owner.keda}, or delete that"
    return "let a policy move its minReplicas (scaleTargetRef.kind HorizontalPodAutoscaler), or delete it"


def bounds_of(policy: Policy, workload: Workload) -> Bounds:
    """The target's own bounds. Raises RefusedError when the policy's limits lie outside of them."""
    group = policy.spec.node_group
    ceiling = None if group is not None and group.raise_max_size else workload.ceiling
    spec = policy.spec
    if (ceiling is not None and ceiling < spec.min_replicas) or workload.floor > spec.max_replicas:
        raise RefusedError(
            "LimitsContradict",
            f"the policy wants {spec.min_replicas} to {spec.max_replicas} replicas, {workload.kind}"
            f" {workload.name} itself allows {workload.floor} to {workload.ceiling}",
        )
    return Bounds(workload.floor, ceiling, workload.settling)


def _first_for_target(policy: Policy, others: Iterable[Policy]) -> Policy | None:
    """The older policy for the same target, if there is one. By name when both are of one second."""
    mine = (policy.namespace, policy.target_kind, policy.target_name)
    same = [
        other
        for other in others
        if (other.namespace, other.target_kind, other.target_name) == mine
        and other.uid != policy.uid
        and (other.created, other.name) < (policy.created, policy.name)
    ]
    return min(same, key=lambda other: (other.created, other.name), default=None)
