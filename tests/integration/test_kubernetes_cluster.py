"""`LightkubeCluster` against the stand-in: the project's own manifests, a real EKS token, every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import boto3
import msgspec
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from bellhop.errors import ConfigError, RefusedError, UnavailableError
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.kubernetes.errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError
from bellhop.scaling.decision import Size
from bellhop.scaling.status import Status
from local.cluster.running import RunningCluster, write_certificate
from local.seeding import COLLECTIONS
from tests.integration.kubernetes_world import (
    STS,
    Entries,
    admin,
    asked,
    connected,
    create,
    order_fault,
    seeded_cluster,
)
from tests.unit.scaling_world import alarm, world


@pytest.fixture
def entries() -> Entries:
    return Entries()


@pytest.fixture
def running(entries: Entries) -> Iterator[RunningCluster]:
    with seeded_cluster(entries) as cluster:
        yield cluster


class Connect(Protocol):
    def __call__(self, running: RunningCluster, *, endpoint: str = "") -> LightkubeCluster: ...


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def make(running: RunningCluster, *, endpoint: str = "") -> LightkubeCluster:
            return stack.enter_context(connected(running, endpoint=endpoint))

        yield make


@pytest.fixture
def cluster(running: RunningCluster, connect: Connect) -> LightkubeCluster:
    return connect(running)


def test_policies_are_listed_and_kept_for_a_while(running: RunningCluster, cluster: LightkubeCluster) -> None:
    (found,), problems = cluster.policies()
    assert (found.namespace, found.name, found.target) == ("shop", "web", "shop/web")
    assert problems == []
    asked(running)
    assert cluster.policies() == ([found], [])
    assert asked(running) == []
    assert cluster.policies(fresh=True) == ([found], [])
    (seen,) = asked(running)
    assert (seen["verb"], seen["groups"][0]) == ("list", "bellhop:scaling")


def test_a_workload_is_read_with_its_size_and_precondition(cluster: LightkubeCluster) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    assert workload.size == Size(replicas=4, ready=0)
    assert workload.uid
    assert workload.resource_version
    assert cluster.workload("shop", "StatefulSet", "queue").size.replicas == 2


def test_replicas_left_out_are_zero(running: RunningCluster, cluster: LightkubeCluster) -> None:
    cluster.scale(cluster.workload("shop", "Deployment", "web"), 0)
    assert cluster.workload("shop", "Deployment", "web").size.replicas == 0


def test_scale_writes_once_under_its_precondition(cluster: LightkubeCluster) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    cluster.scale(workload, 6)
    with pytest.raises(ConflictError):
        cluster.scale(workload, 7)
    assert cluster.workload("shop", "Deployment", "web").size.replicas == 6


def test_a_dry_run_is_validated_and_changes_nothing(cluster: LightkubeCluster) -> None:
    workload = cluster.workload("shop", "Deployment", "web")
    cluster.scale(workload, 6, dry_run=True)
    assert cluster.workload("shop", "Deployment", "web").size.replicas == 4


def test_status_is_written_once_under_its_precondition(cluster: LightkubeCluster) -> None:
    policy = cluster.policy("shop", "web")
    written = cluster.write_status(policy, Status(current_replicas=4, desired_replicas=6))
    assert written.status.desired_replicas == 6
    with pytest.raises(ConflictError):
        cluster.write_status(policy, Status(desired_replicas=7))
    cleared = cluster.write_status(written, Status(current_replicas=4))
    assert cleared.status == cluster.policy("shop", "web").status == Status(current_replicas=4)


def test_a_whole_status_comes_back_as_it_was_written(cluster: LightkubeCluster) -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    written = cluster.write_status(cluster.policy("shop", "web"), it.policy.status)
    assert written.status == it.policy.status
    assert cluster.policy("shop", "web").status == it.policy.status


def test_what_is_missing_is_not_found(cluster: LightkubeCluster) -> None:
    with pytest.raises(NotFoundError, match='"nope" not found'):
        cluster.workload("shop", "Deployment", "nope")
    with pytest.raises(NotFoundError):
        cluster.policy("shop", "nope")


def test_a_group_without_rbac_is_forbidden_and_told_where_to_look(
    running: RunningCluster, entries: Entries, connect: Connect
) -> None:
    entries.group = "bellhop:commands"
    cluster = connect(running)
    cluster.policies()
    with pytest.raises(ForbiddenError, match="docs/deploying"):
        cluster.workload("shop", "Deployment", "web")


def test_a_role_without_an_access_entry_is_unauthorized(
    running: RunningCluster, entries: Entries, connect: Connect
) -> None:
    entries.group = None
    with pytest.raises(UnauthorizedError, match="access entry"):
        connect(running).policies()


def test_a_401_is_tried_once_more_with_a_new_token(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    cluster.policies()
    order_fault(running, method="GET", path="/policies|/scalingpolicies", action="status", status=401)
    assert cluster.policies(fresh=True)[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_unavailable(
    running: RunningCluster, cluster: LightkubeCluster, status: int
) -> None:
    order_fault(running, method="GET", path="/deployments/web", action="status", status=status, times=9)
    with pytest.raises(UnavailableError):
        cluster.workload("shop", "Deployment", "web")


def test_a_cluster_that_is_away_is_unavailable(running: RunningCluster, connect: Connect) -> None:
    with pytest.raises(UnavailableError, match="no answer from the API server"):
        connect(running, endpoint="https://127.0.0.1:9").policies()


def test_a_cluster_with_another_certificate_is_unavailable(
    running: RunningCluster, connect: Connect, tmp_path: Path
) -> None:
    _, _, other_ca = write_certificate(tmp_path)
    with pytest.raises(UnavailableError):
        connect(replace(running, ca_file=other_ca)).policies()


def test_a_policy_the_schema_let_through_is_told_and_the_others_are_read(
    running: RunningCluster, cluster: LightkubeCluster
) -> None:
    # As after an upgrade that tightened the schema: what is stored is not validated again.
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scalingpolicies.bellhop.dev"
    crd = admin(running, "GET", path).json()
    loose = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    loose["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert admin(running, "PUT", path, crd).ok
    create(
        running,
        {
            "apiVersion": "bellhop.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "bad", "namespace": "shop"},
            "spec": {"maxReplicas": "many"},
        },
    )
    found, problems = cluster.policies()
    assert [p.name for p in found] == ["web"]
    (problem,) = problems
    assert "policy shop/bad" in problem
    with pytest.raises(RefusedError):
        cluster.policy("shop", "bad")


def test_the_schema_refuses_what_it_can_at_apply_time(running: RunningCluster) -> None:
    manifest = {
        "apiVersion": "bellhop.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": "bad", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"kind": "DaemonSet", "name": "web"},
            "maxReplicas": 0,
            "triggers": [{"alarm": {"name": "a", "pattern": "b"}, "target": {"type": "Value", "value": 0}}],
        },
    }
    response = admin(running, "POST", COLLECTIONS["ScalingPolicy"].format(namespace="shop"), manifest)
    assert response.status_code == 422
    fields = {cause["field"] for cause in response.json()["details"]["causes"]}
    assert fields >= {
        "spec.scaleTargetRef.kind",
        "spec.maxReplicas",
        "spec.triggers[0].alarm",
        "spec.triggers[0].target.value",
    }


def test_endpoint_and_ca_are_asked_of_eks_when_the_settings_have_none(running: RunningCluster) -> None:
    with mock_aws():
        eks = boto3.client("eks", region_name="eu-west-1")
        role = "arn:aws:iam::123456789012:role/cluster"
        eks.create_cluster(name="demo", roleArn=role, resourcesVpcConfig={"subnetIds": []})
        described = eks.describe_cluster(name="demo")["cluster"]
        sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=STS)
        connection = Connection(ClusterSettings("demo"), sts=sts, eks=lambda: eks)
        assert connection._address() == (described["endpoint"], described["certificateAuthority"]["data"])


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_cluster_eks_does_not_describe_is_misconfigured(code: str) -> None:
    eks = boto3.client("eks", region_name="eu-west-1")
    sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=STS)
    with Stubber(eks) as stub:
        stub.add_client_error("describe_cluster", code)
        cluster = LightkubeCluster(Connection(ClusterSettings("demo"), sts=sts, eks=lambda: eks))
        with pytest.raises(ConfigError, match=f"{code}.*ClusterName"):
            cluster.policies()


def test_times_are_written_as_kubernetes_writes_them() -> None:
    moment = datetime(2026, 11, 20, 9, 0, 0, 129000, tzinfo=UTC)
    assert msgspec.to_builtins(Status(last_scale_time=moment)) == {
        "lastScaleTime": "2026-11-20T09:00:00.129000Z"
    }
