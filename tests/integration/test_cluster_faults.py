"""The stand-in's faults and its record of requests, over real connections."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.cluster.answers import Value
from local.cluster.running import RunningCluster, running_cluster

SCALE = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
DEPLOYMENT = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "example.com/web:1"}]},
        },
    },
}


def eventually(holds: Callable[[], bool], within: float = 5.0) -> None:
    ends = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends, "did not come true in time"
        threading.Event().wait(0.01)


class Api:
    """A cluster with one deployment of two replicas, its administrator and its control API."""

    def __init__(self, running: RunningCluster, session: requests.Session) -> None:
        self.running = running
        self.session = session
        self.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        self.post("/apis/apps/v1/namespaces/shop/deployments", DEPLOYMENT)

    def post(self, path: str, body: dict[str, Any]) -> None:
        answer = self.session.post(self.running.url + path, json=body, timeout=10)
        assert answer.status_code == 201, answer.text

    def scale(self, replicas: int) -> requests.Response:
        headers = {"Content-Type": "application/merge-patch+json"}
        body = json.dumps({"spec": {"replicas": replicas}})
        return self.session.patch(self.running.url + SCALE, data=body, headers=headers, timeout=10)

    def replicas(self) -> int:
        answer = self.session.get(self.running.url + SCALE, timeout=10)
        return int(answer.json()["spec"]["replicas"])

    def order(self, **fault: Value) -> requests.Response:
        return requests.post(f"{self.running.control_url}/faults", json=fault, timeout=10)

    def held(self) -> int:
        return sum(each["held"] for each in self.control("GET", "/faults"))

    def control(self, method: str, path: str) -> Value:
        return requests.request(method, self.running.control_url + path, timeout=10).json()

    def raw_patch(self, replicas: int) -> ssl.SSLSocket:
        """A connection on which a patch has been sent and nothing been read."""
        body = json.dumps({"spec": {"replicas": replicas}})
        head = (
            f"PATCH {SCALE} HTTP/1.1\r\nHost: cluster\r\nAuthorization: Bearer {self.running.admin_token}\r\n"
            f"Content-Type: application/merge-patch+json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        port = int(self.running.url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=self.running.ca_file)
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection = context.wrap_socket(plain, server_hostname="127.0.0.1")
        connection.sendall((head + body).encode())
        return connection


@pytest.fixture
def api() -> Iterator[Api]:
    with running_cluster(pod_start_seconds=None) as running, requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        session.headers["Authorization"] = f"Bearer {running.admin_token}"
        yield Api(running, session)


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_request_held_before_is_applied_when_released(api: Api, aside: ThreadPoolExecutor) -> None:
    api.order(method="PATCH", path="/scale$", action="hold-before")
    patch: Future[requests.Response] = aside.submit(api.scale, 5)
    eventually(lambda: api.held() == 1)
    assert api.replicas() == 2

    api.control("DELETE", "/faults")

    assert patch.result(10).status_code == 200
    assert api.replicas() == 5


def test_a_request_held_before_is_not_applied_once_its_client_is_gone(api: Api) -> None:
    api.order(method="PATCH", path="/scale$", action="hold-before")
    connection = api.raw_patch(5)
    eventually(lambda: api.held() == 1)

    connection.close()
    eventually(lambda: api.held() == 0)
    api.control("DELETE", "/faults")

    assert api.replicas() == 2
    assert api.control("GET", "/requests")[-2]["status"] == 0


def test_a_client_that_dies_right_before_the_release_is_noticed(api: Api) -> None:
    for _ in range(5):
        api.order(method="PATCH", path="/scale$", action="hold-before")
        connection = api.raw_patch(5)
        eventually(lambda: api.held() == 1)
        connection.close()
        api.control("DELETE", "/faults")
        eventually(lambda: any(each["status"] == 0 for each in api.control("GET", "/requests")))
        assert api.replicas() == 2
        api.control("DELETE", "/requests")


def test_a_request_held_after_has_been_applied(api: Api, aside: ThreadPoolExecutor) -> None:
    api.order(method="PATCH", path="/scale$", action="hold-after")
    patch: Future[requests.Response] = aside.submit(api.scale, 5)
    eventually(lambda: api.held() == 1)

    assert api.replicas() == 5
    assert not patch.done()

    api.control("DELETE", "/faults")
    assert patch.result(10).json()["spec"] == {"replicas": 5}


def test_a_status_fault_answers_so_often_and_applies_nothing(api: Api) -> None:
    api.order(
        method="PATCH", path="/scale$", action="status", status=503, reason="ServiceUnavailable", times=2
    )

    statuses = [api.scale(5).status_code for _ in range(2)]

    assert statuses == [503, 503]
    assert api.replicas() == 2
    assert api.scale(6).status_code == 200
    assert api.control("GET", "/faults")[0]["met"] == 2


def test_a_fault_meets_only_its_method_and_path(api: Api) -> None:
    api.order(method="PATCH", path="/statefulsets/", action="status", status=500, reason="InternalError")

    assert api.scale(3).status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"action": "explode"},
        {"action": "status", "path": "("},
        {"action": "status", "times": 0},
        {"x": 1},
    ],
)
def test_a_malformed_order_is_refused_with_a_reason(api: Api, order: dict[str, Any]) -> None:
    answer = api.order(**order)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert api.control("GET", "/faults") == []


def test_requests_tell_who_did_what(api: Api) -> None:
    api.control("DELETE", "/requests")
    api.scale(4)

    (record,) = api.control("GET", "/requests")

    assert record.pop("time").endswith("Z")
    groups = ["system:masters", "system:authenticated"]
    assert record == {"user": "admin", "groups": groups, "verb": "patch", "path": SCALE, "status": 200}


def test_a_cluster_stops_at_once_while_it_holds_requests() -> None:
    with running_cluster(pod_start_seconds=None) as running, requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_file)
        session.headers["Authorization"] = f"Bearer {running.admin_token}"
        api = Api(running, session)
        api.order(method="PATCH", action="hold-before", times=None)
        connection = api.raw_patch(5)
        eventually(lambda: api.held() == 1)
        began = time.monotonic()
    with connection:
        assert time.monotonic() - began < 3
    stored = running.cluster.store.get(("apps", "deployments"), "shop", "web")
    assert stored is not None
    assert stored["spec"]["replicas"] == 2
