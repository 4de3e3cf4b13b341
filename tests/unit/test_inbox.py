"""What arrives in NotificationsQueue: new entries, Bellhop's own alarms, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import inbox
from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.errors import InvalidInputError
from bellhop.ledger import Entry, to_item
from tests.unit.chat_world import WHEN, entry

ALARM = json.loads((Path(__file__).parents[2] / "events/cloudwatch/sns.json").read_text(encoding="utf-8"))


def read(document: object) -> Entry | AlarmEvent | None:
    return inbox.read(json.dumps(document), region="eu-west-1")


def stream(image: Any, *, name: str = "INSERT") -> dict[str, Any]:
    """A stream record as the pipe hands it on."""
    return {
        "eventID": "c81e728d9d4c2f636f067f89cc14862c",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1795165200,
            "Keys": {"id": {"S": "x"}},
            "NewImage": image,
            "SequenceNumber": "111",
            "SizeBytes": 26,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/bellhop-ledger/stream/x",
    }


def test_a_new_entry_is_read_from_the_tables_stream() -> None:
    assert read(stream(to_item(entry(asked_in="e1"), expires=WHEN))) == entry(asked_in="e1")


@pytest.mark.parametrize("name", ["REMOVE", "MODIFY", None])
def test_what_is_not_a_new_entry_is_nothing(name: Any) -> None:
    assert read(stream(to_item(entry(), expires=WHEN), name=name)) is None


def test_an_own_alarm_is_read_as_sns_delivers_it_raw() -> None:
    found = read(json.loads(ALARM["Message"]) if "Message" in ALARM else ALARM)
    assert isinstance(found, AlarmEvent)
    assert found.state in State


GOOD = to_item(entry(), expires=WHEN)
NOT_IMAGES: tuple[Any, ...] = (None, [], 5, "S", {}, {"id": 5}, {"id": {"S": 5}})


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "null", "[]", "5", '"text"', "{}", '{"a": 1}'),
        *(json.dumps(stream(image)) for image in NOT_IMAGES),
        json.dumps(stream({"id": {"N": "5"}})),
        json.dumps(stream({name: value for name, value in GOOD.items() if name != "at"})),
        json.dumps(stream(GOOD | {"outcome": {"S": "exploded"}})),
        json.dumps(stream(GOOD | {"at": {"S": "yesterday"}})),
        json.dumps({"eventName": "INSERT", "dynamodb": None}),
        json.dumps({"eventName": "INSERT", "dynamodb": []}),
    ],
)
def test_everything_else_is_bad_input(body: str) -> None:
    with pytest.raises(InvalidInputError, match=r"\w"):
        inbox.read(body, region="eu-west-1")


def test_an_entry_that_is_damaged_is_bad_input_and_not_nothing() -> None:
    images: tuple[Any, ...] = (None, {}, GOOD | {"outcome": {"S": "exploded"}})
    for image in images:
        with pytest.raises(InvalidInputError, match="not a ledger entry"):
            read(stream(image))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_no_stream_record_raises_anything_else(image: object) -> None:
    with pytest.raises(InvalidInputError):
        read(stream(image))
