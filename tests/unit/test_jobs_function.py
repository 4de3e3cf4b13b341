"""The function's own edges: messages to whoever takes them, steps into the queue, and the page that explains it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import jobs
from bellhop import aws
from bellhop.errors import UnavailableError
from bellhop.jobs.request import Step, decode, encode
from next_steps import SqsSteps
from tests.unit.jobs_world import World, cancel, cordon, drain, restart
from turns import Reason

ROOT = Path(__file__).parents[2]


class Queue:
    """boto3's SQS client."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **given: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(given)


def test_a_step_is_a_delayed_message() -> None:
    queue = Queue()
    SqsSteps(queue, "url").send(Step(job="j", number=2), seconds=10)
    (sent,) = queue.sent
    assert (sent["QueueUrl"], sent["DelaySeconds"]) == ("url", 10)
    assert decode(sent["MessageBody"]) == Step(job="j", number=2)


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "SendMessage"),
        EndpointConnectionError(endpoint_url="https://sqs"),
    ],
)
def test_a_step_that_cannot_be_sent_makes_the_message_come_again(failure: Exception) -> None:
    with pytest.raises(UnavailableError, match="JobsQueue"):
        SqsSteps(Queue(failure), "url").send(Step(job="j", number=2), seconds=10)


def test_each_message_goes_to_who_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    class Taking:
        def __init__(self, name: str) -> None:
            self.name = name

        def take(self, wanted: object) -> None:
            taken.append(f"{self.name} {type(wanted).__name__}")

        def step(self, wanted: object) -> None:
            taken.append(f"{self.name} step")

    chosen = jobs.Settings("c", "l", "s", "400", "q", "d", "*")
    services = jobs.Services(cast("Any", Taking("stepping")), cast("Any", Taking("cancelling")), chosen)
    monkeypatch.setattr(jobs, "services", lambda: services)
    monkeypatch.setattr(aws, "client", lambda _: Queue())
    wanted = [restart(), cordon(), drain(), cancel("j"), Step(job="j", number=2)]
    records = [
        {"messageId": str(n), "body": encode(each), "attributes": {}}  # type: ignore[arg-type]
        for n, each in enumerate(wanted)
    ]
    answer = jobs.handler({"Records": records}, cast("Any", None))
    assert answer == {"batchItemFailures": []}
    assert taken == [
        "stepping Restart",
        "stepping Cordon",
        "stepping Drain",
        "cancelling Cancel",
        "stepping step",
    ]


def test_what_is_none_of_ours_is_buried(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue()
    chosen = jobs.Settings("c", "l", "s", "400", "q", "dead-letters", "*")
    services = jobs.Services(cast("Any", World()), cast("Any", World()), chosen)
    monkeypatch.setattr(jobs, "services", lambda: services)
    monkeypatch.setattr(aws, "client", lambda _: queue)
    record = {"messageId": "1", "body": '{"type": "delete"}', "attributes": {}}
    assert jobs.handler({"Records": [record]}, cast("Any", None)) == {"batchItemFailures": []}
    assert queue.sent[0]["QueueUrl"] == "dead-letters"


def test_every_reason_is_explained() -> None:
    page = (ROOT / "docs/jobs.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)`", page.split("## Reasons\n", 1)[1], re.MULTILINE))
    assert {str(reason) for reason in Reason} <= explained
