"""Intents of changes that have no policy to keep them: what is about to be done, by whom, until when.

One DynamoDB item each in the state table, key `intent#<request id>`, gone a week later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

_KEPT = timedelta(days=7)


class State(StrEnum):
    PENDING = "pending"
    DONE = "done"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """To set the workload `uid` from `current` to `desired` replicas. Times are UTC."""

    id: str
    owner: str
    lease_until: datetime
    uid: str
    current: int
    desired: int
    state: State = State.PENDING


class Intents(Protocol):
    """Where intents are kept. A claim is one conditional write, so of several deliveries one gets it."""

    def find(self, id: str) -> Intent | None:
        """The intent with this id, read consistently."""

    def claim(self, intent: Intent, *, instead_of: Intent | None) -> bool:
        """Write the intent unless another is there than `instead_of`. False: somebody else was faster."""

    def finish(self, intent: Intent) -> None:
        """The change is done and told of: no later delivery repeats it."""


class DynamoIntents:
    """`Intents` in the state table."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def find(self, id: str) -> Intent | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"intent#{id}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return msgspec.json.decode(item["intent"]["S"], type=Intent) if item else None

    def claim(self, intent: Intent, *, instead_of: Intent | None) -> bool:
        return self._put(intent, instead_of=instead_of)

    def finish(self, intent: Intent) -> None:
        # Lost to a successor: it found the change applied and finishes it itself.
        self._put(msgspec.structs.replace(intent, state=State.DONE), instead_of=intent)

    def _put(self, intent: Intent, *, instead_of: Intent | None) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "intent = :old",
                "ExpressionAttributeValues": {":old": {"S": _text(instead_of)}},
            }
        item = {
            "id": {"S": f"intent#{intent.id}"},
            "intent": {"S": _text(intent)},
            "expiration": {"N": str(int((intent.lease_until + _KEPT).timestamp()))},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **condition)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _text(intent: Intent) -> str:
    return msgspec.json.encode(intent).decode()
