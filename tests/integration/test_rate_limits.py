"""Counts in DynamoDB: one atomic write each, which goes by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from bellhop.errors import UnavailableError
from rate_limits import Count, DynamoRates
from tests.integration.tables import STATE, dynamodb
from tests.unit.chat_world import WHEN


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


def test_commands_and_changes_are_counted_by_person_and_minute(client: Any) -> None:
    rates = DynamoRates(client, STATE)
    assert rates.add("ana", WHEN, id="e1", change=False) == Count(1, 0)
    assert rates.add("ana", WHEN, id="e2", change=True) == Count(2, 1)
    assert rates.add("ana", WHEN, id="e3", change=False) == Count(3, 1)
    assert rates.add("vic", WHEN, id="e4", change=True) == Count(1, 1)
    assert rates.add("ana", WHEN + timedelta(minutes=1), id="e5", change=True) == Count(1, 1)


def test_a_count_is_one_item_that_goes_a_day_later(client: Any) -> None:
    rates = DynamoRates(client, STATE)
    rates.add("ana", WHEN, id="e6", change=True)
    rates.add("ana", WHEN, id="e7", change=False)
    (item,) = client.scan(TableName=STATE)["Items"]
    assert item == {
        "id": {"S": "rate#ana#2026-11-20T09:00"},
        "commands": {"N": "2"},
        "changes": {"N": "1"},
        "latest": {"S": "e7"},
        "expiration": {"N": str(int((WHEN + timedelta(days=1)).timestamp()))},
    }


def test_the_envelope_that_was_counted_last_is_not_counted_again(client: Any) -> None:
    rates = DynamoRates(client, STATE)
    rates.add("ana", WHEN, id="a", change=False)
    for _ in range(2):
        assert rates.add("ana", WHEN, id="b", change=True) == Count(2, 1)
    assert rates.add("ana", WHEN, id="c", change=False) == Count(3, 1)


def test_counting_is_one_write_that_adds_and_reads_nothing_first(client: Any) -> None:
    # DynamoDB makes one ADD atomic; moto does not, so that threads would prove nothing here.
    calls: list[tuple[str, str]] = []

    def seen(model: Any, params: dict[str, Any], **_: Any) -> None:
        calls.append((model.name, json.loads(params["body"])["UpdateExpression"]))

    client.meta.events.register("before-call.dynamodb", seen)
    DynamoRates(client, STATE).add("ana", WHEN, id="e8", change=True)
    [(operation, expression)] = calls
    assert operation == "UpdateItem"
    assert expression.startswith("ADD commands :one, changes :changes ")


def test_a_table_that_is_not_there_is_unavailable(client: Any) -> None:
    with pytest.raises(UnavailableError, match="ResourceNotFoundException"):
        DynamoRates(client, "no-such-table").add("ana", WHEN, id="e9", change=False)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem"), "ThrottlingException"),
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem"), "AccessDeniedException"),
        (ReadTimeoutError(endpoint_url="https://dynamodb"), "ReadTimeoutError"),
    ],
)
def test_a_write_that_fails_is_unavailable_and_says_why(error: Exception, told: str) -> None:
    class Failing:
        def update_item(self, **_: Any) -> Any:
            raise error

    with pytest.raises(UnavailableError, match=told):
        DynamoRates(Failing(), STATE).add("ana", WHEN, id="e10", change=True)
