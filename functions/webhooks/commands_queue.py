"""CommandsQueue from the door's side: envelopes in, as few calls as they fit into."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bellhop.errors import UnavailableError

log = logging.getLogger("bellhop.webhooks")

#: Of SendMessageBatch: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MOST_ENTRIES = 10
#: Bytes of all bodies together; SQS takes 1 MiB.
LARGEST_BATCH = 1_000_000

#: As `commands` reads it: `bellhop.chat.envelope`.
type Envelope = dict[str, Any]
type Entry = dict[str, str]


@dataclass(frozen=True, slots=True)
class CommandsQueue:
    """call: one of SQS's operations, given its name and input; the answer is its output."""

    url: str
    call: Callable[[str, dict[str, Any]], dict[str, Any]]

    def send(self, envelopes: list[Envelope]) -> None:
        """Hand on envelopes in their order, each deduplicated by its id.

        Raises UnavailableError when not all were taken. Those before it were, which is harmless: the sender sends
        all of them again under the same ids.
        """
        for batch in _batches(map(_entry, envelopes)):
            if len(batch) == 1:
                self.call("SendMessage", {"QueueUrl": self.url, **batch[0]})
            else:
                self._send_batch(batch)
        for each in envelopes:
            facts = {"id": each["id"], "platform": each["platform"], "correlation": each["correlation"]}
            log.info("command.accepted", extra=facts)

    def _send_batch(self, batch: list[Entry]) -> None:
        entries = [{"Id": str(number), **entry} for number, entry in enumerate(batch)]
        answer = self.call("SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        if failed := answer.get("Failed"):
            codes = sorted({str(each.get("Code")) for each in failed})
            raise UnavailableError(
                f"SendMessageBatch: {len(failed)} of {len(batch)} failed: {', '.join(codes)}"
            )


def group(envelope: Envelope) -> str:
    """The FIFO group: one user's commands in one channel stay in order. Hashed: ids are the platform's, and
    SQS allows 128 characters of a set of its own."""
    parts = (envelope["platform"], envelope["workspace"], envelope["channel"], envelope["user"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _entry(envelope: Envelope) -> Entry:
    return {
        "MessageBody": json.dumps(envelope),
        "MessageGroupId": group(envelope),
        "MessageDeduplicationId": envelope["id"],
    }


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        bytes_more = len(entry["MessageBody"])  # ASCII
        if batch and (len(batch) == MOST_ENTRIES or size + bytes_more > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_more
    if batch:
        yield batch
