"""What the API server says of workloads, nodes and pods, as jobs see it: kubectl's rules."""

from __future__ import annotations

from typing import Any

import pytest

from bellhop.jobs.cluster import Node, Pod
from bellhop.kubernetes.rollouts import cordon_patch, node_in, pod_in, restart_patch, restartable_in


def resource(spec: dict[str, Any], status: dict[str, Any], *, generation: int = 2) -> dict[str, Any]:
    metadata = {"name": "web", "uid": "u", "resourceVersion": "7", "generation": generation}
    return {"metadata": metadata, "spec": {"template": {}, **spec}, "status": status}


SEEN = {"observedGeneration": 2}
TIMED_OUT = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}
BELOW = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "done", "said"),
    [
        ("Deployment", {"replicas": 3}, {}, False, "its controller has not seen the change yet"),
        ("Deployment", {"replicas": 3}, SEEN | {"updatedReplicas": 1}, False, "1 of 3 pods new, 0 available"),
        (
            "Deployment",
            {"replicas": 3},
            SEEN | {"updatedReplicas": 3, "replicas": 4, "availableReplicas": 4},
            False,
            "1 old pods are ending",
        ),
        (
            "Deployment",
            {"replicas": 3},
            SEEN | {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 2},
            False,
            "3 of 3 pods new, 2 available",
        ),
        (
            "Deployment",
            {"replicas": 3},
            SEEN | {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3},
            True,
            "3 of 3 pods new, 3 available",
        ),
        ("Deployment", {"replicas": 0}, SEEN, True, "0 of 0 pods new, 0 available"),
        (
            "StatefulSet",
            {"replicas": 3},
            SEEN | {"updatedReplicas": 3, "readyReplicas": 2},
            False,
            "3 of 3 pods new, 2 of 3 ready",
        ),
        (
            "StatefulSet",
            {"replicas": 3},
            SEEN | {"updatedReplicas": 3, "readyReplicas": 3},
            True,
            "3 of 3 pods new, 3 of 3 ready",
        ),
        (
            "StatefulSet",
            {"replicas": 3, **BELOW},
            SEEN | {"readyReplicas": 3},
            False,
            "0 of 1 pods new, 3 of 3 ready",
        ),
        (
            "StatefulSet",
            {"replicas": 3, **BELOW},
            SEEN | {"updatedReplicas": 1, "readyReplicas": 3},
            True,
            "1 of 1 pods new, 3 of 3 ready",
        ),
        (
            "DaemonSet",
            {},
            SEEN | {"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 3},
            False,
            "4 of 4 pods new, 3 available",
        ),
        (
            "DaemonSet",
            {},
            SEEN | {"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 4},
            True,
            "4 of 4 pods new, 4 available",
        ),
    ],
)
def test_how_far_a_rollout_is(
    kind: str, spec: dict[str, Any], status: dict[str, Any], done: bool, said: str
) -> None:
    rollout = restartable_in("shop", kind, resource(spec, status)).rollout
    assert (rollout.done, rollout.stalled, rollout.said) == (done, False, said)


def test_a_rollout_over_its_deadline_is_stalled_once_the_change_was_seen() -> None:
    status = {"conditions": [TIMED_OUT], "observedGeneration": 2}
    assert restartable_in("shop", "Deployment", resource({}, status)).rollout.stalled
    older = resource({}, status, generation=3)
    assert not restartable_in("shop", "Deployment", older).rollout.stalled


@pytest.mark.parametrize(
    ("kind", "spec", "code"),
    [
        ("Deployment", {"paused": True}, "Paused"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
        ("Deployment", {}, None),
        ("StatefulSet", {}, None),
    ],
)
def test_what_a_restart_would_not_replace(kind: str, spec: dict[str, Any], code: str | None) -> None:
    hindrance = restartable_in("shop", kind, resource(spec, {})).hindrance
    assert (hindrance and hindrance.code) == code


def test_a_restart_is_written_as_kubectl_writes_it_and_read_back() -> None:
    workload = restartable_in("shop", "Deployment", resource({}, {}))
    assert workload.restarted_at == ""
    patch = restart_patch(workload, "2026-11-20T09:00:00Z")
    assert patch["metadata"] == {"resourceVersion": "7"}
    written = resource({"template": patch["spec"]["template"]}, {})
    assert restartable_in("shop", "Deployment", written).restarted_at == "2026-11-20T09:00:00Z"


def test_a_node_is_addressed_by_its_uid() -> None:
    metadata = {"name": "n1", "uid": "u"}
    assert node_in({"metadata": metadata, "spec": {"unschedulable": True}}) == Node("n1", "u", True)
    assert node_in({"metadata": metadata}) == Node("n1", "u", False)
    patch = cordon_patch(Node("n1", "u", True), on=False)
    assert patch == {"metadata": {"uid": "u"}, "spec": {"unschedulable": None}}


def test_a_pod_is_read_with_all_that_decides_its_fate() -> None:
    metadata: dict[str, Any] = {"namespace": "shop", "name": "p", "uid": "u"}
    assert pod_in({"metadata": metadata, "spec": {}}) == Pod("shop", "p", "u")
    owners = [{"kind": "Node"}, {"kind": "Job", "controller": True}]
    full = {
        "metadata": metadata
        | {
            "ownerReferences": owners,
            "annotations": {"kubernetes.io/config.mirror": "x"},
            "deletionTimestamp": "2026-11-20T09:00:00Z",
        },
        "spec": {"volumes": [{"name": "a", "hostPath": {}}, {"name": "b", "emptyDir": {}}]},
        "status": {"phase": "Succeeded"},
    }
    assert pod_in(full) == Pod(
        "shop", "p", "u", controller="Job", mirror=True, empty_dir=True, finished=True, leaving=True
    )
