"""Reading the ledger back, newest first: DynamoDB Query requests and their answers. Pure: who asks sends them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from bellhop.errors import InvalidInputError
from bellhop.ledger import FEED, Entry, from_item

MOST = 100
_NEWEST = ("newest", "feed")
_BY_SUBJECT = ("by-subject", "subject")


def query(table: str, *, limit: int, subject: str | None = None, cursor: str | None = None) -> dict[str, Any]:
    """The Query for up to `limit` (1 to 100) entries, of one subject ("shop/web") or of all, from `cursor` on.

    Raises InvalidInputError for a limit out of range, an empty subject and a cursor that `page` never gave.
    """
    if not 1 <= limit <= MOST:
        raise InvalidInputError(f"limit is a whole number from 1 to {MOST}")
    if subject == "":
        raise InvalidInputError('subject is a workload, as "shop/web"')
    index, key = _NEWEST if subject is None else _BY_SUBJECT
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": index,
        "KeyConditionExpression": "#key = :key",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":key": {"S": subject or FEED}},
        "ScanIndexForward": False,
        "Limit": limit,
    }
    if cursor is not None:
        request["ExclusiveStartKey"] = _start(cursor, key, subject or FEED)
    return request


def page(answer: Mapping[str, Any]) -> tuple[list[Entry], str | None]:
    """The entries in a Query's answer, and the cursor of the next page, if there is one."""
    last = answer.get("LastEvaluatedKey")
    cursor = None
    if last:
        cursor = base64.urlsafe_b64encode(json.dumps([last["id"]["S"], last["sort"]["S"]]).encode()).decode()
    return [from_item(item) for item in answer["Items"]], cursor


def as_json(entry: Entry) -> dict[str, Any]:
    """The entry as the API shows it."""
    return dict(msgspec.to_builtins(entry))


def _start(cursor: str, key: str, value: str) -> dict[str, dict[str, str]]:
    try:
        entry, sort = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, RecursionError):
        raise InvalidInputError("that cursor is not one this API gave") from None
    if not (isinstance(entry, str) and isinstance(sort, str) and (entry + sort).isascii()):
        raise InvalidInputError("that cursor is not one this API gave")
    return {key: {"S": value}, "id": {"S": entry}, "sort": {"S": sort}}
