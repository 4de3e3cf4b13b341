"""The API server's JSON as values, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.kubernetes.resources import autoscaler_in, event_on, size_patch, whole, workload_in
from bellhop.scaling.decision import Size
from bellhop.scaling.status import Hold, LastDecision, PastChange, Phase, Status
from bellhop.scaling.workload import Autoscaler, Remark, Workload
from local.cluster.patches import merge_patch

NOW = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
WEB = Workload("shop", "Deployment", "web", "uid-1", "200", Size(4, 3))


def hpa(*, spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "queue"}
    return {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "uid-2",
            "resourceVersion": "7",
            **metadata,
        },
        "spec": {"scaleTargetRef": target, "maxReplicas": 10, **(spec or {})},
    }


@pytest.mark.parametrize(
    ("spec", "status", "size"),
    [
        ({"replicas": 4}, {"replicas": 4, "readyReplicas": 3}, Size(4, 3)),
        ({}, {}, Size(0, 0)),
        ({"replicas": 2}, None, Size(2, 0)),
    ],
)
def test_what_is_left_out_of_a_workload_is_zero(
    spec: dict[str, Any], status: dict[str, Any] | None, size: Size
) -> None:
    metadata = {"name": "web", "uid": "u", "resourceVersion": "1"}
    resource = {"metadata": metadata, "spec": spec} | ({} if status is None else {"status": status})
    found = workload_in("shop", "Deployment", resource)
    assert (found.size, found.ceiling) == (size, None)


def test_an_autoscalers_min_replicas_are_one_when_left_out() -> None:
    found = workload_in("shop", "HorizontalPodAutoscaler", hpa())
    assert (found.size, found.floor, found.ceiling) == (Size(replicas=1, ready=0), 0, 10)
    assert (found.uid, found.resource_version) == ("uid-2", "7")


def test_a_patch_names_the_field_that_is_the_size_and_the_precondition() -> None:
    assert size_patch(WEB, 6) == {"metadata": {"resourceVersion": "200"}, "spec": {"replicas": 6}}
    found = workload_in("shop", "HorizontalPodAutoscaler", hpa())
    assert size_patch(found, 6) == {"metadata": {"resourceVersion": "7"}, "spec": {"minReplicas": 6}}


KEDA_OWNER = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "jobs", "uid": "u"}


@pytest.mark.parametrize(
    ("metadata", "keda"),
    [
        ({}, ""),
        ({"labels": {"app": "web"}}, ""),
        ({"labels": {"scaledobject.keda.sh/name": "jobs"}}, "jobs"),
        # Its label was excluded, as KEDA's hpa-excluded-labels allows; its owner cannot be.
        ({"ownerReferences": [KEDA_OWNER]}, "jobs"),
        ({"ownerReferences": [{**KEDA_OWNER, "apiVersion": "example.com/v1"}]}, ""),
        ({"ownerReferences": [{**KEDA_OWNER, "kind": "Widget", "apiVersion": "keda.sh/v1"}]}, ""),
    ],
)
def test_an_autoscaler_that_keda_made_names_its_scaled_object(metadata: dict[str, Any], keda: str) -> None:
    assert autoscaler_in(hpa(**metadata)) == Autoscaler("shop", "web", "StatefulSet", "queue", keda)


def test_an_events_times_are_whole_seconds_in_utc() -> None:
    there = NOW.replace(microsecond=999_999).astimezone(timezone(timedelta(hours=2)))
    event = event_on(WEB, Remark("id", "Scaled", "m"), now=there)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-20T09:00:00Z"


def test_an_event_on_what_is_not_in_the_clusters_api_says_only_what_is_known() -> None:
    group = Workload("platform", "NodeGroup", "workers", "arn:aws:eks:x", "", Size(3, 3))
    event = event_on(group, Remark("id", "Scaled", "m"), now=NOW)
    assert event["involvedObject"] == {
        "kind": "NodeGroup",
        "name": "workers",
        "namespace": "platform",
        "uid": "arn:aws:eks:x",
    }


@given(name=st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", fullmatch=True), message=st.text())
def test_an_event_is_within_the_apis_limits(name: str, message: str) -> None:
    workload = Workload("shop", "Deployment", name, "u", "1", Size(1, 1))
    event = event_on(workload, Remark("0123456789abcdef" * 2, "Scaled", message), now=NOW)
    assert len(event["metadata"]["name"]) <= 253
    assert event["metadata"]["name"].endswith(".0123456789abcdef")
    assert event["metadata"]["namespace"] == event["involvedObject"]["namespace"]
    assert message.startswith(event["message"])
    assert len(event["message"].encode()) <= 1024


def test_a_message_is_cut_between_characters() -> None:
    event = event_on(WEB, Remark("id", "Scaled", "é" * 1000), now=NOW)
    assert event["message"] == "é" * 512
    event = event_on(WEB, Remark("id", "Scaled", "x" + "é" * 1000), now=NOW)
    assert event["message"] == "x" + "é" * 511


MOMENTS = st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))
HOLDS = st.builds(Hold, by=st.sampled_from("ab"), until=MOMENTS, replicas=st.integers(0, 3))
STATUSES = st.builds(
    Status,
    current_replicas=st.none() | st.integers(0, 3),
    slot=st.none() | MOMENTS,
    last_scale_time=st.none() | MOMENTS,
    hold=st.none() | HOLDS,
    last_decision=st.none()
    | st.builds(
        LastDecision,
        cause=st.just("c"),
        actor=st.just("alarm a"),
        at=MOMENTS,
        current=st.integers(0, 3),
        desired=st.integers(0, 3),
        reason=st.just("r"),
        because=st.just("b"),
        phase=st.sampled_from(Phase),
        owner=st.just("o"),
        lease_until=MOMENTS,
        target_uid=st.just("u"),
        working=st.sampled_from([(), ("one",)]),
        dry=st.booleans(),
    ),
    scale_events=st.lists(st.builds(PastChange, at=MOMENTS, change=st.integers(-2, 2)), max_size=2).map(
        tuple
    ),
)


@given(old=STATUSES, new=STATUSES)
def test_a_whole_patch_leaves_nothing_of_the_old(old: Status, new: Status) -> None:
    assert merge_patch(msgspec.to_builtins(old), whole(new)) == msgspec.to_builtins(new)
