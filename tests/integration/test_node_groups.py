"""`EksNodeGroups` against moto's EKS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from bellhop.errors import RefusedError
from bellhop.kubernetes.errors import NotFoundError
from bellhop.scaling.decision import Size
from node_groups import EksNodeGroups

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient

ROLE = "arn:aws:iam::123456789012:role/eks"


@pytest.fixture
def eks() -> Iterator[EKSClient]:
    with mock_aws():
        client = boto3.client("eks", region_name="eu-west-1")
        client.create_cluster(name="demo", roleArn=ROLE, resourcesVpcConfig={"subnetIds": []})
        yield client


@pytest.fixture
def groups(eks: EKSClient) -> EksNodeGroups:
    return EksNodeGroups(eks=lambda: eks, cluster="demo", allowed=lambda name: name != "system")


def create(
    eks: EKSClient,
    name: str = "workers",
    *,
    tags: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> str:
    made = eks.create_nodegroup(
        clusterName="demo",
        nodegroupName=name,
        nodeRole=ROLE,
        subnets=["subnet-1"],
        scalingConfig={"minSize": 1, "desiredSize": 3, "maxSize": 6},
        tags={"bellhop:scale": "allowed"} if tags is None else tags,
        labels=labels or {},
    )
    return made["nodegroup"]["nodegroupArn"]


def sizes(eks: EKSClient) -> dict[str, int]:
    found = eks.describe_nodegroup(clusterName="demo", nodegroupName="workers")["nodegroup"]
    return {name: size for name, size in found["scalingConfig"].items() if isinstance(size, int)}


def test_a_group_is_read(eks: EKSClient, groups: EksNodeGroups) -> None:
    arn = create(eks)
    group = groups.read("workers")
    assert (group.kind, group.name, group.uid) == ("NodeGroup", "workers", arn)
    assert (group.size, group.floor, group.ceiling, group.settling) == (Size(3, 3), 1, 6, "")


def test_a_resize_moves_the_desired_size_alone(eks: EKSClient, groups: EksNodeGroups) -> None:
    create(eks)
    groups.resize(groups.read("workers"), 5, token="t", raise_ceiling=True)
    assert sizes(eks) == {"minSize": 1, "desiredSize": 5, "maxSize": 6}


def test_a_resize_above_the_ceiling_raises_it_when_it_may(eks: EKSClient, groups: EksNodeGroups) -> None:
    create(eks)
    with pytest.raises(RefusedError):
        groups.resize(groups.read("workers"), 8, token="t", raise_ceiling=False)
    assert sizes(eks) == {"minSize": 1, "desiredSize": 3, "maxSize": 6}
    groups.resize(groups.read("workers"), 8, token="t", raise_ceiling=True)
    assert sizes(eks) == {"minSize": 1, "desiredSize": 8, "maxSize": 8}


@pytest.mark.parametrize(
    ("tags", "labels", "code"),
    [
        ({"k8s.io/cluster-autoscaler/enabled": "true"}, {}, "OwnedByClusterAutoscaler"),
        ({"karpenter.sh/discovery": "demo"}, {}, "OwnedByKarpenter"),
        ({}, {"karpenter.sh/controller": "true"}, "OwnedByKarpenter"),
    ],
)
def test_a_group_that_an_autoscaler_owns_is_refused(
    eks: EKSClient, groups: EksNodeGroups, tags: dict[str, str], labels: dict[str, str], code: str
) -> None:
    create(eks, tags=tags, labels=labels)
    with pytest.raises(RefusedError) as refused:
        groups.read("workers")
    assert refused.value.code == code


def test_what_is_missing_is_not_found(eks: EKSClient, groups: EksNodeGroups) -> None:
    with pytest.raises(NotFoundError, match="nope"):
        groups.read("nope")
    elsewhere = EksNodeGroups(eks=lambda: eks, cluster="other", allowed=lambda _name: True)
    with pytest.raises(NotFoundError, match="No cluster found for name: other"):
        elsewhere.read("workers")


def test_a_group_the_stack_does_not_name_is_refused(eks: EKSClient, groups: EksNodeGroups) -> None:
    create(eks, "system")
    with pytest.raises(RefusedError) as refused:
        groups.read("system")
    assert refused.value.code == "NodeGroupNotAllowed"
