"""`pause all`: one item in the state table that every look asks for, at most 15 s old."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from bellhop.scaling.status import Pause

#: For how long a pause of all policies, or its end, may go unnoticed by a warm function.
KEPT_SECONDS = 15.0
_KEY = {"id": {"S": "scaling#paused"}}


class Pauses(Protocol):
    """Whether all policies are paused."""

    def get(self) -> Pause | None:
        """Who paused all policies, and when; None when nobody did."""

    def put(self, pause: Pause | None) -> None:
        """Pause all policies, or end that."""


class DynamoPauses:
    """`Pauses` in the state table. The item has no expiry: a pause ends when somebody ends it."""

    def __init__(
        self,
        dynamodb: Any,  # noqa: ANN401  a boto3 client
        table: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._kept: Pause | None = None
        self._kept_until = 0.0

    def get(self) -> Pause | None:
        if self._clock() >= self._kept_until:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
            item = answer.get("Item")
            self._keep(msgspec.json.decode(item["pause"]["S"], type=Pause) if item else None)
        return self._kept

    def put(self, pause: Pause | None) -> None:
        if pause is None:
            self._dynamodb.delete_item(TableName=self._table, Key=_KEY)
        else:
            text = msgspec.json.encode(pause).decode()
            self._dynamodb.put_item(TableName=self._table, Item=_KEY | {"pause": {"S": text}})
        self._keep(pause)

    def _keep(self, pause: Pause | None) -> None:
        self._kept = pause
        self._kept_until = self._clock() + KEPT_SECONDS
