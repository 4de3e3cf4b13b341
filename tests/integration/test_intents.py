"""Intents in DynamoDB: of several who claim one gets it, and a successor only instead of what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from intents import DynamoIntents, Intent, State
from tests.integration.tables import STATE, dynamodb
from tests.unit.scaling_world import START

FIRST = Intent(id="request-1", owner="first", lease_until=START, uid="web-1", current=4, desired=6)
SECOND = msgspec.structs.replace(FIRST, owner="second", lease_until=START + timedelta(seconds=20))


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def intents(client: Any) -> DynamoIntents:
    return DynamoIntents(client, STATE)


def test_a_claim_is_found_as_it_was_made(intents: DynamoIntents) -> None:
    assert intents.find("request-1") is None
    assert intents.claim(FIRST, instead_of=None)
    assert intents.find("request-1") == FIRST


def test_only_one_of_two_gets_a_fresh_claim(intents: DynamoIntents) -> None:
    assert intents.claim(FIRST, instead_of=None)
    assert not intents.claim(SECOND, instead_of=None)
    assert intents.find("request-1") == FIRST


def test_only_one_successor_gets_it_instead_of_what_both_saw(intents: DynamoIntents) -> None:
    intents.claim(FIRST, instead_of=None)
    third = msgspec.structs.replace(SECOND, owner="third")
    assert intents.claim(SECOND, instead_of=FIRST)
    assert not intents.claim(third, instead_of=FIRST)
    assert intents.find("request-1") == SECOND


def test_finished_it_stays_done_and_a_slow_owner_cannot_undo_its_successor(intents: DynamoIntents) -> None:
    intents.claim(FIRST, instead_of=None)
    intents.claim(SECOND, instead_of=FIRST)
    intents.finish(FIRST)
    assert intents.find("request-1") == SECOND
    intents.finish(SECOND)
    assert intents.find("request-1") == msgspec.structs.replace(SECOND, state=State.DONE)


def test_it_goes_by_itself_when_no_queue_can_deliver_it_any_more(client: Any, intents: DynamoIntents) -> None:
    intents.claim(FIRST, instead_of=None)
    (item,) = client.scan(TableName=STATE)["Items"]
    # Longer than the four days a queue keeps a message.
    assert int(item["expiration"]["N"]) > (START + timedelta(days=4)).timestamp()
