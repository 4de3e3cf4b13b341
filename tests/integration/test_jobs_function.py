"""The jobs function as it is wired: real messages through the handler, a real API stand-in, AWS in memory."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest

import jobs
from bellhop import aws
from bellhop.jobs.request import Drain, Restart, Step, decode, encode
from bellhop.kubernetes.connection import Connection
from bellhop.ledger import from_item
from local.cluster.running import RunningCluster
from tests.integration.kubernetes_world import STS, Entries
from tests.integration.tables import LEDGER, STATE, dynamodb
from tests.integration.test_kubernetes_operations import get, serving, until
from tests.unit.jobs_world import drain, restart


@pytest.fixture
def running() -> Iterator[RunningCluster]:
    with serving(Entries("bellhop:jobs")) as cluster:
        yield cluster


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing kept from other tests, and nothing left open."""
    made: list[Connection] = []

    def connect(*given: Any, **named: Any) -> Connection:
        made.append(Connection(*given, **named))
        return made[-1]

    monkeypatch.setattr(jobs, "Connection", connect)
    jobs.services.cache_clear()
    aws.client.cache_clear()
    yield
    for connection in made:
        connection.close()
    jobs.services.cache_clear()
    aws.client.cache_clear()


@pytest.mark.usefixtures("connections")
def test_a_workload_is_restarted_step_by_step(
    running: RunningCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dynamodb() as tables:
        sqs = boto3.client("sqs", region_name="eu-west-1")
        url = sqs.create_queue(QueueName="bellhop-jobs")["QueueUrl"]
        environment = {
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_STS": STS,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "CLUSTER_NAME": "demo",
            "CLUSTER_ENDPOINT": running.url,
            "CLUSTER_CA": base64.b64encode(running.ca_file.read_bytes()).decode(),
            "LEDGER_TABLE": LEDGER,
            "STATE_TABLE": STATE,
            "LEDGER_KEPT_DAYS": "400",
            "JOBS_QUEUE_URL": url,
            "JOBS_DEAD_LETTER_URL": url,
            "ALLOWED_NAMESPACES": "shop",
        }
        monkeypatch.delenv("NODE_OPERATIONS", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        sent: list[dict[str, Any]] = []
        aws.client("sqs").meta.events.register(
            "provide-client-params.sqs.SendMessage", lambda params, **_: sent.append(dict(params))
        )
        deliver(restart())
        (step,) = sent
        assert (decode(step["MessageBody"]), step["DelaySeconds"]) == (Step(job="r-1", number=2), 10)
        until(lambda: seen_by_its_controller(running))
        deliver(Step(job="r-1", number=2))
        deliver(drain())  # NodeOperations is not given
        assert len(sent) == 1
        told = [from_item(item) for item in tables.scan(TableName=LEDGER)["Items"]]
        sqs.close()
    assert {entry.reason for entry in told} == {"RolloutStarted", "RolloutComplete", "NodesNotAllowed"}


def deliver(request: Restart | Drain | Step) -> None:
    record = {"messageId": "1", "body": encode(request), "attributes": {}}
    assert jobs.handler({"Records": [record]}, cast("Any", None)) == {"batchItemFailures": []}


def seen_by_its_controller(cluster: RunningCluster) -> bool:
    web = get(cluster, "/apis/apps/v1/namespaces/shop/deployments/web")
    return bool(web["status"].get("observedGeneration") == web["metadata"]["generation"])
