"""Reply addresses: Slack's response_url for as long as Slack takes it, the channel for longer; Messenger's window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bellhop.chat.replies import URL_LASTS, WINDOW, Address, DynamoReplies, address
from tests.integration.tables import STATE, dynamodb
from tests.unit.chat_world import ANA, CHANNEL, RESPONSE_URL, TEAM, WHEN, asked_from, envelope

IN_MESSENGER = Address("messenger", "1234", "9876", "9876")


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def replies(client: Any) -> DynamoReplies:
    return DynamoReplies(client, STATE)


@pytest.mark.parametrize(
    "kept", [asked_from(), asked_from(None), asked_from(None, thread="1.2"), IN_MESSENGER]
)
def test_an_address_is_found_by_the_id_of_what_was_asked(kept: Address, replies: DynamoReplies) -> None:
    replies.keep("e1", kept, asked_at=WHEN)
    assert replies.find("e1", now=WHEN) == kept
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
    replies.keep("e1", asked_from(thread="1.2"), asked_at=WHEN)
    assert replies.find("e1", now=WHEN + later) == asked_from(url, thread="1.2")


@pytest.mark.parametrize(("later", "lasts"), [(timedelta(0), True), (URL_LASTS, True), (WINDOW, False)])
def test_after_a_day_messenger_takes_no_answer(later: timedelta, lasts: bool, replies: DynamoReplies) -> None:
    replies.keep("e1", IN_MESSENGER, asked_at=WHEN)
    assert replies.find("e1", now=WHEN + later) == (IN_MESSENGER if lasts else None)


def test_the_half_hour_counts_from_the_question_however_late_it_is_kept(replies: DynamoReplies) -> None:
    replies.keep("e1", asked_from(), asked_at=WHEN)
    replies.keep("e1", asked_from(), asked_at=WHEN)
    assert replies.find("e1", now=WHEN + URL_LASTS) == asked_from(None)


def test_an_address_is_kept_for_longer_than_queues_keep_messages_and_no_longer(
    replies: DynamoReplies, client: Any
) -> None:
    replies.keep("e1", asked_from(), asked_at=WHEN)
    [item] = client.scan(TableName=STATE)["Items"]
    lasts = int(item["expiration"]["N"]) - WHEN.timestamp()
    assert timedelta(days=4) < timedelta(seconds=lasts) <= timedelta(days=14)


def test_it_shares_a_table_with_others_without_mixing(replies: DynamoReplies, client: Any) -> None:
    client.put_item(TableName=STATE, Item={"id": {"S": "e1"}, "status": {"S": "COMPLETED"}})
    assert replies.find("e1", now=WHEN) is None


def test_an_address_kept_before_there_were_other_platforms_is_none(
    replies: DynamoReplies, client: Any
) -> None:
    old = {"id": "reply#e1", "response_url": RESPONSE_URL, "channel": CHANNEL}
    client.put_item(TableName=STATE, Item={name: {"S": value} for name, value in old.items()})
    assert replies.find("e1", now=WHEN) is None


def test_an_address_is_where_the_command_was_asked() -> None:
    assert address(envelope("status")) == asked_from()
    mention = envelope("status", response_url=None, thread="1.2")
    assert address(mention) == Address("slack", TEAM, CHANNEL, ANA, None, "1.2")
    assert address(envelope("status", platform="dialogflow")) is None
