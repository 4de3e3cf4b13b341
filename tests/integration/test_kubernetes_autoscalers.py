"""HorizontalPodAutoscalers and Events: `LightkubeCluster` against the stand-in, with the project's own RBAC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bellhop.errors import UnavailableError
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from bellhop.scaling.decision import Size
from bellhop.scaling.workload import Autoscaler, Remark, Workload
from local.cluster.running import RunningCluster
from tests.integration.kubernetes_world import (
    Entries,
    admin,
    asked,
    connected,
    order_fault,
    seeded_cluster,
)

HPAS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
EVENTS = "/api/v1/namespaces/shop/events"
NOW = datetime(2026, 11, 20, 9, 0, 0, 129000, tzinfo=UTC)
REMARK = Remark("0123456789abcdef0123456789abcdef", "Scaled", "4 -> 6: cpu 86 of 60")


@pytest.fixture
def entries() -> Entries:
    return Entries()


@pytest.fixture
def running(entries: Entries) -> Iterator[RunningCluster]:
    with seeded_cluster(entries) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: RunningCluster) -> Iterator[LightkubeCluster]:
    with connected(running) as cluster:
        yield cluster


def autoscaler(name: str = "web", *, target: str = "web", **metadata: object) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": 2,
            "maxReplicas": 10,
        },
    }


def apply(running: RunningCluster, manifest: dict[str, Any]) -> None:
    response = admin(running, "POST", HPAS, manifest)
    assert response.ok, response.text


def events(running: RunningCluster) -> list[dict[str, Any]]:
    return list(admin(running, "GET", EVENTS).json()["items"])


def test_autoscalers_are_listed_with_what_they_own_and_kept_for_a_while(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    apply(running, autoscaler())
    labels = {"scaledobject.keda.sh/name": "jobs"}
    apply(running, autoscaler("keda-hpa-jobs", target="jobs", labels=labels))
    found = cluster.autoscalers()
    assert sorted(found, key=lambda each: each.name) == [
        Autoscaler("shop", "keda-hpa-jobs", "Deployment", "jobs", "jobs"),
        Autoscaler("shop", "web", "Deployment", "web"),
    ]
    asked(running)
    assert cluster.autoscalers() == found
    assert asked(running) == []


def test_a_fresh_list_has_what_was_made_a_moment_ago(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    assert cluster.autoscalers() == []
    apply(running, autoscaler())
    assert cluster.autoscalers() == []
    assert [each.name for each in cluster.autoscalers(fresh=True)] == ["web"]
    assert [each.name for each in cluster.autoscalers()] == ["web"]


def test_no_autoscaler_is_kept_too(running: RunningCluster, cluster: LightkubeCluster) -> None:
    assert cluster.autoscalers() == []
    asked(running)
    assert cluster.autoscalers() == []
    assert asked(running) == []


def test_an_autoscaler_is_a_workload_whose_size_is_its_min_replicas(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    apply(running, autoscaler())
    status = {"status": {"currentReplicas": 3, "desiredReplicas": 3}}
    assert admin(running, "PATCH", f"{HPAS}/web/status", status).ok
    workload = cluster.workload("shop", "HorizontalPodAutoscaler", "web")
    assert (workload.size, workload.floor, workload.ceiling) == (Size(replicas=2, ready=3), 0, 10)
    assert workload.settling == ""


def test_min_replicas_are_moved_once_under_their_precondition(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    apply(running, autoscaler())
    workload = cluster.workload("shop", "HorizontalPodAutoscaler", "web")
    cluster.scale(workload, 6)
    with pytest.raises(ConflictError):
        cluster.scale(workload, 7)
    spec = admin(running, "GET", f"{HPAS}/web").json()["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (6, 10)
    assert cluster.workload("shop", "Deployment", "web").size.replicas == 4


def test_a_dry_run_of_min_replicas_is_validated_and_changes_nothing(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    apply(running, autoscaler())
    workload = cluster.workload("shop", "HorizontalPodAutoscaler", "web")
    cluster.scale(workload, 6, dry_run=True)
    assert cluster.workload("shop", "HorizontalPodAutoscaler", "web") == workload
    with pytest.raises(InvalidError):
        cluster.scale(workload, 11, dry_run=True)


def test_an_autoscaler_that_is_gone_is_not_found(cluster: LightkubeCluster) -> None:
    with pytest.raises(NotFoundError):
        cluster.workload("shop", "HorizontalPodAutoscaler", "web")


def test_a_remark_is_an_event_on_the_workload_written_once(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    cluster.remark(workload, REMARK, now=NOW)
    cluster.remark(workload, REMARK, now=NOW)
    (event,) = events(running)
    assert event["metadata"]["name"] == "web.0123456789abcdef"
    assert event["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "namespace": "shop",
        "uid": workload.uid,
        "resourceVersion": workload.resource_version,
    }
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Scaled", REMARK.message)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-20T09:00:00Z"
    assert event["source"] == {"component": "bellhop"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("bellhop", "bellhop")
    assert event["count"] == 1


def test_a_warning_on_an_autoscaler_is_one(running: RunningCluster, cluster: LightkubeCluster) -> None:
    apply(running, autoscaler())
    workload = cluster.workload("shop", "HorizontalPodAutoscaler", "web")
    cluster.remark(workload, Remark("id", "Failed", "no", warning=True), now=NOW)
    (event,) = events(running)
    assert event["type"] == "Warning"
    assert event["involvedObject"]["apiVersion"] == "autoscaling/v2"


def test_another_conflict_is_not_taken_for_an_event_that_exists(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    order_fault(running, method="POST", path="/events", action="status", status=409)
    with pytest.raises(ConflictError):
        cluster.remark(workload, REMARK, now=NOW)
    assert events(running) == []


def test_an_event_that_cannot_be_written_now_is_unavailable(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    order_fault(running, method="POST", path="/events", action="status", status=503, times=9)
    with pytest.raises(UnavailableError):
        cluster.remark(workload, REMARK, now=NOW)


def test_the_commands_group_may_neither_list_autoscalers_nor_write_events(
    running: RunningCluster, entries: Entries
) -> None:
    entries.group = "bellhop:commands"
    workload = Workload("shop", "Deployment", "web", "uid", "1", Size(4, 4))
    with connected(running) as commands:
        with pytest.raises(ForbiddenError):
            commands.autoscalers()
        with pytest.raises(ForbiddenError):
            commands.remark(workload, REMARK, now=NOW)
