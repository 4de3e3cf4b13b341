"""SQS batches: what is acknowledged, delivered again, postponed and buried."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.errors import (
    BellhopError,
    BusyError,
    ConfigError,
    InvalidInputError,
    RefusedError,
    UnavailableError,
)
from bellhop.messages import BatchResponse, Record, SqsQueue, process_batch


@dataclass
class MemoryQueue:
    buried: list[tuple[str, str, str]] = field(default_factory=list)
    postponed: list[tuple[str, float]] = field(default_factory=list)
    broken: Exception | None = None

    def bury(self, record: Record, *, code: str, reason: str) -> None:
        if self.broken:
            raise self.broken
        self.buried.append((record["messageId"], code, reason))

    def postpone(self, record: Record, *, seconds: float) -> None:
        if self.broken:
            raise self.broken
        self.postponed.append((record["messageId"], seconds))


def record(id: str, group: str | None = None) -> Record:
    attributes = {} if group is None else {"MessageGroupId": group}
    return {"messageId": id, "body": id, "attributes": attributes, "receiptHandle": f"r-{id}"}


def run(
    records: list[Record], queue: MemoryQueue, failures: Mapping[str, Exception]
) -> tuple[list[str], list[str]]:
    """The ids that were worked on, and those to be delivered again."""
    worked: list[str] = []

    def each(record: Record) -> None:
        worked.append(record["messageId"])
        if error := failures.get(record["messageId"]):
            raise error

    answer: BatchResponse = process_batch({"Records": records}, each=each, queue=queue)
    assert answer.keys() == {"batchItemFailures"}
    return worked, [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_only_what_failed_is_delivered_again() -> None:
    failures = {"b": UnavailableError("down"), "d": ConfigError("unset: X")}
    worked, again = run([record(id) for id in "abcde"], MemoryQueue(), failures)
    assert (worked, again) == (list("abcde"), ["b", "d"])


def test_in_a_fifo_group_nothing_overtakes_a_failed_message() -> None:
    records = [record(id, id[0]) for id in ("x1", "y1", "x2", "y2", "x3")]
    worked, again = run(records, MemoryQueue(), {"x1": UnavailableError("down")})
    assert (worked, again) == (["x1", "y1", "y2"], ["x1", "x2", "x3"])


def test_a_buried_message_does_not_hold_up_its_group() -> None:
    queue = MemoryQueue()
    worked, again = run([record("x1", "x"), record("x2", "x")], queue, {"x1": InvalidInputError("not JSON")})
    assert (worked, again) == (["x1", "x2"], [])
    assert queue.buried == [("x1", "InvalidInput", "not JSON")]


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidInputError("m"), "InvalidInput"), (RefusedError("NotAllowed", "m"), "NotAllowed")],
)
def test_what_delivering_again_cannot_help_is_buried_at_once_with_code_and_reason(
    error: Exception, code: str
) -> None:
    queue = MemoryQueue()
    assert run([record("a")], queue, {"a": error}) == (["a"], [])
    assert queue.buried == [("a", code, "m")]


def test_a_busy_message_is_postponed_by_its_seconds_and_fails_its_group() -> None:
    queue = MemoryQueue()
    busy = BusyError("elsewhere", retry_after=17)
    assert run([record("x1", "x"), record("x2", "x")], queue, {"x1": busy}) == (["x1"], ["x1", "x2"])
    assert (queue.postponed, queue.buried) == ([("x1", 17)], [])


@pytest.mark.parametrize(
    ("asked", "given"), [(-5, 0), (0, 0), (43_200, 43_200), (1e9, 43_200), (float("inf"), 43_200)]
)
def test_a_postponement_stays_within_what_sqs_takes(asked: float, given: float) -> None:
    assert BusyError("later", retry_after=asked).retry_after == given


def test_an_unexpected_exception_is_logged_with_its_trace_and_delivered_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = MemoryQueue()
    assert run([record("a"), record("b")], queue, {"a": ZeroDivisionError("boom")}) == (["a", "b"], ["a"])
    [told] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert (told.message, vars(told)["message_id"]) == ("message.failed", "a")
    assert told.exc_info is not None
    assert told.exc_info[0] is ZeroDivisionError
    assert (queue.buried, queue.postponed) == ([], [])


@pytest.mark.parametrize("error", [InvalidInputError("bad"), BusyError("later", retry_after=1)])
def test_a_queue_that_cannot_bury_or_postpone_fails_that_message_and_no_other(
    error: BellhopError, caplog: pytest.LogCaptureFixture
) -> None:
    queue = MemoryQueue(broken=ConnectionError("no SQS"))
    worked, again = run([record("a"), record("b"), record("c")], queue, {"b": error})
    assert (worked, again) == (["a", "b", "c"], ["b"])
    assert any(r.levelno == logging.ERROR for r in caplog.records)


ERRORS: list[Callable[[], Exception | None]] = [
    lambda: None,
    lambda: UnavailableError("u"),
    lambda: InvalidInputError("i"),
    lambda: BusyError("b", retry_after=1),
    lambda: KeyError("k"),
]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(ERRORS)), max_size=10))
def test_every_message_is_settled_once_and_order_holds_in_each_group(
    batch: list[tuple[str, Callable[[], Exception | None]]],
) -> None:
    queue = MemoryQueue()
    records = [record(str(index), group) for index, (group, _) in enumerate(batch)]
    failures = {str(i): error for i, (_, make) in enumerate(batch) if (error := make()) is not None}
    worked, again = run(records, queue, failures)
    for group in "xyz":
        ids = [r["messageId"] for r in records if r["attributes"]["MessageGroupId"] == group]
        failed = [id for id in ids if id in again]
        assert failed == ids[len(ids) - len(failed) :]  # a tail: nothing overtakes
        assert [id for id in ids if id in worked] == ids[: len(ids) - max(len(failed) - 1, 0)]
    assert {id for id, _, _ in queue.buried}.isdisjoint(again)


# SqsQueue: the calls that boto3 gets


class Sqs:
    meta = SimpleNamespace(endpoint_url="https://sqs.eu-west-1.amazonaws.com")

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def send_message(self, **request: Any) -> None:
        self.calls.append(("send", request))

    def change_message_visibility(self, **request: Any) -> None:
        self.calls.append(("visibility", request))


def test_a_message_is_buried_with_its_body_and_why() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "https://dead").bury(record("a"), code="InvalidInput", reason="not JSON")
    assert sqs.calls == [
        (
            "send",
            {
                "QueueUrl": "https://dead",
                "MessageBody": "a",
                "MessageAttributes": {
                    "code": {"DataType": "String", "StringValue": "InvalidInput"},
                    "reason": {"DataType": "String", "StringValue": "not JSON"},
                },
            },
        )
    ]


def test_in_a_fifo_queue_it_keeps_its_group_and_is_buried_once() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "https://dead.fifo").bury(record("a", "g"), code="c", reason="r")
    [(_, request)] = sqs.calls
    assert (request["MessageGroupId"], request["MessageDeduplicationId"]) == ("g", "a")


def sqs_takes(character: str) -> bool:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
    code = ord(character)
    return (
        code in {0x9, 0xA, 0xD}
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


@given(st.text())
def test_whatever_the_reason_sqs_takes_it(reason: str) -> None:
    sqs = Sqs()
    SqsQueue(sqs, "u").bury(record("a"), code="Bad", reason=reason + "\x00\x1b\ufffe")
    told = sqs.calls[0][1]["MessageAttributes"]["reason"]["StringValue"]
    assert told
    assert all(sqs_takes(character) for character in told)
    assert len(told) <= 1000


def test_an_empty_reason_is_the_code() -> None:
    sqs = Sqs()
    SqsQueue(sqs, "u").bury(record("a"), code="Bad", reason="")
    assert sqs.calls[0][1]["MessageAttributes"]["reason"]["StringValue"] == "Bad"


def test_a_message_is_postponed_in_the_queue_it_came_from() -> None:
    sqs = Sqs()
    came = record("a") | {"eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:bellhop-commands.fifo"}
    SqsQueue(sqs, "u").postpone(came, seconds=4.6)
    assert sqs.calls == [
        (
            "visibility",
            {
                "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/bellhop-commands.fifo",
                "ReceiptHandle": "r-a",
                "VisibilityTimeout": 5,
            },
        )
    ]
