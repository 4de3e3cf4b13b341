"""Events and HorizontalPodAutoscalers as a controller writes them, over the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from local.cluster.answers import Value
from local.cluster.running import running_cluster

type Send = Callable[..., Any]

EVENTS = "/api/v1/namespaces/shop/events"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
MERGE = "application/merge-patch+json"
EVENT = {
    "metadata": {"name": "web.17", "namespace": "shop"},
    "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"},
    "reason": "Scaled",
    "message": "2 -> 4",
    "type": "Normal",
    "count": 1,
}
AUTOSCALER = {
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
    },
}


@pytest.fixture(scope="module")
def session() -> Iterator[Send]:
    with running_cluster(pod_start_seconds=None) as running, requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        session.headers["Authorization"] = f"Bearer {running.admin_token}"

        def run(method: str, path: str, body: Value = None, type_: str = "application/json") -> Any:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": type_}
            answer = session.request(method, running.url + path, data=data, headers=headers, timeout=10)
            return answer.status_code, answer.json()

        yield run


@pytest.fixture
def send(session: Send) -> Iterator[Send]:
    """Requests of the administrator; the namespaces shop and other are there, and empty."""
    for name in ("shop", "other"):
        assert session("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    yield session
    for name in ("shop", "other"):
        session("DELETE", f"/api/v1/namespaces/{name}")


def test_an_event_is_posted_listed_by_its_object_and_counted_up(send: Send) -> None:
    assert send("POST", EVENTS, EVENT)[0] == 201
    status, patched = send("PATCH", f"{EVENTS}/web.17", {"count": 2}, MERGE)

    listed = send(
        "GET", "/api/v1/events?fieldSelector=involvedObject.kind=Deployment,involvedObject.name=web"
    )
    others = send("GET", f"{EVENTS}?fieldSelector=involvedObject.name=db")

    assert (status, patched["count"]) == (200, 2)
    assert [item["message"] for item in listed[1]["items"]] == ["2 -> 4"]
    assert others[1]["items"] == []
    assert send("GET", f"{EVENTS}/web.17")[1]["involvedObject"] == EVENT["involvedObject"]


def test_an_event_of_the_same_name_already_exists(send: Send) -> None:
    send("POST", EVENTS, EVENT)

    status, body = send("POST", EVENTS, EVENT)

    assert (status, body["reason"]) == (409, "AlreadyExists")
    assert body["message"] == 'events "web.17" already exists'


@pytest.mark.parametrize("about", [{"name": "web", "namespace": "other"}, {"name": "node-1"}])
def test_an_event_lives_in_the_namespace_of_its_object(send: Send, about: dict[str, str]) -> None:
    status, body = send("POST", EVENTS, {**EVENT, "involvedObject": about})

    (cause,) = body["details"]["causes"]
    assert status == 422
    assert cause["field"] == "involvedObject.namespace"
    assert cause["message"].endswith("does not match event.namespace")


def test_an_event_with_an_event_time_names_its_reporter_and_action(send: Send) -> None:
    timed = {**EVENT, "eventTime": "2026-01-01T00:00:00.000000Z", "reportingComponent": "bellhop"}

    status, body = send("POST", EVENTS, timed)

    told = [(cause["reason"], cause["field"]) for cause in body["details"]["causes"]]
    assert status == 422
    assert told == [("FieldValueRequired", "reportingInstance"), ("FieldValueRequired", "action")]
    complete = {**timed, "reportingInstance": "scaling", "action": "Scale"}
    assert send("POST", EVENTS, complete)[0] == 201


def test_autoscalers_are_listed_across_namespaces(send: Send) -> None:
    for name in ("shop", "other"):
        assert send("POST", AUTOSCALERS.format(name), AUTOSCALER)[0] == 201

    _, listed = send("GET", "/apis/autoscaling/v2/horizontalpodautoscalers")

    assert {item["metadata"]["namespace"] for item in listed["items"]} == {"shop", "other"}


def test_min_replicas_are_patched_against_a_resource_version(send: Send) -> None:
    _, made = send("POST", AUTOSCALERS.format("shop"), AUTOSCALER)
    path = f"{AUTOSCALERS.format('shop')}/web"

    def patch(replicas: int) -> Any:
        meta = {"resourceVersion": made["metadata"]["resourceVersion"]}
        return send("PATCH", path, {"metadata": meta, "spec": {"minReplicas": replicas}}, MERGE)

    first, changed = patch(3)
    second, refused = patch(4)

    assert (first, changed["spec"]["minReplicas"]) == (200, 3)
    assert (second, refused["reason"]) == (409, "Conflict")
    assert "the object has been modified" in refused["message"]


@pytest.mark.parametrize(
    ("replicas", "told"),
    [
        (6, "spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"),
        (0, "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"),
    ],
)
def test_bounds_that_cannot_be_are_refused(send: Send, replicas: int, told: str) -> None:
    send("POST", AUTOSCALERS.format("shop"), AUTOSCALER)
    change = {"spec": {"minReplicas": replicas}}

    status, body = send("PATCH", f"{AUTOSCALERS.format('shop')}/web", change, MERGE)

    assert status == 422
    assert body["message"] == f'HorizontalPodAutoscaler.autoscaling "web" is invalid: {told}'
