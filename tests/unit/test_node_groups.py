"""Node groups: every refusal, and that a size is set within EKS's own rules, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError
from bellhop.kubernetes.errors import ForbiddenError, InvalidError, NotFoundError
from bellhop.scaling.decision import Size
from bellhop.scaling.workload import Workload
from node_groups import EksNodeGroups
from tests.unit.eks_double import ARN, FakeEks, client_error


def node_groups(
    eks: object, *, allowed: Callable[[str], bool] = lambda name: name in {"workers", "gone"}
) -> EksNodeGroups:
    return EksNodeGroups(eks=lambda: eks, cluster="demo", allowed=allowed)


def test_a_group_is_read_with_its_size_and_bounds() -> None:
    assert node_groups(FakeEks()).read("workers") == Workload(
        namespace="",
        kind="NodeGroup",
        name="workers",
        uid=ARN,
        resource_version="",
        size=Size(replicas=3, ready=3),
        floor=1,
        ceiling=6,
    )


@pytest.mark.parametrize("status", ["CREATING", "UPDATING"])
def test_a_group_that_is_being_changed_is_settling(status: str) -> None:
    group = node_groups(FakeEks(status=status)).read("workers")
    assert group.settling == f"node group workers is {status}"


def test_a_group_the_stack_does_not_name_is_refused_before_any_call() -> None:
    eks = FakeEks()
    groups = node_groups(eks, allowed=lambda _name: False)
    with pytest.raises(
        RefusedError, match="parameter NodeGroups does not name node group workers"
    ) as refused:
        groups.read("workers")
    assert refused.value.code == "NodeGroupNotAllowed"
    group = node_groups(eks).read("workers")
    with pytest.raises(RefusedError):
        groups.resize(group, 4, token="t", raise_ceiling=False)
    assert eks.calls == ["describe"]


def test_the_client_is_made_once_and_not_before_it_is_needed() -> None:
    made: list[FakeEks] = []

    def make() -> FakeEks:
        made.append(FakeEks())
        return made[-1]

    groups = EksNodeGroups(eks=make, cluster="demo", allowed=lambda _name: True)
    assert made == []
    groups.read("workers")
    groups.read("workers")
    assert len(made) == 1


@pytest.mark.parametrize("status", ["DEGRADED", "CREATE_FAILED", "DELETE_FAILED", "DELETING"])
def test_a_broken_group_is_refused_with_what_eks_says_of_it(status: str) -> None:
    eks = FakeEks(status=status, issues=("AsgInstanceLaunchFailures", "InsufficientFreeAddresses"))
    said = f"workers is {status}: AsgInstanceLaunchFailures, InsufficientFreeAddresses"
    with pytest.raises(RefusedError, match=said) as refused:
        node_groups(eks).read("workers")
    assert refused.value.code == "NodeGroupDegraded"


def test_a_broken_group_of_which_eks_says_nothing_is_refused_too() -> None:
    with pytest.raises(RefusedError, match="DEGRADED: EKS names no issue"):
        node_groups(FakeEks(status="DEGRADED")).read("workers")


@pytest.mark.parametrize(
    ("tags", "labels", "code"),
    [
        ({"k8s.io/cluster-autoscaler/enabled": "true"}, {}, "OwnedByClusterAutoscaler"),
        ({"k8s.io/cluster-autoscaler/demo": "owned"}, {}, "OwnedByClusterAutoscaler"),
        ({"karpenter.sh/discovery": "demo"}, {}, "OwnedByKarpenter"),
        ({}, {"karpenter.sh/controller": "true"}, "OwnedByKarpenter"),
    ],
)
def test_a_group_that_an_autoscaler_owns_is_refused_by_the_mark_it_has(
    tags: dict[str, str], labels: dict[str, str], code: str
) -> None:
    (mark,) = tags | labels
    with pytest.raises(RefusedError, match=mark) as refused:
        node_groups(FakeEks(tags=tags, labels=labels)).read("workers")
    assert refused.value.code == code


def test_other_tags_and_labels_do_not_matter() -> None:
    eks = FakeEks(tags={"bellhop:scale": "allowed", "k8s.io/other": "x"}, labels={"team": "karpenter.sh/"})
    assert node_groups(eks).read("workers").settling == ""


def test_a_group_is_resized_and_settles() -> None:
    eks = FakeEks()
    groups = node_groups(eks)
    groups.resize(groups.read("workers"), 5, token="t", raise_ceiling=False)
    assert (eks.least, eks.desired, eks.most) == (1, 5, 6)
    assert groups.read("workers").settling == "node group workers is UPDATING"


def test_the_same_token_is_the_same_update_also_while_it_runs() -> None:
    eks = FakeEks()
    groups = node_groups(eks)
    group = groups.read("workers")
    groups.resize(group, 5, token="t", raise_ceiling=False)
    groups.resize(group, 5, token="t", raise_ceiling=False)
    eks.status = "ACTIVE"
    groups.resize(group, 5, token="t", raise_ceiling=False)
    assert (eks.updates, eks.desired) == ({"t": {"desiredSize": 5}}, 5)


def test_another_update_waits_for_the_one_that_runs() -> None:
    eks = FakeEks()
    groups = node_groups(eks)
    group = groups.read("workers")
    groups.resize(group, 5, token="t", raise_ceiling=False)
    with pytest.raises(BusyError) as busy:
        groups.resize(group, 6, token="u", raise_ceiling=False)
    assert (busy.value.retry_after, eks.desired) == (30.0, 5)


def test_the_ceiling_is_raised_only_when_it_may_be() -> None:
    eks = FakeEks()
    groups = node_groups(eks)
    group = groups.read("workers")
    with pytest.raises(RefusedError, match="8 is not within 1 to 6") as refused:
        groups.resize(group, 8, token="t", raise_ceiling=False)
    assert (refused.value.code, eks.calls) == ("Invalid", ["describe"])
    groups.resize(group, 8, token="t", raise_ceiling=True)
    assert (eks.least, eks.desired, eks.most) == (1, 8, 8)


@pytest.mark.parametrize("raise_ceiling", [True, False])
def test_the_floor_is_never_moved(raise_ceiling: bool) -> None:
    eks = FakeEks(least=2)
    groups = node_groups(eks)
    with pytest.raises(RefusedError) as refused:
        groups.resize(groups.read("workers"), 1, token="t", raise_ceiling=raise_ceiling)
    assert (refused.value.code, eks.desired) == ("Invalid", 3)


def test_bounds_that_were_moved_after_the_read_stay_moved() -> None:
    eks = FakeEks()
    groups = node_groups(eks)
    group = groups.read("workers")
    eks.least, eks.most = 2, 4
    with pytest.raises(InvalidError):
        groups.resize(group, 5, token="t", raise_ceiling=False)
    groups.resize(group, 4, token="u", raise_ceiling=False)
    assert (eks.least, eks.desired, eks.most) == (2, 4, 4)


@given(
    bounds=st.lists(st.integers(0, 9), min_size=3, max_size=3).map(sorted).filter(lambda b: b[2] > 0),
    desired=st.integers(-2, 12),
    raise_ceiling=st.booleans(),
)
def test_sizes_stay_within_eks_rules_and_the_ceiling_unless_it_may_be_raised(
    bounds: list[int], desired: int, raise_ceiling: bool
) -> None:
    least, before, most = bounds
    eks = FakeEks(least=least, desired=before, most=most)
    groups = node_groups(eks)
    may = least <= desired and (desired <= most or raise_ceiling)
    try:
        groups.resize(groups.read("workers"), desired, token="t", raise_ceiling=raise_ceiling)
    except RefusedError:
        assert not may
        assert (eks.least, eks.desired, eks.most) == (least, before, most)
    else:
        assert may
        assert (eks.least, eks.desired) == (least, desired)
        assert eks.most == (max(most, desired) if raise_ceiling else most)


def test_a_group_that_is_gone_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="No node group found for name: gone"):
        node_groups(FakeEks()).read("gone")


@dataclass
class Failing:
    """EKS in trouble."""

    error: Exception

    def describe_nodegroup(self, **_given: str) -> None:
        raise self.error

    def update_nodegroup_config(self, **_given: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error("ResourceNotFoundException"), NotFoundError),
        (client_error("ResourceInUseException"), BusyError),
        (client_error("AccessDeniedException"), ForbiddenError),
        (client_error("AccessDenied"), ForbiddenError),
        (client_error("InvalidParameterException"), InvalidError),
        (client_error("InvalidRequestException"), InvalidError),
        (client_error("ClientException"), InvalidError),
        (client_error("ThrottlingException"), UnavailableError),
        (client_error("TooManyRequestsException"), UnavailableError),
        (client_error("ServerException"), UnavailableError),
        (client_error("ServiceUnavailableException"), UnavailableError),
        (client_error("ExpiredTokenException"), UnavailableError),
        (ConnectTimeoutError(endpoint_url="https://eks"), UnavailableError),
    ],
    ids=lambda given: getattr(given, "response", {}).get("Error", {}).get("Code", ""),
)
def test_what_eks_refuses_is_told_by_its_kind(error: Exception, expected: type[BellhopError]) -> None:
    groups = node_groups(Failing(error))
    with pytest.raises(expected, match="node group workers"):
        groups.read("workers")
    with pytest.raises(expected, match="size of node group workers"):
        groups.resize(node_groups(FakeEks()).read("workers"), 4, token="t", raise_ceiling=False)


def test_who_is_denied_is_told_of_the_tag() -> None:
    groups = node_groups(Failing(client_error("AccessDeniedException")))
    with pytest.raises(ForbiddenError, match="bellhop:scale=allowed"):
        groups.resize(node_groups(FakeEks()).read("workers"), 4, token="t", raise_ceiling=False)


def test_the_calls_are_eks_own() -> None:
    eks: Any = boto3.client("eks", region_name="eu-west-1")
    described = FakeEks().describe_nodegroup(clusterName="demo", nodegroupName="workers")
    asked = {"clusterName": "demo", "nodegroupName": "workers"}
    sizes = {"desiredSize": 8, "maxSize": 8}
    with Stubber(eks) as stub:
        stub.add_response("describe_nodegroup", described, asked)
        update = asked | {"scalingConfig": sizes, "clientRequestToken": "t"}
        stub.add_response("update_nodegroup_config", {"update": {"id": "u"}}, update)
        groups = node_groups(eks)
        groups.resize(groups.read("workers"), 8, token="t", raise_ceiling=True)
        stub.assert_no_pending_responses()
