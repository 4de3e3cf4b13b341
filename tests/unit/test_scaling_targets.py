"""What a policy may size: two policies for one target, other autoscalers, node groups, targets with bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from bellhop.alarms.alarm import Datapoint
from bellhop.errors import BusyError, RefusedError
from bellhop.ledger import Outcome
from bellhop.scaling.decision import Size
from bellhop.scaling.spec import NodeGroup, ScaleTargetRef
from bellhop.scaling.workload import Autoscaler, Workload
from reconcile import LEASE
from tests.unit.scaling_world import START, World, alarm, request, world

MINUTE = timedelta(minutes=1)


def only_entry(of: World) -> tuple[str, str, str]:
    (entry,) = of.told
    return entry.outcome, entry.reason, entry.because


def node_group(*, namespace: str = "infra", scale_down: bool = False, raise_max: bool = False) -> World:
    it = world(
        scale_target_ref=None,
        node_group=NodeGroup(name="workers", scale_down=scale_down, raise_max_size=raise_max),
    )
    it.policy = msgspec.structs.replace(it.policy, namespace=namespace)
    it.workload = Workload(namespace, "NodeGroup", "workers", "arn", "1", Size(4, 4), floor=2, ceiling=5)
    return it


# ------------------------------------------------------------ two policies
def test_of_two_policies_for_one_target_the_younger_is_refused_by_the_elders_name() -> None:
    it = world()
    it.policy = msgspec.structs.replace(it.policy, created="2026-11-20T08:00:01Z")
    elder = msgspec.structs.replace(
        it.policy, name="first", uid="policy-0", created="2026-11-20T08:00:00Z", resource_version="7"
    )
    it.others.append(elder)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]
    refusal = [e for e in it.told if e.outcome is Outcome.REFUSED]
    assert [e.reason for e in refusal] == ["TargetTaken"]
    assert "policy shop/first is older" in refusal[0].because


def test_policies_for_different_targets_do_not_meet() -> None:
    it = world()
    spec = msgspec.structs.replace(
        it.policy.spec, scale_target_ref=ScaleTargetRef(kind="StatefulSet", name="web")
    )
    it.others.append(msgspec.structs.replace(it.policy, name="a", uid="policy-0", spec=spec))
    it.by_alarm().take(alarm(), owner="a")
    assert not [e for e in it.told if e.outcome is Outcome.REFUSED]


# ------------------------------------------------------------ other autoscalers
@pytest.mark.parametrize(("keda", "hint"), [("", "minReplicas"), ("web-scaler", "ScaledObject web-scaler")])
def test_a_workload_that_an_autoscaler_owns_is_refused_by_its_name(keda: str, hint: str) -> None:
    it = world()
    it.autoscaled = [Autoscaler("shop", "web-hpa", "Deployment", "web", keda)]
    it.by_alarm().take(alarm(), owner="a")
    outcome, reason, because = only_entry(it)
    assert (outcome, reason) == ("refused", "OwnedByAutoscaler")
    assert "HorizontalPodAutoscaler shop/web-hpa sizes Deployment shop/web" in because
    assert hint in because
    assert it.writes == []


def test_by_hand_too() -> None:
    it = world()
    it.autoscaled = [Autoscaler("shop", "web-hpa", "Deployment", "web")]
    it.by_hand().take(request(), owner="a")
    assert only_entry(it)[1] == "OwnedByAutoscaler"
    assert it.writes == []


def test_autoscalers_of_other_workloads_are_none_of_it() -> None:
    it = world()
    it.autoscaled = [
        Autoscaler("shop", "a", "StatefulSet", "web"),
        Autoscaler("other", "b", "Deployment", "web"),
        Autoscaler("shop", "c", "Deployment", "web2"),
    ]
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]


def test_an_autoscalers_minimum_is_moved_within_its_own_maximum() -> None:
    it = world(scale_target_ref=ScaleTargetRef(kind="HorizontalPodAutoscaler", name="web"))
    it.workload = Workload(
        "shop", "HorizontalPodAutoscaler", "web", "hpa-1", "1", Size(replicas=2, ready=4), ceiling=5
    )
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(2, 5)]
    assert it.told[0].reason == "TooManyReplicas"


def test_kedas_own_autoscaler_is_refused_for_it_sets_its_minimum_back() -> None:
    it = world(scale_target_ref=ScaleTargetRef(kind="HorizontalPodAutoscaler", name="keda-hpa-web"))
    it.autoscaled = [Autoscaler("shop", "keda-hpa-web", "Deployment", "web", "web")]
    it.by_alarm().take(alarm(), owner="a")
    assert only_entry(it)[1] == "OwnedByAutoscaler"
    assert "minReplicaCount" in only_entry(it)[2]


def test_limits_that_lie_outside_the_targets_own_are_refused() -> None:
    it = world(scale_target_ref=ScaleTargetRef(kind="HorizontalPodAutoscaler", name="web"), min_replicas=6)
    it.workload = Workload("shop", "HorizontalPodAutoscaler", "web", "hpa-1", "1", Size(2, 4), ceiling=5)
    it.by_alarm().take(alarm(), owner="a")
    assert only_entry(it)[1] == "LimitsContradict"


# ------------------------------------------------------------ node groups
def test_a_node_group_grows_within_its_own_maximum() -> None:
    it = node_group()
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 5)]


def test_its_maximum_is_raised_only_where_the_policy_allows_it() -> None:
    it = node_group(raise_max=True)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]


@pytest.mark.parametrize(("allowed", "writes"), [(False, []), (True, [(4, 2)])])
def test_it_shrinks_only_where_the_policy_allows_it(allowed: bool, writes: list[tuple[int, int]]) -> None:
    it = node_group(scale_down=allowed)
    it.value = Datapoint(10.0, START - MINUTE)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == writes


def test_only_the_one_namespace_sizes_node_groups() -> None:
    it = node_group(namespace="shop")
    it.by_alarm().take(alarm(), owner="a")
    outcome, reason, because = only_entry(it)
    assert (outcome, reason) == ("refused", "NamespaceNotAllowed")
    assert "NodeGroupNamespace" in because


def test_while_eks_changes_it_it_is_left_alone_and_looked_at_again() -> None:
    it = node_group()
    it.workload = replace(it.workload_now(), settling="node group workers is UPDATING")
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "Settling"
    it.workload = replace(it.workload_now(), settling="")
    it.alarms["web-cpu-high"] = alarm()
    it.follow_ups(START + MINUTE)
    assert it.writes == [(4, 5)]


def test_a_node_group_that_became_busy_meanwhile_is_tried_again() -> None:
    it = node_group()
    it.failures["scale"] = [BusyError("UPDATING", retry_after=30)]
    with pytest.raises(BusyError):
        it.by_alarm().take(alarm(), owner="a")
    it.now += LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="b")
    assert it.writes == [(4, 5)]
    assert it.told[0].because.endswith("an earlier attempt ended before its write")


@pytest.mark.parametrize("code", ["NodeGroupDegraded", "OwnedByClusterAutoscaler", "NodeGroupNotAllowed"])
def test_a_node_group_that_may_not_be_sized_is_refused(code: str) -> None:
    it = node_group()
    it.failures["read workload"] = [RefusedError(code, "not this one")]
    it.by_alarm().take(alarm(), owner="a")
    assert only_entry(it)[:2] == ("refused", code)


def test_a_node_group_gets_no_kubernetes_event() -> None:
    it = node_group()
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes
    assert it.remarks == {}


# ------------------------------------------------------------ Kubernetes Events
def test_a_change_is_an_event_on_its_target() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    (remark,) = it.remarks.values()
    assert (remark.reason, remark.warning) == ("SuccessfulRescale", False)
    assert "4 -> 6 replicas" in remark.message
    assert "alarm web-cpu-high" in remark.message


def test_an_event_that_cannot_be_written_takes_nothing_back() -> None:
    it = world()
    it.failures["remark"] = [RefusedError("Forbidden", "403")]
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told] == [Outcome.DONE]
