"""The list of policies that a warm function keeps: what it read and wrote since is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.scaling.policy import Policy
from bellhop.scaling.status import Status
from local.cluster.running import RunningCluster
from tests.integration.kubernetes_world import Entries, admin, asked, connected, create, seeded_cluster

POLICIES = "/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies"


@pytest.fixture
def running() -> Iterator[RunningCluster]:
    with seeded_cluster(Entries()) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: RunningCluster) -> Iterator[LightkubeCluster]:
    with connected(running) as cluster:
        yield cluster


def test_a_policy_that_was_read_or_written_is_the_kept_one(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    (listed,), _ = cluster.policies()
    written = cluster.write_status(listed, Status(current_replicas=4))
    assert written.resource_version != listed.resource_version
    asked(running)
    assert cluster.policies() == ([written], [])
    again = cluster.write_status(written, Status(current_replicas=5))  # no read between
    assert [seen["verb"] for seen in asked(running)] == ["patch"]
    assert admin(running, "PATCH", f"{POLICIES}/web", {"spec": {"maxReplicas": 9}}).ok
    assert cluster.policies() == ([again], [])
    read = cluster.policy("shop", "web")
    assert (read.spec.max_replicas, cluster.policies()) == (9, ([read], []))


def test_a_policy_that_was_applied_since_the_list_joins_it_when_it_is_read(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    (web,), _ = cluster.policies()
    manifest = admin(running, "GET", f"{POLICIES}/web").json()
    create(running, manifest | {"metadata": {"name": "other", "namespace": "shop"}})
    other = cluster.policy("shop", "other")
    assert cluster.policies() == ([web, other], [])


@pytest.mark.parametrize(
    "ask",
    [
        lambda cluster, listed: cluster.policy(listed.namespace, listed.name),
        lambda cluster, listed: cluster.write_status(listed, Status()),
    ],
    ids=["read", "written"],
)
def test_a_policy_that_is_gone_leaves_the_kept_list(
    running: RunningCluster,
    cluster: LightkubeCluster,
    ask: Callable[[LightkubeCluster, Policy], Policy],
) -> None:
    (listed,), _ = cluster.policies()
    assert admin(running, "DELETE", f"{POLICIES}/web").ok
    with pytest.raises(NotFoundError):
        ask(cluster, listed)
    assert cluster.policies() == ([], [])


def test_a_policy_written_by_somebody_else_stays_in_the_kept_list_until_it_is_read_again(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    (mine,), _ = cluster.policies()
    with connected(running) as other:
        theirs = other.write_status(mine, Status(current_replicas=5))
    with pytest.raises(ConflictError):
        cluster.write_status(mine, Status(current_replicas=6))
    assert cluster.policies() == ([mine], [])
    assert cluster.policy("shop", "web") == theirs
    assert cluster.policies() == ([theirs], [])
