"""`LightkubeOperations` and whole jobs against the stand-in: RBAC as it ships, budgets, evictions, a drained node."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import yaml

from bellhop.jobs.cluster import Evicted, Node, Pod, Restartable, Rollout
from bellhop.jobs.request import Cordon, Drain, Restart, Step
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.kubernetes.errors import ConflictError, ForbiddenError, NotFoundError
from bellhop.kubernetes.operations import LightkubeOperations
from bellhop.ledger import DynamoLedger, Entry, from_item
from cordoning import Cordoning
from draining import Draining
from job import DynamoJobs, begun, changed
from job_entries import JobTelling
from local.cluster.authentication import EksAuthenticator
from local.cluster.running import RunningCluster, running_cluster
from nodes import Nodes
from restarting import Restarting
from stepping import LoggedProgress, Stepping
from tests.integration.kubernetes_world import ROLE, ROOT, STS, Entries, admin, create
from tests.integration.tables import LEDGER, STATE, dynamodb
from tests.unit.jobs_world import START, drain

NODE = "node-1"
DEADLINE = 20.0


@pytest.fixture
def entries() -> Entries:
    return Entries("bellhop:jobs")


@contextmanager
def serving(entries: Entries) -> Iterator[RunningCluster]:
    """The cluster with Bellhop's manifests, one node, and controllers that let pods run."""
    eks = EksAuthenticator("demo", STS, lambda _url, _cluster: ROLE, entries, lambda: datetime.now(UTC))
    with running_cluster(eks=eks, pod_start_seconds=0.05) as cluster:
        for file in (*sorted((ROOT / "kubernetes").glob("*.yaml")), ROOT / "local/manifests/shop.yaml"):
            for manifest in yaml.safe_load_all(file.read_text()):
                create(cluster, manifest)
        post(cluster, "/api/v1/nodes", {"metadata": {"name": NODE}})
        yield cluster


@pytest.fixture
def running(entries: Entries) -> Iterator[RunningCluster]:
    with serving(entries) as cluster:
        yield cluster


@pytest.fixture
def operations(running: RunningCluster) -> Iterator[LightkubeOperations]:
    with connected(running) as made:
        yield made


@contextmanager
def connected(running: RunningCluster) -> Iterator[LightkubeOperations]:
    ca = base64.b64encode(running.ca_file.read_bytes()).decode()
    sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=STS)
    settings = ClusterSettings("demo", running.url, ca)
    connection = Connection(settings, sts=sts, eks=lambda: pytest.fail("EKS was asked"))
    try:
        yield LightkubeOperations(connection)
    finally:
        connection.close()
        sts.close()


def post(cluster: RunningCluster, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = admin(cluster, "POST", path, body)
    assert response.ok, response.text
    return dict(response.json())


def get(cluster: RunningCluster, path: str) -> dict[str, Any]:
    return dict(admin(cluster, "GET", path).json())


def make_pod(cluster: RunningCluster, name: str, *, owner: str = "ReplicaSet", **changes: Any) -> None:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "o-1", "controller": True}]
    metadata = {"name": name, "labels": {"app": name.partition("-")[0]}}
    spec = {"nodeName": NODE, "containers": [{"name": "c", "image": "i:1"}], **changes}
    if owner:
        metadata["ownerReferences"] = owners  # type: ignore[assignment]
    post(cluster, "/api/v1/namespaces/shop/pods", {"metadata": metadata, "spec": spec})


def make_budget(cluster: RunningCluster, app: str, at_least: int) -> None:
    spec = {"minAvailable": at_least, "selector": {"matchLabels": {"app": app}}}
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    post(cluster, path, {"metadata": {"name": app}, "spec": spec})


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def phases(cluster: RunningCluster) -> dict[str, str]:
    items = get(cluster, "/api/v1/namespaces/shop/pods")["items"]
    return {item["metadata"]["name"]: item["status"]["phase"] for item in items}


def all_run(cluster: RunningCluster, *names: str) -> None:
    until(lambda: all(phases(cluster).get(name) == "Running" for name in names))


def until_left(cluster: RunningCluster, names: Collection[str], count: int) -> None:
    until(lambda: len([name for name in names if name in phases(cluster)]) == count)


# ------------------------------------------------------------ restart
def test_a_restart_annotates_the_pods_template_and_its_rollout_is_seen(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    before = operations.workload("shop", "Deployment", "web")
    operations.restart(before, "2026-11-20T09:00:00Z", dry_run=True)
    assert operations.workload("shop", "Deployment", "web").restarted_at == ""
    before = operations.workload("shop", "Deployment", "web")
    operations.restart(before, "2026-11-20T09:00:00Z")
    annotations = get(running, path)["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"kubectl.kubernetes.io/restartedAt": "2026-11-20T09:00:00Z"}
    until(lambda: operations.workload("shop", "Deployment", "web").rollout.done)
    after = operations.workload("shop", "Deployment", "web")
    assert (after.uid, after.restarted_at) == (before.uid, "2026-11-20T09:00:00Z")
    with pytest.raises(ConflictError):
        operations.restart(before, "2026-11-20T10:00:00Z")


def test_stateful_and_daemon_sets_are_restarted_too(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    }
    selector = {"matchLabels": {"app": "x"}}
    for kind, plural in (("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")):
        service = {"serviceName": "x"} if kind == "StatefulSet" else {}
        body = {"metadata": {"name": "x"}, "spec": {"selector": selector, "template": template, **service}}
        post(running, f"/apis/apps/v1/namespaces/shop/{plural}", body)
        read = operations.workload("shop", kind, "x")
        operations.restart(read, "2026-11-20T09:00:00Z")
        assert operations.workload("shop", kind, "x").restarted_at == "2026-11-20T09:00:00Z"
    until(lambda: operations.workload("shop", "StatefulSet", "x").rollout.done)


def test_what_is_not_there_is_said_so(operations: LightkubeOperations) -> None:
    with pytest.raises(NotFoundError):
        operations.workload("shop", "Deployment", "nobody")
    with pytest.raises(NotFoundError):
        operations.node("nobody")


@pytest.mark.parametrize("group", ["bellhop:scaling", "bellhop:commands"])
def test_the_other_functions_may_do_none_of_it(group: str, entries: Entries, running: RunningCluster) -> None:
    entries.group = group
    target = Restartable("shop", "Deployment", "web", "u", "", "", Rollout(done=True, said=""))
    node = Node(NODE, "", unschedulable=False)
    calls: list[Callable[[LightkubeOperations], object]] = [
        lambda it: it.restart(target, "2026-11-20T09:00:00Z"),
        lambda it: it.cordon(node, on=True),
        lambda it: it.evict(Pod("shop", "web-1", "u"), grace_seconds=None),
    ]
    with connected(running) as others:
        for call in calls:
            with pytest.raises(ForbiddenError):
                call(others)


# ------------------------------------------------------------ nodes, pods, evictions
def test_a_node_is_cordoned_and_uncordoned_and_another_of_its_name_is_not(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    node = operations.node(NODE)
    operations.cordon(node, on=True, dry_run=True)
    assert not operations.node(NODE).unschedulable
    operations.cordon(node, on=True)
    assert operations.node(NODE).unschedulable
    operations.cordon(node, on=False)
    assert not operations.node(NODE).unschedulable
    assert admin(running, "DELETE", f"/api/v1/nodes/{NODE}").ok
    post(running, "/api/v1/nodes", {"metadata": {"name": NODE}})
    with pytest.raises(ConflictError):
        operations.cordon(node, on=True)


def test_pods_on_the_node_are_seen_as_a_drain_needs_them(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    make_pod(running, "web-1")
    make_pod(running, "bare-1", owner="")
    make_pod(running, "cache-1", volumes=[{"name": "v", "emptyDir": {}}])
    make_pod(running, "agent-1", owner="DaemonSet")
    make_pod(running, "far-1", nodeName="node-2")
    seen = {each.name: each for each in operations.pods(NODE)}
    assert seen.keys() == {"web-1", "bare-1", "cache-1", "agent-1"}
    assert {name: each.controller for name, each in seen.items()} == {
        "web-1": "ReplicaSet",
        "bare-1": "",
        "cache-1": "ReplicaSet",
        "agent-1": "DaemonSet",
    }
    assert [name for name, each in seen.items() if each.empty_dir] == ["cache-1"]


def test_an_eviction_asks_the_budget_and_spares_another_pod_of_the_same_name(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    for name in ("web-1", "web-2"):
        make_pod(running, name)
    all_run(running, "web-1", "web-2")
    make_budget(running, "web", 1)
    path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web"
    until(lambda: get(running, path)["status"]["disruptionsAllowed"] == 1)
    first, second = sorted(operations.pods(NODE), key=str)
    other = operations.evict(Pod("shop", "web-1", "another-uid"), grace_seconds=None)
    assert other.evicted is Evicted.NOT_NOW
    assert operations.evict(first, grace_seconds=0).evicted is Evicted.LEAVING
    answer = operations.evict(second, grace_seconds=None)
    assert answer.evicted is Evicted.NOT_NOW
    assert "budget web needs 1 healthy pods" in answer.said
    until(lambda: "web-1" not in phases(running))
    assert operations.evict(first, grace_seconds=None).evicted is Evicted.GONE
    assert phases(running) == {"web-2": "Running"}


def test_two_budgets_for_one_pod_hold_it_back_and_say_so(
    running: RunningCluster, operations: LightkubeOperations
) -> None:
    make_pod(running, "web-1")
    all_run(running, "web-1")
    make_budget(running, "web", 0)
    spec = {"minAvailable": 0, "selector": {"matchLabels": {"app": "web"}}}
    post(
        running,
        "/apis/policy/v1/namespaces/shop/poddisruptionbudgets",
        {"metadata": {"name": "too"}, "spec": spec},
    )
    (found,) = operations.pods(NODE)
    answer = operations.evict(found, grace_seconds=None)
    assert answer.evicted is Evicted.NOT_NOW
    assert "more than one PodDisruptionBudget" in answer.said


# ------------------------------------------------------------ whole jobs
class Clockwork:
    """Jobs as they are wired, over the stand-in and DynamoDB in memory, with a clock that steps move on."""

    def __init__(self, operations: LightkubeOperations, tables: Any) -> None:
        self.now = START
        self._tables = tables
        self._sent: list[tuple[Step, int]] = []
        nodes = Nodes(operations, allowed=True)
        self.jobs = DynamoJobs(tables, STATE)
        ledger = DynamoLedger(tables, LEDGER, kept_days=1)
        self.stepping = Stepping(
            jobs=self.jobs,
            steps=self,
            workers={
                Restart: Restarting(operations, lambda _namespace: True),
                Cordon: Cordoning(operations, nodes),
                Drain: Draining(operations, nodes, lambda: self.now),
            },
            telling=JobTelling(ledger, lambda: self.now),
            progress=LoggedProgress(),
            clock=lambda: self.now,
        )

    def send(self, step: Step, *, seconds: int) -> None:
        self._sent.append((step, seconds))

    def step(self) -> bool:
        """Take the next step, if there is one."""
        if not self._sent:
            return False
        step, seconds = self._sent.pop(0)
        self.now += timedelta(seconds=seconds)
        self.stepping.step(step)
        return True

    @property
    def told(self) -> list[Entry]:
        items = self._tables.scan(TableName=LEDGER)["Items"]
        return sorted((from_item(item) for item in items), key=lambda entry: entry.at)


@pytest.fixture
def clockwork(operations: LightkubeOperations) -> Iterator[Clockwork]:
    with ExitStack() as stack:
        yield Clockwork(operations, stack.enter_context(dynamodb()))


def test_a_node_is_drained_to_the_end_though_a_budget_lets_one_pod_go_at_a_time(
    running: RunningCluster, clockwork: Clockwork
) -> None:
    names = ("web-1", "web-2", "web-3")
    for name in names:
        make_pod(running, name, terminationGracePeriodSeconds=0)
    make_pod(running, "agent-1", owner="DaemonSet")
    all_run(running, *names)
    make_budget(running, "web", 2)
    budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web"
    until(lambda: get(running, budget)["status"]["disruptionsAllowed"] == 1)
    clockwork.stepping.take(drain(node=NODE))
    assert get(running, f"/api/v1/nodes/{NODE}")["spec"]["unschedulable"] is True
    until(lambda: len(phases(running)) == 3)
    job = clockwork.jobs.find("d-1")
    assert job is not None
    assert "2 held back" in job.progress
    for made, left in (
        ("web-4", 1),
        ("web-5", 0),
    ):  # by its controller, elsewhere: the budget lets another go
        make_pod(running, made, nodeName="node-2")
        all_run(running, made)
        until(lambda: get(running, budget)["status"]["disruptionsAllowed"] == 1)
        assert clockwork.step()
        until_left(running, names, left)
    while clockwork.step():
        pass
    assert set(phases(running)) == {"agent-1", "web-4", "web-5"}
    assert [entry.reason for entry in clockwork.told] == ["NodeCordoned", "NodeDrained"]


def test_a_drain_that_is_refused_leaves_the_node_as_it_was(
    running: RunningCluster, clockwork: Clockwork
) -> None:
    make_pod(running, "bare-1", owner="")
    clockwork.stepping.take(drain(node=NODE))
    assert not clockwork.step()
    assert "unschedulable" not in get(running, f"/api/v1/nodes/{NODE}")["spec"]
    assert [entry.reason for entry in clockwork.told] == ["NotEvictable"]


# ------------------------------------------------------------ the state table
def test_of_two_who_write_a_job_one_gets_it(clockwork: Clockwork) -> None:
    jobs = clockwork.jobs
    first = begun(drain(), now=START, lasting=timedelta(minutes=1))
    assert jobs.find("d-1") is None
    assert jobs.write(first, instead_of=None)
    assert not jobs.write(first, instead_of=None)
    second = changed(first, number=2, progress="further")
    assert jobs.write(second, instead_of=first)
    assert not jobs.write(changed(first, progress="other"), instead_of=first)
    assert jobs.find("d-1") == second
