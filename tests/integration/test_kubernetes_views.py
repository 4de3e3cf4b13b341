"""`LightkubeViews` against the stand-in, with the RBAC that is shipped for `commands`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests

from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.kubernetes.errors import ForbiddenError, InvalidError, NotFoundError
from bellhop.kubernetes.inventory import Image
from bellhop.kubernetes.views import LightkubeViews
from local.cluster.running import RunningCluster
from tests.integration.kubernetes_world import STS, Entries, admin, asked, seeded_cluster

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture
def entries() -> Entries:
    return Entries("bellhop:commands")


@pytest.fixture
def running(entries: Entries) -> Iterator[RunningCluster]:
    with seeded_cluster(entries) as cluster:
        yield cluster


@pytest.fixture
def views(running: RunningCluster) -> Iterator[LightkubeViews]:
    ca = base64.b64encode(running.ca_file.read_bytes()).decode()
    sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=STS)
    settings = ClusterSettings("demo", running.url, ca)
    connection = Connection(settings, sts=sts, eks=lambda: pytest.fail("EKS was asked"))
    try:
        yield LightkubeViews(connection)
    finally:
        connection.close()
        sts.close()


def make_node(running: RunningCluster, name: str, *, ready: str = "True", **spec: Any) -> None:
    labels = {"node.kubernetes.io/instance-type": "m7g.large", "topology.kubernetes.io/zone": "eu-west-1a"}
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}, "spec": spec}
    assert admin(running, "POST", "/api/v1/nodes", node).ok
    status = {
        "conditions": [{"type": "Ready", "status": ready}],
        "nodeInfo": {"kubeletVersion": "v1.33.1-eks-1"},
    }
    answer = admin(running, "PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
    assert answer.ok, answer.text


def make_pod(
    running: RunningCluster,
    name: str,
    *,
    status: dict[str, Any] | None = None,
    containers: tuple[str, ...] = ("web",),
    node: str = "n1",
    **metadata: Any,
) -> None:
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"app": "web"}, **metadata},
        "spec": {
            "nodeName": node,
            "containers": [{"name": each, "image": f"example.com/{each}:1.2.3"} for each in containers],
        },
    }
    answer = admin(running, "POST", PODS, pod)
    assert answer.ok, answer.text
    if status is not None:
        answer = admin(running, "PATCH", f"{PODS}/{name}/status", {"status": status})
        assert answer.ok, answer.text


def container(name: str = "web", **more: Any) -> dict[str, Any]:
    state = {"running": {"startedAt": "2026-11-20T09:00:00Z"}}
    return {"name": name, "ready": True, "restartCount": 0, "state": state, **more}


RUNNING = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [container()],
}


def write(running: RunningCluster, **order: Any) -> None:
    order = {"namespace": "shop", "pod": "web-1", "container": "web", **order}
    assert requests.post(f"{running.control_url}/logs", json=order, timeout=5).ok


def test_nodes_are_listed_with_their_states(running: RunningCluster, views: LightkubeViews) -> None:
    make_node(running, "n1")
    make_node(running, "n2", ready="Unknown", unschedulable=True)
    first, second = views.nodes(most=10)
    assert (first.name, first.state, first.instance_type, first.zone) == (
        "n1",
        "Ready",
        "m7g.large",
        "eu-west-1a",
    )
    assert (first.version, first.created_at.tzinfo is not None) == ("v1.33.1-eks-1", True)
    assert second.state == "NotReady,SchedulingDisabled"
    assert [node.name for node in views.nodes(most=1)] == ["n1"]


def test_pods_are_listed_with_their_states_owners_and_images(
    running: RunningCluster, views: LightkubeViews
) -> None:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web-5d4f",
        "uid": "u",
        "controller": True,
    }
    labels = {"app": "web", "pod-template-hash": "5d4f"}
    make_pod(running, "web-1", status=RUNNING, ownerReferences=[owner], labels=labels)
    waiting = container(ready=False, restartCount=7, state={"waiting": {"reason": "CrashLoopBackOff"}})
    make_pod(running, "web-2", status=RUNNING | {"containerStatuses": [waiting]}, node="n2")
    one, two = views.pods("shop", most=10)
    assert (one.state, one.ready, one.containers, one.owner, one.node) == (
        "Running",
        1,
        1,
        "deployment/web",
        "n1",
    )
    assert one.images == (Image("web", "example.com/web", "1.2.3"),)
    assert (two.state, two.ready, two.restarts, two.owner) == ("CrashLoopBackOff", 0, 7, "pod/web-2")
    assert views.pod("shop", "web-1") == one
    assert views.pods(None, node="n2", most=10) == [two]
    assert views.pods("shop", selector="pod-template-hash in (5d4f),app=web,!old", most=10) == [one]
    assert views.pods("default", most=10) == []


def test_a_list_is_read_page_by_page_up_to_its_limit(running: RunningCluster, views: LightkubeViews) -> None:
    for number in range(260):
        make_pod(running, f"web-{number:03}")
    asked(running)
    assert len(views.pods("shop", most=251)) == 251
    assert len(asked(running)) == 2


def test_a_selector_that_the_api_server_does_not_take_is_told_so(views: LightkubeViews) -> None:
    with pytest.raises(InvalidError, match="list pods: 400"):
        views.pods("shop", selector="a=b=c", most=10)


def test_workloads_are_listed_by_kind_and_name_with_their_selectors(views: LightkubeViews) -> None:
    web, queue = views.workloads("shop", most=10)
    assert (web.name, web.selector) == ("deployment/web", "app=web")
    assert web.images == (Image("web", "example.com/web", "1.2.3"),)
    assert queue.name == "statefulset/queue"
    assert views.workloads(None, kind="StatefulSet", name="queue", most=10) == [queue]
    assert views.workloads("shop", kind="DaemonSet", most=10) == []
    assert views.workloads("shop", name="nope", most=10) == []


def test_a_log_is_read_from_its_end_of_the_container_that_is_meant(
    running: RunningCluster, views: LightkubeViews
) -> None:
    make_pod(running, "web-1", containers=("web", "proxy"))
    write(running, text="old\nolder", secondsAgo=3600)
    write(running, text="one\ntwo \u00e9\nthree")
    write(running, container="proxy", text="other")
    pod = views.pod("shop", "web-1")
    assert views.log(pod, "web", tail=2, since_seconds=None) == "two \u00e9\nthree\n"
    assert views.log(pod, "web", tail=10, since_seconds=600) == "one\ntwo \u00e9\nthree\n"
    assert views.log(pod, "proxy", tail=10, since_seconds=None) == "other\n"
    with pytest.raises(InvalidError, match="container nope is not valid for pod web-1"):
        views.log(pod, "nope", tail=1, since_seconds=None)
    assert admin(running, "GET", f"{PODS}/web-1/log").status_code == 400
    stamped = admin(running, "GET", f"{PODS}/web-1/log?container=proxy&timestamps=true").text
    assert stamped.endswith("Z other\n")


def test_a_pod_that_is_not_there_is_not_found(views: LightkubeViews) -> None:
    with pytest.raises(NotFoundError):
        views.pod("shop", "nope")


def test_without_the_role_it_is_forbidden_and_said_where_to_look(
    running: RunningCluster, entries: Entries, views: LightkubeViews
) -> None:
    entries.group = "bellhop:nobody"
    with pytest.raises(ForbiddenError, match="docs/deploying"):
        views.nodes(most=1)


def test_it_may_read_no_more_than_that(running: RunningCluster, views: LightkubeViews) -> None:
    role = admin(running, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/bellhop-views").json()
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert verbs == {"get", "list"}
    assert "secrets" not in resources


@pytest.mark.parametrize(
    "order", [{}, {"pod": "x"}, {"namespace": "a", "pod": "b", "container": "c", "txt": ""}]
)
def test_a_log_that_is_ordered_wrongly_is_refused(running: RunningCluster, order: dict[str, str]) -> None:
    assert requests.post(f"{running.control_url}/logs", json=order, timeout=5).status_code == 400
