"""The ledger: one append-only entry for everything done, held or refused. It is also the outbox: chat is told
from the table's stream, so what is written here is announced at least once and nothing is announced unwritten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

#: Every entry carries it: the partition of the index that lists all, newest first. One partition takes about
#: 1,000 writes a second (DynamoDB's limit), far above what a team's automation does.
FEED = "all"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    HELD = "held"
    REFUSED = "refused"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    ANSWERED = "answered"
    ASKED = "asked"


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who, what, why, with what result, caused by which event. Never holds a secret's value or a URL with one.

    id: derived from the cause (`entry_id`). at: UTC. flow: the function that acted. action: "scale", or a
    command's name. subject: what it was done to ("shop/web"). actor: "alarm NAME" or "person NAME".
    summary: what happened, in words. reason: one CamelCase code. because: the reason in words.
    asked_in: id of the reply address (`bellhop.chat.replies`) of the request this answers.
    """

    id: str
    at: datetime
    flow: str
    action: str
    outcome: Outcome
    subject: str
    actor: str
    summary: str
    reason: str
    because: str
    cause: str
    correlation: str
    asked_in: str | None = None


def entry_id(*cause: str) -> str:
    """The id for what `cause` brought about: the same cause gives the same id, so twice is once."""
    return hashlib.sha256("\n".join(cause).encode()).hexdigest()[:32]


class Ledger(Protocol):
    """Where entries go."""

    def record(self, entry: Entry) -> bool:
        """Write the entry unless one with its id is there. True: it is new."""


class DynamoLedger:
    """`Ledger` in DynamoDB. Key `id`; indexes `newest` (feed, sort) and `by-subject` (subject, sort)."""

    def __init__(self, dynamodb: Any, table: str, *, kept_days: int) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table
        self._kept = timedelta(days=kept_days)

    def record(self, entry: Entry) -> bool:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=to_item(entry, expires=entry.at + self._kept),
                ConditionExpression="attribute_not_exists(id)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def to_item(entry: Entry, *, expires: datetime) -> dict[str, dict[str, str]]:
    """An entry as DynamoDB attributes: strings only, plus the TTL."""
    fields = {
        name: value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)
        for name, value in msgspec.structs.asdict(entry).items()
        if value is not None
    }
    item = {name: {"S": value} for name, value in fields.items()}
    return item | {
        "feed": {"S": FEED},
        "sort": {"S": f"{fields['at']}#{entry.id}"},
        "expires": {"N": str(int(expires.timestamp()))},
    }


def from_item(item: Mapping[str, Mapping[str, str]]) -> Entry:
    """The entry in a DynamoDB item. Raises msgspec.ValidationError when it is not one."""
    return msgspec.convert({name: value["S"] for name, value in item.items() if "S" in value}, Entry)


def now() -> datetime:
    """The wall clock, UTC, to the millisecond: what entries are stamped with."""
    stamp = datetime.now(UTC)
    return stamp.replace(microsecond=stamp.microsecond // 1000 * 1000)
