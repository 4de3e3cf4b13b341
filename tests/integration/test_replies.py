"""Reply addresses: the response_url for as long as Slack takes it, the channel for longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bellhop.chat.replies import URL_LASTS, Address, DynamoReplies
from tests.integration.tables import STATE, dynamodb
from tests.unit.chat_world import CHANNEL, RESPONSE_URL, WHEN


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def replies(client: Any) -> DynamoReplies:
    return DynamoReplies(client, STATE)


def test_an_address_is_found_by_the_id_of_what_was_asked(replies: DynamoReplies) -> None:
    replies.keep("e1", RESPONSE_URL, CHANNEL, asked_at=WHEN)
    assert replies.find("e1", now=WHEN) == Address(RESPONSE_URL, CHANNEL)
    assert replies.find("e2", now=WHEN) is None


@pytest.mark.parametrize(
    ("later", "url"),
    [
        (URL_LASTS - timedelta(seconds=1), RESPONSE_URL),
        (URL_LASTS, None),
        (timedelta(days=4), None),
    ],
)
def test_after_half_an_hour_only_the_channel_is_left(
    later: timedelta, url: str | None, replies: DynamoReplies
) -> None:
    replies.keep("e1", RESPONSE_URL, CHANNEL, asked_at=WHEN)
    assert replies.find("e1", now=WHEN + later) == Address(url, CHANNEL)


def test_the_half_hour_counts_from_the_question_however_late_it_is_kept(replies: DynamoReplies) -> None:
    replies.keep("e1", RESPONSE_URL, CHANNEL, asked_at=WHEN)
    replies.keep("e1", RESPONSE_URL, CHANNEL, asked_at=WHEN)
    assert replies.find("e1", now=WHEN + URL_LASTS) == Address(None, CHANNEL)


def test_an_address_is_kept_for_longer_than_queues_keep_messages_and_no_longer(
    replies: DynamoReplies, client: Any
) -> None:
    replies.keep("e1", RESPONSE_URL, CHANNEL, asked_at=WHEN)
    [item] = client.scan(TableName=STATE)["Items"]
    lasts = int(item["expiration"]["N"]) - WHEN.timestamp()
    assert timedelta(days=4) < timedelta(seconds=lasts) <= timedelta(days=14)


def test_it_shares_a_table_with_others_without_mixing(replies: DynamoReplies, client: Any) -> None:
    client.put_item(TableName=STATE, Item={"id": {"S": "e1"}, "status": {"S": "COMPLETED"}})
    assert replies.find("e1", now=WHEN) is None
