"""What the recording does not show of the stand-in: dry runs, HPA v2, budgets, finalizers, watches, races."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import yaml

from local.cluster.answers import Value
from local.cluster.running import RunningCluster, running_cluster

MANIFESTS = Path(__file__).parent / "manifests"
SHOP = "/apis/apps/v1/namespaces/shop"
POLICIES = "/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies"
PODS = "/api/v1/namespaces/shop/pods"


def eventually[Found](look: Callable[[], Found], within: float = 5.0) -> Found:
    ends = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < ends, "did not come true in time"
        threading.Event().wait(0.01)
    return found


class Api:
    """The administrator's requests."""

    def __init__(self, running: RunningCluster, session: requests.Session) -> None:
        self.running = running
        self.session = session

    def send(self, method: str, path: str, body: Value = None, type_: str = "application/json") -> Value:
        data = None if body is None else json.dumps(body)
        answer = self.session.request(
            method, self.running.url + path, data=data, headers={"Content-Type": type_}, timeout=10
        )
        return answer.json()

    def merge(self, path: str, body: Value) -> Value:
        return self.send("PATCH", path, body, "application/merge-patch+json")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with running_cluster(pod_start_seconds=0.02) as running, requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        session.headers["Authorization"] = f"Bearer {running.admin_token}"
        api = Api(running, session)
        paths = {
            "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "Namespace": "/api/v1/namespaces",
            "Deployment": f"{SHOP}/deployments",
            "StatefulSet": f"{SHOP}/statefulsets",
            "ScalingPolicy": POLICIES,
        }
        for name in ("crd", "workloads", "policy"):
            for item in yaml.safe_load_all((MANIFESTS / f"{name}.yaml").read_text()):
                assert "uid" in api.send("POST", paths[item["kind"]], item)["metadata"]
        yield api


def test_status_follows_spec_and_raises_the_resource_version(api: Api) -> None:
    path = f"{SHOP}/statefulsets/db"
    version = api.merge(f"{path}/scale", {"spec": {"replicas": 4}})["metadata"]["resourceVersion"]

    item = eventually(lambda: (s := api.send("GET", path))["status"].get("readyReplicas") == 4 and s)

    assert item["status"]["observedGeneration"] == item["metadata"]["generation"]
    assert int(item["metadata"]["resourceVersion"]) > int(version)
    assert item["spec"]["replicas"] == 4


def test_a_dry_run_answers_the_outcome_and_changes_nothing(api: Api) -> None:
    before = api.send("GET", f"{POLICIES}/web")

    outcome = api.merge(f"{POLICIES}/web?dryRun=All", {"spec": {"maxReplicas": 20}})

    assert outcome["spec"]["maxReplicas"] == 20
    assert api.send("GET", f"{POLICIES}/web") == before
    assert api.merge(f"{POLICIES}/web?dryRun=All", {"spec": {"maxReplicas": 0}})["code"] == 422


def test_the_field_manager_owns_what_it_wrote(api: Api) -> None:
    api.merge(f"{SHOP}/deployments/web/scale?fieldManager=bellhop", {"spec": {"replicas": 6}})

    fields = api.send("GET", f"{SHOP}/deployments/web")["metadata"]["managedFields"]

    mine = next(entry for entry in fields if entry["manager"] == "bellhop")
    assert mine["subresource"] == "scale"
    assert mine["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    others = [entry for entry in fields if entry["manager"] != "bellhop"]
    assert not any("f:replicas" in entry["fieldsV1"].get("f:spec", {}) for entry in others)


def test_an_autoscaler_is_one_object_in_both_versions(api: Api) -> None:
    place = "namespaces/shop/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 10, "targetCPUUtilizationPercentage": 50}
    api.send("POST", f"/apis/autoscaling/v1/{place}", {"metadata": {"name": "web"}, "spec": spec})

    changed = api.merge(f"/apis/autoscaling/v2/{place}/web", {"spec": {"minReplicas": 3}})

    assert changed["apiVersion"] == "autoscaling/v2"
    assert changed["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    first = api.send("GET", f"/apis/autoscaling/v1/{place}/web")["spec"]
    assert (first["minReplicas"], first["targetCPUUtilizationPercentage"]) == (3, 50)
    assert "metrics" not in first
    (listed,) = api.send("GET", f"/apis/autoscaling/v2/{place}")["items"]
    assert listed["spec"]["minReplicas"] == 3


def test_a_put_of_a_custom_resource_needs_a_resource_version(api: Api) -> None:
    policy = api.send("GET", f"{POLICIES}/web")
    del policy["metadata"]["resourceVersion"]

    answer = api.send("PUT", f"{POLICIES}/web", policy)

    assert (answer["code"], answer["reason"]) == (422, "Invalid")
    assert "must be specified for an update" in answer["message"]


def test_of_writers_with_one_resource_version_one_wins(api: Api) -> None:
    version = api.send("GET", f"{POLICIES}/web")["metadata"]["resourceVersion"]

    def advance(slot: int) -> int:
        body = {"metadata": {"resourceVersion": version}, "status": {"slot": slot}}
        headers = {"Content-Type": "application/merge-patch+json"}
        url = f"{api.running.url}{POLICIES}/web/status"
        return api.session.patch(url, json=body, headers=headers, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(advance, range(8)))

    assert statuses == [200] + [409] * 7


def test_an_eviction_against_a_budget_is_too_many_requests(api: Api) -> None:
    for name in ("web-1", "web-2"):
        container = {"name": "web", "image": "example.com/web:1"}
        spec = {"nodeName": "node-1", "containers": [container]}
        api.send("POST", PODS, {"metadata": {"name": name, "labels": {"tier": "front"}}, "spec": spec})
    budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    selector = {"matchLabels": {"tier": "front"}}
    api.send(
        "POST", budgets, {"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": selector}}
    )
    eventually(lambda: api.send("GET", f"{budgets}/web")["status"]["disruptionsAllowed"] == 1)

    def evict(name: str) -> Value:
        return api.send("POST", f"{PODS}/{name}/eviction", {"metadata": {"name": name}})

    assert evict("web-1")["status"] == "Success"
    refused = evict("web-2")

    assert (refused["code"], refused["reason"]) == (429, "TooManyRequests")
    assert refused["details"]["causes"][0]["reason"] == "DisruptionBudget"
    eventually(lambda: api.send("GET", f"{PODS}/web-1").get("code") == 404)


def test_a_finalizer_keeps_an_object_until_it_is_taken_off(api: Api) -> None:
    body = {"metadata": {"name": "kept", "finalizers": ["bellhop.dev/keep"]}, "data": {"a": "b"}}
    path = "/api/v1/namespaces/shop/configmaps"
    api.send("POST", path, body)

    assert "deletionTimestamp" in api.send("DELETE", f"{path}/kept")["metadata"]
    assert api.send("GET", f"{path}/kept")["data"] == {"a": "b"}

    api.merge(f"{path}/kept", {"metadata": {"finalizers": None}})
    assert api.send("GET", f"{path}/kept")["code"] == 404


def test_a_watch_tells_changes_from_its_revision_on(api: Api) -> None:
    path = "/api/v1/namespaces/shop/secrets"
    version = api.send("GET", path)["metadata"]["resourceVersion"]
    api.send("POST", path, {"metadata": {"name": "one", "labels": {"a": "b"}}})
    api.send("POST", path, {"metadata": {"name": "other"}})
    api.merge(f"{path}/one", {"metadata": {"labels": {"a": "c"}}})

    query = {"watch": "true", "resourceVersion": version, "labelSelector": "a=b", "timeoutSeconds": "1"}
    with api.session.get(api.running.url + path, params=query, stream=True, timeout=10) as answer:
        events = [json.loads(line) for line in answer.iter_lines()]

    told = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
    assert told == [("ADDED", "one"), ("DELETED", "one")]
    assert events[0]["object"]["kind"] == "Secret"


def test_a_namespace_takes_its_contents_along(api: Api) -> None:
    api.send("POST", "/api/v1/namespaces", {"metadata": {"name": "short"}})
    api.send("POST", "/api/v1/namespaces/short/secrets", {"metadata": {"name": "s"}})

    api.send("DELETE", "/api/v1/namespaces/short")

    assert api.send("GET", "/api/v1/namespaces/short/secrets/s")["code"] == 404
    missing = api.send("POST", "/api/v1/namespaces/short/secrets", {"metadata": {"name": "s"}})
    assert missing["message"] == 'namespaces "short" not found'


@pytest.mark.parametrize(
    ("method", "path", "body", "type_", "code"),
    [
        ("POST", PODS, [1], "application/json", 400),
        ("POST", PODS, {"kind": "Secret", "apiVersion": "v1"}, "application/json", 400),
        ("POST", PODS, {"metadata": {"name": "x", "namespace": "y"}}, "application/json", 400),
        ("POST", PODS, {"metadata": {}}, "application/json", 422),
        ("POST", PODS, {"metadata": {"name": "Upper"}}, "application/json", 422),
        ("POST", PODS, {"metadata": {"name": "a", "labels": {"a": 1}}}, "application/json", 400),
        ("POST", PODS, {"metadata": 3}, "application/json", 400),
        ("POST", f"{SHOP}/deployments", {"metadata": {"name": "a"}, "spec": 3}, "application/json", 400),
        (
            "POST",
            f"{SHOP}/deployments",
            {"metadata": {"name": "a"}, "spec": {"template": 1}},
            "application/json",
            400,
        ),
        ("PATCH", f"{SHOP}/deployments/web", {"spec": None}, "application/merge-patch+json", 422),
        ("PATCH", f"{SHOP}/deployments/web/scale", {"spec": 4}, "application/merge-patch+json", 422),
        ("PATCH", f"{SHOP}/deployments/web", {"spec": {}}, "application/json-patch+json", 400),
        ("PUT", f"{SHOP}/deployments/web", {"metadata": {"name": "other"}}, "application/json", 400),
        ("DELETE", f"{SHOP}/deployments/web/scale", None, "application/json", 405),
        ("GET", f"{PODS}?labelSelector=a%20b%20c", None, "application/json", 400),
        ("POST", f"{PODS}?dryRun=Some", {"metadata": {"name": "a"}}, "application/json", 422),
    ],
)
def test_what_cannot_be_is_refused_and_never_a_defect(
    api: Api, method: str, path: str, body: Value, type_: str, code: int
) -> None:
    answer = api.send(method, path, body, type_)

    assert (answer["kind"], answer["code"]) == ("Status", code), answer
