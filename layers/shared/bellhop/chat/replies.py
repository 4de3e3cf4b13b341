"""Where an answer goes that comes later than its command: at Slack's response_url while it lasts, then in the
channel; to the person in Messenger while it may be written to.

The ledger names the reply address by id only: the URL itself is a secret. State table, key `reply#<id>`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bellhop.chat.envelope import Envelope

#: Slack takes answers at a response_url for 30 minutes; the channel is good for longer.
URL_LASTS = timedelta(minutes=30)
#: Messenger takes answers for 24 hours after the person's last message.
WINDOW = timedelta(hours=24)
_KEPT = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a command was asked. platform, workspace, user, channel: as in the envelope (Messenger: the page's id,
    and the person's twice). response_url: Slack's, None once it takes no more answers there. thread: Slack's ts of
    the message that is answered in a thread."""

    platform: str
    workspace: str
    channel: str
    user: str
    response_url: str | None = None
    thread: str | None = None


def address(asked: Envelope) -> Address | None:
    """Where the outcome of a command can be told later; None where nothing can be: Dialogflow's callers are
    answered at once or not at all."""
    if asked.platform not in {"slack", "messenger"}:
        return None
    return Address(
        asked.platform, asked.workspace, asked.channel, asked.user, asked.response_url, asked.thread
    )


class Replies(Protocol):
    """Reply addresses by the id of the command that asked."""

    def keep(self, id: str, address: Address, *, asked_at: datetime) -> None:
        """Keep the address for longer than any queue keeps a message that may ask for it."""

    def find(self, id: str, *, now: datetime) -> Address | None:
        """The address, or None when it was never kept or takes no answers any more."""


class DynamoReplies:
    """`Replies` in the state table."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def keep(self, id: str, address: Address, *, asked_at: datetime) -> None:
        given = {name: value for name, value in dataclasses.asdict(address).items() if value is not None}
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"reply#{id}"},
                **{name: {"S": value} for name, value in given.items()},
                "asked_at": {"N": str(asked_at.timestamp())},
                "expiration": {"N": str(int((asked_at + _KEPT).timestamp()))},
            },
        )

    def find(self, id: str, *, now: datetime) -> Address | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"reply#{id}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None or "platform" not in item:
            return None
        names = [each.name for each in dataclasses.fields(Address)]
        kept = Address(**{name: item[name]["S"] for name in names if name in item})
        return lasting(kept, asked=float(item["asked_at"]["N"]), now=now)


def lasting(kept: Address, *, asked: float, now: datetime) -> Address | None:
    """What is left of an address by now. asked: seconds since the epoch."""
    waited = timedelta(seconds=now.timestamp() - asked)
    if kept.platform == "messenger":
        return kept if waited < WINDOW else None
    return kept if waited < URL_LASTS else dataclasses.replace(kept, response_url=None)
