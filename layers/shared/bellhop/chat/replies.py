"""Where an answer goes that comes later than its command: the response_url while Slack takes answers there.

The ledger names the reply address by id only: the URL itself is a secret. State table, key `reply#<id>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

#: Slack takes answers at a response_url for 30 minutes; the channel is good for longer.
URL_LASTS = timedelta(minutes=30)
_KEPT = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a command was asked. response_url: None once Slack takes no more answers there."""

    response_url: str | None
    channel: str


class Replies(Protocol):
    """Reply addresses by the id of the command that asked."""

    def keep(self, id: str, response_url: str, channel: str, *, asked_at: datetime) -> None:
        """Keep the address for longer than any queue keeps a message that may ask for it."""

    def find(self, id: str, *, now: datetime) -> Address | None:
        """The address, or None when it was never kept."""


class DynamoReplies:
    """`Replies` in the state table."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def keep(self, id: str, response_url: str, channel: str, *, asked_at: datetime) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"reply#{id}"},
                "response_url": {"S": response_url},
                "channel": {"S": channel},
                "url_until": {"N": str(int((asked_at + URL_LASTS).timestamp()))},
                "expiration": {"N": str(int((asked_at + _KEPT).timestamp()))},
            },
        )

    def find(self, id: str, *, now: datetime) -> Address | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"reply#{id}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return None
        lasts = int(item["url_until"]["N"]) > now.timestamp()
        return Address(item["response_url"]["S"] if lasts else None, item["channel"]["S"])
