"""How much one person may ask in a minute, so that a loop or a slip of the hand does not flood everything behind.

Minutes are fixed windows of the time when it was asked, so a backlog that is worked off later counts as it came. One
atomic write each in the state table, key `rate#<person>#<minute>`, gone a day later. A redelivery does not
get here, as `commands` runs each envelope in `once.run("execute")`. What is run again after a crash does: a count
remembers the envelope that was counted last, and as the queue keeps one person's commands in one channel in order,
only a command in another channel in between makes it count twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from bellhop.chat.access import Limits, Risk
from bellhop.errors import RefusedError, UnavailableError
from bellhop.ledger import entry_id

log = logging.getLogger("bellhop.commands")

_MINUTE = timedelta(minutes=1)
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Count:
    """What one person asked in one minute so far. changes: those among the commands that are no mere reading."""

    commands: int
    changes: int


class Rates(Protocol):
    """Counts by person and minute."""

    def add(self, person: str, minute: datetime, *, id: str, change: bool) -> Count:
        """Count the envelope with this id, unless it was the last one counted, and answer what that makes. Raises
        UnavailableError when it cannot be written."""


class RateLimitedError(RefusedError):
    """Too much in one minute. entry: id of the ledger's entry, the same for all that is refused in that minute."""

    def __init__(self, message: str, *, entry: str) -> None:
        super().__init__("RateLimited", message)
        self.entry = entry


def spend(rates: Rates, limits: Limits, person: str, risk: Risk, *, id: str, at: datetime) -> None:
    """Count a command that was asked `at` (UTC) in the envelope `id`. Raises RateLimitedError when it is over a limit.

    What cannot be counted is let through: a full or broken table must not keep anybody from looking, or from acting,
    in the middle of an outage.
    """
    minute, change = at.replace(second=0, microsecond=0), risk > Risk.READ
    try:
        count = rates.add(person, minute, id=id, change=change)
    except UnavailableError as error:
        log.warning("rate.uncounted", extra={"person": person, "because": str(error)})
        return
    if (what := exceeded(limits, count, change=change)) is None:
        return
    again = f"{minute + _MINUTE:%H:%M} UTC"
    entry = entry_id("rate", person, minute.isoformat())
    raise RateLimitedError(f"that is more than {what} in a minute: try again from {again} on", entry=entry)


def exceeded(limits: Limits, count: Count, *, change: bool) -> str | None:
    """Which limit is passed, in words; None while none is. Too many changes leave reading as it is."""
    if count.commands > limits.per_minute:
        return _some(limits.per_minute, "command")
    if change and count.changes > limits.changes_per_minute:
        return _some(limits.changes_per_minute, "change")
    return None


class DynamoRates:
    """`Rates` in the state table."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def add(self, person: str, minute: datetime, *, id: str, change: bool) -> Count:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  the rules need no SDK

        try:
            new = self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": f"rate#{person}#{minute:%Y-%m-%dT%H:%M}"}},
                UpdateExpression="ADD commands :one, changes :changes SET latest = :id, expiration = :expiration",
                ConditionExpression="attribute_not_exists(latest) OR latest <> :id",
                ExpressionAttributeValues={
                    ":id": {"S": id},
                    ":one": {"N": "1"},
                    ":changes": {"N": "1" if change else "0"},
                    ":expiration": {"N": str(int((minute + _KEPT).timestamp()))},
                },
                ReturnValues="ALL_NEW",  # UPDATED_NEW may leave out what 0 was added to
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except ClientError as error:
            counted = cast("dict[str, dict[str, dict[str, str]]]", error.response).get("Item")
            if counted is None:
                raise UnavailableError(f"DynamoDB: {error.response['Error']['Code']}") from error
            new = counted  # it was the last one: what the failed condition found
        except BotoCoreError as error:
            raise UnavailableError(f"DynamoDB: {type(error).__name__}") from error
        return Count(int(new["commands"]["N"]), int(new["changes"]["N"]))


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
