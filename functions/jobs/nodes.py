"""Nodes that jobs may touch: whether at all, and whether it still is the same one."""

from __future__ import annotations

from dataclasses import dataclass

from bellhop.errors import RefusedError
from bellhop.jobs.cluster import Cluster, Node
from turns import Reason


@dataclass(frozen=True, slots=True)
class Nodes:
    """allowed: the stack's parameter NodeOperations. A drain touches pods of every namespace, so AllowedNamespaces
    cannot narrow it."""

    cluster: Cluster
    allowed: bool

    def find(self, name: str, uid: str) -> Node:
        """The node as it is now. uid: of the node a job began with; "" when it has not begun.

        Raises RefusedError: NodesNotAllowed, or NodeMissing when another has its name; NotFoundError.
        """
        if not self.allowed:
            said = "the stack's parameter NodeOperations is not true: nodes are left alone"
            raise RefusedError(Reason.NODES_NOT_ALLOWED, said)
        node = self.cluster.node(name)
        if uid and node.uid != uid:
            said = f"node {name} was deleted meanwhile; another has its name"
            raise RefusedError(Reason.NODE_MISSING, said)
        return node
