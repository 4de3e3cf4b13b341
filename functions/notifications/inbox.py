"""What arrives in NotificationsQueue: new ledger entries from the table's stream, and Bellhop's own alarms."""

from __future__ import annotations

import json

import msgspec

from bellhop.alarms import cloudwatch
from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import InvalidInputError
from bellhop.ledger import Entry, from_item


def read(body: str, *, region: str) -> Entry | AlarmEvent | None:
    """The entry or alarm in a message; None for a stream record that is not a new entry (an expiry).

    Raises InvalidInputError for anything else.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidInputError("the message is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidInputError("the message is not a JSON object")
    if "dynamodb" not in document:
        return cloudwatch.parse(document, region=region)
    if document.get("eventName") != "INSERT":
        return None
    try:
        return from_item(document["dynamodb"]["NewImage"])
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise InvalidInputError(f"not a ledger entry: {error}") from error
