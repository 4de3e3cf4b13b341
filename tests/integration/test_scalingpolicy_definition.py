"""The ScalingPolicy's definition as a cluster takes it, with the real kubectl: refusals, columns, explanations."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cluster.running import RunningCluster, running_cluster
from tests.integration.kubernetes_world import ROOT, admin

POLICIES = "/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies"
DEFINITION = ROOT / "kubernetes/scalingpolicy.yaml"
SHOP = ROOT / "local/manifests/shop.yaml"
type Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RunningCluster]:
    with running_cluster(pod_start_seconds=None) as running:
        yield running


@pytest.fixture(scope="module")
def kubectl(cluster: RunningCluster, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Runs kubectl as administrator, against a cluster where the definition and the shop are applied."""
    home = tmp_path_factory.mktemp("kubectl-home")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(cluster.kubeconfig_file)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["kubectl", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("apply", "-f", str(DEFINITION))
    run("apply", "-f", str(SHOP))
    return run


def _policy(name: str, **changes: Any) -> dict[str, Any]:
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "maxReplicas": 12,
        "triggers": [{"alarm": {"name": "cpu"}, "target": {"type": "Value", "value": 60}}],
    }
    return {
        "apiVersion": "bellhop.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name},
        "spec": spec | changes,
    }


def test_the_definition_is_taken_as_it_is_and_unchanged_the_second_time(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", str(DEFINITION)).endswith(" unchanged\n")


def test_defaults_are_filled_in_and_behavior_is_left_to_bellhop(
    cluster: RunningCluster, kubectl: Kubectl
) -> None:
    made = admin(cluster, "POST", POLICIES, _policy("defaults", approval={"above": 6}))
    assert made.status_code == 201, made.text
    spec = made.json()["spec"]
    assert (spec["minReplicas"], spec["evaluateEverySeconds"], spec["activeFor"]) == (1, 15, "5h")
    assert (spec["paused"], spec["dryRun"]) == (False, False)
    assert spec["approval"] == {"above": 6, "expiresAfter": "30m", "lasts": "1h"}
    assert "behavior" not in spec


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"nodeGroup": {"name": "w"}}, "spec", "exactly one of scaleTargetRef and nodeGroup is needed"),
        ({"minReplicas": 13}, "spec.maxReplicas", "maxReplicas is below minReplicas"),
        (
            {"triggers": [{"alarm": {"name": "cpu"}}]},
            "spec.triggers[0]",
            "exactly one of target and steps is needed",
        ),
        (
            {
                "triggers": [
                    {
                        "alarm": {"name": "cpu"},
                        "steps": [
                            {"type": "Pods", "value": 1, "lowerBound": 0, "upperBound": 10},
                            {"type": "Pods", "value": 2, "lowerBound": 5},
                        ],
                    }
                ]
            },
            "spec.triggers[0].steps",
            "two bands overlap; let each begin where the one below it ends",
        ),
        ({"approval": {"above": 12}}, "spec.approval", "above must be from minReplicas to below maxReplicas"),
    ],
)
def test_a_contradiction_is_answered_422_with_the_field_and_what_to_do(
    cluster: RunningCluster, kubectl: Kubectl, changes: dict[str, Any], field: str, said: str
) -> None:
    answer = admin(cluster, "POST", POLICIES, _policy("wrong", **changes))
    assert answer.status_code == 422
    (cause,) = answer.json()["details"]["causes"]
    assert cause["field"] == field
    assert said in cause["message"]


def test_explain_says_what_a_field_is(kubectl: Kubectl) -> None:
    triggers = " ".join(kubectl("explain", "bsp.spec.triggers").split())
    assert "What rings, and what size its value asks for." in triggers
    bound = " ".join(kubectl("explain", "bsp.spec.triggers.steps.lowerBound").split())
    assert "Where the band begins, as a breach (0 is the threshold)" in bound


def test_get_shows_the_limits_and_the_last_decision(cluster: RunningCluster, kubectl: Kubectl) -> None:
    decision = {
        "cause": "1",
        "actor": "alarm:cpu",
        "at": "2026-11-20T09:00:00Z",
        "current": 4,
        "desired": 6,
        "reason": "DesiredWithinRange",
        "because": "cpu 86 of 60",
        "phase": "Done",
        "owner": "a",
        "leaseUntil": "2026-11-20T09:01:00Z",
        "targetUid": "u",
    }
    status = {"desiredReplicas": 6, "lastDecision": decision, "followUp": "2026-11-20T09:00:15Z"}
    written = admin(cluster, "PATCH", f"{POLICIES}/web/status", {"status": status})
    assert written.status_code == 200, written.text
    narrow, wide = (kubectl("get", "bsp", "web", "-n", "shop", *more) for more in ((), ("-o", "wide")))
    assert narrow.split()[:8] == ["NAME", "TARGET", "MIN", "MAX", "DESIRED", "REASON", "PAUSED", "AGE"]
    assert narrow.split()[8:15] == ["web", "web", "2", "12", "6", "DesiredWithinRange", "false"]
    assert "Deployment" in wide
    assert "cpu 86 of 60" in wide
    assert "2026-11-20T09:00:15Z" in wide


def test_the_shops_policy_is_stored_as_it_was_written(kubectl: Kubectl) -> None:
    written = next(d for d in yaml.safe_load_all(Path(SHOP).read_text()) if d["kind"] == "ScalingPolicy")
    stored = json.loads(kubectl("get", "bsp", "web", "-n", "shop", "-o", "json"))["spec"]
    assert stored | written["spec"] == stored
