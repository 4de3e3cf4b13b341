"""The ledger in DynamoDB: written once, read back newest first, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bellhop import activity
from bellhop.ledger import DynamoLedger, Entry, Outcome, entry_id, now
from tests.integration.tables import LEDGER, dynamodb
from tests.unit.chat_world import WHEN, entry


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def ledger(client: Any) -> DynamoLedger:
    return DynamoLedger(client, LEDGER, kept_days=400)


def pages(client: Any, *, limit: int, subject: str | None = None) -> list[list[Entry]]:
    found: list[list[Entry]] = []
    cursor: str | None = None
    while True:
        answer = client.query(**activity.query(LEDGER, limit=limit, subject=subject, cursor=cursor))
        entries, cursor = activity.page(answer)
        found.append(entries)
        if cursor is None:
            return found


def written(ledger: DynamoLedger, count: int, *, subjects: tuple[str, ...] = ("shop/web",)) -> list[Entry]:
    """`count` entries, the newest first, the subjects by turns."""
    entries = [
        entry(
            entry_id(str(index)),
            at=WHEN + timedelta(milliseconds=index),
            subject=subjects[index % len(subjects)],
        )
        for index in range(count)
    ]
    assert all(ledger.record(each) for each in entries)
    return entries[::-1]


def test_an_entry_is_written_and_read_back_whole(client: Any, ledger: DynamoLedger) -> None:
    whole = entry(asked_in="e1", because='é 😀 "quoted"\n<&>', outcome=Outcome.HELD)
    assert ledger.record(whole)
    assert pages(client, limit=10) == [[whole]]


def test_the_same_entry_twice_is_one_and_the_first_stands(client: Any, ledger: DynamoLedger) -> None:
    assert ledger.record(entry(because="first"))
    assert not ledger.record(entry(because="second", at=WHEN + timedelta(seconds=5)))
    [[kept]] = pages(client, limit=10)
    assert kept.because == "first"


def test_an_empty_text_is_kept_as_one(client: Any, ledger: DynamoLedger) -> None:
    assert ledger.record(entry(because="", correlation=""))
    assert pages(client, limit=1)[0][0].because == ""


def test_all_subjects_come_newest_first_in_pages_without_gap_or_repeat(
    client: Any, ledger: DynamoLedger
) -> None:
    entries = written(ledger, 23, subjects=("shop/web", "shop/db", "command/status"))
    found = pages(client, limit=10)
    assert [len(page) for page in found] == [10, 10, 3]
    assert [each for page in found for each in page] == entries


def test_one_subject_comes_newest_first_and_alone(client: Any, ledger: DynamoLedger) -> None:
    entries = written(ledger, 12, subjects=("shop/web", "shop/webs", "shop/db"))
    found = pages(client, limit=3, subject="shop/web")
    assert [each for page in found for each in page] == [e for e in entries if e.subject == "shop/web"]
    assert pages(client, limit=3, subject="shop/we") == [[]]


def test_entries_of_the_same_millisecond_are_all_there(client: Any, ledger: DynamoLedger) -> None:
    wanted = {entry_id(str(index)) for index in range(9)}
    for id in wanted:
        ledger.record(entry(id))
    found = [each.id for page in pages(client, limit=2) for each in page]
    assert sorted(found) == sorted(wanted)


def test_what_is_written_between_two_pages_does_not_shift_them(client: Any, ledger: DynamoLedger) -> None:
    entries = written(ledger, 4)
    first, cursor = activity.page(client.query(**activity.query(LEDGER, limit=2)))
    ledger.record(entry("newer", at=WHEN + timedelta(days=1)))
    second, _ = activity.page(client.query(**activity.query(LEDGER, limit=2, cursor=cursor)))
    assert [*first, *second] == entries


def test_an_entry_expires_after_the_days_it_is_kept(client: Any, ledger: DynamoLedger) -> None:
    ledger.record(entry())
    item = client.get_item(TableName=LEDGER, Key={"id": {"S": entry().id}})["Item"]
    assert int(item["expires"]["N"]) == int((WHEN + timedelta(days=400)).timestamp())


def test_another_fault_of_the_table_is_not_taken_for_a_repeat(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        DynamoLedger(client, "no-such-table", kept_days=1).record(entry())


def test_the_clock_is_utc_to_the_millisecond() -> None:
    stamp = now()
    assert stamp.utcoffset() == timedelta(0)
    assert stamp.microsecond % 1000 == 0
