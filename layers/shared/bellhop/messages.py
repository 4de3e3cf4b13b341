"""SQS in and out: batches with partial failures, and Bellhop's own messages."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bellhop.errors import BellhopError, BusyError

log = logging.getLogger(__name__)

#: An SQS record of a Lambda event, and the batch response Lambda expects.
type Record = dict[str, Any]
type BatchResponse = dict[str, list[dict[str, str]]]


#: Characters that SQS takes in no message and no attribute (the API reference of SendMessage).
_NOT_IN_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Queue(Protocol):
    """The queue a batch came from, as far as one message's fate needs it."""

    def bury(self, record: Record, *, code: str, reason: str) -> None:
        """Put the message into the dead-letter queue at once, saying why."""

    def postpone(self, record: Record, *, seconds: float) -> None:
        """Make the message visible again after `seconds` instead of the visibility timeout."""


def process_batch(event: dict[str, Any], *, each: Callable[[Record], None], queue: Queue) -> BatchResponse:
    """Run `each` for every record; answer which to deliver again.

    Done: acknowledged. A BellhopError that is not retryable: dead-letter queue at once, acknowledged.
    Retryable, or unexpected: delivered again, and dead-lettered by SQS after maxReceiveCount. In a FIFO
    queue what follows a failed message of the same group is failed too, so that order is kept.
    """
    failed: list[dict[str, str]] = []
    stopped_groups: set[str] = set()
    for record in event["Records"]:
        group = record["attributes"].get("MessageGroupId")
        if group in stopped_groups or not _settled(record, each, queue):
            failed.append({"itemIdentifier": record["messageId"]})
            if group is not None:
                stopped_groups.add(group)
    return {"batchItemFailures": failed}


def _settled(record: Record, each: Callable[[Record], None], queue: Queue) -> bool:
    try:
        return _taken(record, each, queue)
    except Exception:  # the one place a worker's unexpected error ends: told, and redelivered by SQS
        log.exception("message.failed", extra={"message_id": record["messageId"]})
        return False


def _taken(record: Record, each: Callable[[Record], None], queue: Queue) -> bool:
    try:
        each(record)
    except BusyError as busy:
        log.info("message.postponed", extra={"message_id": record["messageId"], "because": str(busy)})
        queue.postpone(record, seconds=busy.retry_after)
        return False
    except BellhopError as error:
        facts = {"message_id": record["messageId"], "code": error.code, "because": str(error)}
        if error.retryable:
            log.warning("message.failed", extra=facts)
            return False
        log.warning("message.dead_lettered", extra=facts)
        queue.bury(record, code=error.code, reason=str(error))
    return True


@dataclass(frozen=True, slots=True)
class SqsQueue:
    """`Queue` over boto3. urls: of the queue a record came from, and of its dead-letter queue."""

    sqs: Any
    dead_letter_url: str

    def bury(self, record: Record, *, code: str, reason: str) -> None:
        attributes = {
            "code": {"DataType": "String", "StringValue": code},
            "reason": {"DataType": "String", "StringValue": _NOT_IN_SQS.sub("\ufffd", reason[:1000]) or code},
        }
        fifo = {}
        if group := record["attributes"].get("MessageGroupId"):
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": record["messageId"]}
        self.sqs.send_message(
            QueueUrl=self.dead_letter_url,
            MessageBody=record["body"],
            MessageAttributes=attributes,
            **fifo,
        )

    def postpone(self, record: Record, *, seconds: float) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=_queue_url(self.sqs, record["eventSourceARN"]),
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=round(seconds),
        )


def _queue_url(sqs: Any, arn: str) -> str:  # noqa: ANN401  a boto3 client
    # SQS addresses queues by URL, Lambda names them by ARN; the URL is the endpoint, account and name.
    _, _, _, _, account, name = arn.split(":")
    return f"{sqs.meta.endpoint_url.rstrip('/')}/{account}/{name}"
