"""`views.Activity` over the ledger table."""

from __future__ import annotations

from typing import Any

from bellhop import activity
from bellhop.ledger import Entry


class LedgerReading:
    """dynamodb: a boto3 client."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401
        self._dynamodb = dynamodb
        self._table = table

    def newest(self, limit: int, *, subject: str | None = None) -> list[Entry]:
        asked = activity.query(self._table, limit=limit, subject=subject)
        entries, _ = activity.page(self._dynamodb.query(**asked))
        return entries
