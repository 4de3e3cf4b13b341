"""The real kubectl against the stand-in. Without a kubectl on PATH these fail; they are never skipped."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.cluster.running import running_cluster

MANIFESTS = Path(__file__).parent / "manifests"
type Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Runs kubectl as administrator, against a cluster where the manifests are applied."""
    home = tmp_path_factory.mktemp("kubectl-home")
    with running_cluster(pod_start_seconds=0.1) as running:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECONFIG": str(running.kubeconfig_file),
        }

        def run(*arguments: str, fails: bool = False) -> str:
            done = subprocess.run(
                ["kubectl", *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert (done.returncode != 0) == fails, done.stdout + done.stderr
            return done.stdout + done.stderr

        for name in ("crd", "rbac", "workloads", "policy"):
            run("apply", "-f", str(MANIFESTS / f"{name}.yaml"))
        yield run


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line.strip()]


def test_manifests_apply_in_one_go_and_a_second_time_unchanged(kubectl: Kubectl) -> None:
    files = [
        part for name in ("crd", "rbac", "workloads") for part in ("-f", str(MANIFESTS / f"{name}.yaml"))
    ]

    told = kubectl("apply", *files).splitlines()

    assert len(told) == 6
    assert all(line.endswith(" unchanged") for line in told), told


def test_get_shows_short_names_printer_columns_and_all_namespaces(kubectl: Kubectl) -> None:
    kubectl("rollout", "status", "deploy/web", "-n", "shop", "--timeout=10s")

    rows = _rows(kubectl("get", "bsp,deploy", "-A"))

    assert rows[0] == ["NAMESPACE", "NAME", "TARGET", "MAX", "READY", "AGE"]
    assert rows[1][:4] == ["shop", "scalingpolicy.bellhop.dev/web", "web", "10"]
    assert rows[2] == ["NAMESPACE", "NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert rows[3][:5] == ["shop", "deployment.apps/web", "2/2", "2", "2"]


def test_describe_shows_a_custom_resource_with_its_defaults(kubectl: Kubectl) -> None:
    told = kubectl("describe", "bsp", "web", "-n", "shop")

    assert "Max Replicas:  10" in told
    assert "Min Replicas:  1" in told
    assert "Alarm:   web-cpu-high" in told


def test_scale_is_followed_by_status_and_rollout_status_sees_it(kubectl: Kubectl) -> None:
    assert "statefulset.apps/db scaled" in kubectl("scale", "sts/db", "-n", "shop", "--replicas=3")

    kubectl("rollout", "status", "sts/db", "-n", "shop", "--timeout=10s")

    status = json.loads(kubectl("get", "sts/db", "-n", "shop", "-o", "json"))["status"]
    assert (status["replicas"], status["readyReplicas"]) == (3, 3)


def test_scale_of_a_deployment_is_refused_when_the_precondition_fails(kubectl: Kubectl) -> None:
    arguments = ("scale", "deploy/web", "-n", "shop", "--replicas=9", "--current-replicas=7")

    assert "Expected replicas to be 7" in kubectl(*arguments, fails=True)


def test_wait_follows_a_condition(kubectl: Kubectl) -> None:
    crd = "crd/scalingpolicies.bellhop.dev"

    assert "condition met" in kubectl("wait", "--for=condition=established", crd, "--timeout=10s")


def test_events_are_listed_with_their_columns(kubectl: Kubectl, tmp_path: Path) -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "web.", "namespace": "shop"},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"},
        "reason": "Scaled",
        "message": "2 -> 4",
        "type": "Normal",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    kubectl("create", "-f", str(file))

    rows = _rows(kubectl("get", "events", "-n", "shop"))

    assert rows[0] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert rows[1][1:] == ["Normal", "Scaled", "deployment/web", "2", "->", "4"]


def test_describe_shows_the_events_of_a_workload(kubectl: Kubectl, tmp_path: Path) -> None:
    uid = json.loads(kubectl("get", "deploy/web", "-n", "shop", "-o", "json"))["metadata"]["uid"]
    about = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop", "uid": uid}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "web.held", "namespace": "shop"},
        "involvedObject": about,
        "reason": "Held",
        "message": "cooldown",
        "type": "Normal",
        "source": {"component": "bellhop"},
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    kubectl("create", "-f", str(file))

    rows = _rows(kubectl("describe", "deploy", "web", "-n", "shop").partition("Events:")[2])

    (told,) = [row for row in rows if row[:2] == ["Normal", "Held"]]
    assert told[3:] == ["bellhop", "cooldown"]


def test_autoscalers_have_their_columns(kubectl: Kubectl) -> None:
    kubectl("autoscale", "deployment/web", "-n", "shop", "--min=2", "--max=5", "--cpu-percent=70")

    rows = _rows(kubectl("get", "hpa", "-n", "shop"))

    assert rows[0] == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert rows[1][:5] == ["web", "Deployment/web", "<unknown>/70%", "2", "5"]


def test_explain_describes_every_level_of_a_custom_kind(kubectl: Kubectl) -> None:
    assert "How one workload scales." in kubectl("explain", "scalingpolicy")
    assert "Never more than these." in kubectl("explain", "scalingpolicy.spec")
    assert "weight\t<integer>" in kubectl("explain", "scalingpolicy.spec.triggers")


def test_explain_knows_the_custom_schema(kubectl: Kubectl) -> None:
    told = kubectl("explain", "bsp.spec.maxReplicas")

    assert "FIELD: maxReplicas <integer>" in told
    assert "Never more than these." in told


def test_apply_refuses_a_field_that_the_schema_does_not_know(kubectl: Kubectl, tmp_path: Path) -> None:
    text = (MANIFESTS / "policy.yaml").read_text().replace("maxReplicas:", "maxReplicaz: 1\n  maxReplicas:")
    file = tmp_path / "typo.yaml"
    file.write_text(text.replace("name: web\n  namespace", "name: typo\n  namespace"))

    assert 'unknown field "spec.maxReplicaz"' in kubectl("apply", "-f", str(file), fails=True)


def test_apply_tells_every_broken_rule_of_the_schema(kubectl: Kubectl, tmp_path: Path) -> None:
    text = (MANIFESTS / "policy.yaml").read_text()
    file = tmp_path / "broken.yaml"
    file.write_text(
        text.replace("maxReplicas: 10", "maxReplicas: 0").replace("kind: Deployment", "kind: Job")
    )

    told = kubectl("apply", "-f", str(file), fails=True)

    assert 'spec.scaleTargetRef.kind: Unsupported value: "Job"' in told
    assert "should be greater than or equal to 1" in told


def test_a_drain_evicts_the_pods_of_a_node(kubectl: Kubectl, tmp_path: Path) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "image": "example.com/web:1.2.3"}]},
    }
    file = tmp_path / "node.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [node, pod]}))
    kubectl("apply", "-f", str(file))
    kubectl("wait", "--for=condition=Ready", "pod/web-1", "-n", "shop", "--timeout=10s")

    assert "pod/web-1 evicted" in kubectl("drain", "node-1", "--force", "--timeout=20s")

    assert "SchedulingDisabled" in kubectl("get", "nodes")
    assert "No resources found" in kubectl("get", "pods", "-n", "shop")


def test_what_newer_kubectls_send_as_protobuf_is_understood(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "extra")
    kubectl("create", "secret", "generic", "s", "-n", "extra", "--from-literal=key=value")
    kubectl(
        "create", "deployment", "d", "-n", "extra", "--image=example.com/d:1", "--replicas=2", "--port=80"
    )
    kubectl("autoscale", "deployment/d", "-n", "extra", "--min=2", "--max=5", "--cpu-percent=70")

    assert kubectl("auth", "can-i", "delete", "pods").strip() == "yes"
    items = json.loads(kubectl("get", "secret/s", "deploy/d", "hpa/d", "-n", "extra", "-o", "json"))["items"]

    secret, deployment, autoscaler = items
    assert secret["data"] == {"key": "dmFsdWU="}
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert (deployment["spec"]["replicas"], container["ports"][0]["containerPort"]) == (2, 80)
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (2, 5)


def test_delete_waits_until_the_object_is_gone(kubectl: Kubectl) -> None:
    copy = ("create", "-f", str(MANIFESTS / "policy.yaml"), "--dry-run=server", "-o", "name")
    assert "AlreadyExists" in kubectl(*copy, fails=True)

    assert 'scalingpolicy.bellhop.dev "web" deleted' in kubectl("delete", "bsp", "web", "-n", "shop")

    assert "scalingpolicy.bellhop.dev/web" in kubectl(*copy)
    assert 'scalingpolicies.bellhop.dev "web" not found' in kubectl(
        "get", "bsp", "web", "-n", "shop", fails=True
    )
    kubectl("create", "-f", str(MANIFESTS / "policy.yaml"))
