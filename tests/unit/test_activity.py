"""Reading the ledger back: the Query, its cursor, and what the API shows."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop import activity
from bellhop.errors import InvalidInputError
from bellhop.ledger import Outcome, entry_id, from_item, to_item
from tests.unit.chat_world import WHEN, entry


def cursor(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def test_all_entries_are_asked_for_newest_first() -> None:
    assert activity.query("ledger", limit=20) == {
        "TableName": "ledger",
        "IndexName": "newest",
        "KeyConditionExpression": "#key = :key",
        "ExpressionAttributeNames": {"#key": "feed"},
        "ExpressionAttributeValues": {":key": {"S": "all"}},
        "ScanIndexForward": False,
        "Limit": 20,
    }


def test_one_subjects_entries_come_from_their_own_index() -> None:
    request = activity.query("ledger", limit=1, subject="shop/web")
    assert request["IndexName"] == "by-subject"
    assert request["ExpressionAttributeNames"] == {"#key": "subject"}
    assert request["ExpressionAttributeValues"] == {":key": {"S": "shop/web"}}


@pytest.mark.parametrize("limit", [-1, 0, 101, 10**9])
def test_a_limit_out_of_range_is_bad_input(limit: int) -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 100"):
        activity.query("ledger", limit=limit)


def test_an_empty_subject_is_bad_input_and_not_all_entries() -> None:
    with pytest.raises(InvalidInputError, match="subject"):
        activity.query("ledger", limit=1, subject="")


@pytest.mark.parametrize(
    ("subject", "key", "value"), [(None, "feed", "all"), ("shop/web", "subject", "shop/web")]
)
def test_a_pages_cursor_leads_to_the_next(subject: str | None, key: str, value: str) -> None:
    item = to_item(entry(), expires=WHEN)
    last = {key: item[key], "id": item["id"], "sort": item["sort"]}
    entries, found = activity.page({"Items": [item], "LastEvaluatedKey": last})
    assert entries == [entry()]
    assert found is not None
    request = activity.query("ledger", limit=1, subject=subject, cursor=found)
    assert request["ExclusiveStartKey"] == last
    assert request["ExpressionAttributeValues"] == {":key": {"S": value}}


@pytest.mark.parametrize("answer", [{"Items": []}, {"Items": [], "LastEvaluatedKey": {}}])
def test_the_last_page_has_no_cursor(answer: dict[str, object]) -> None:
    assert activity.page(answer) == ([], None)


def test_a_cursor_is_safe_in_a_url_as_it_is() -> None:
    item = to_item(entry("f" * 32), expires=WHEN)
    _, found = activity.page({"Items": [], "LastEvaluatedKey": item})
    assert found is not None
    assert set(found) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


BAD = [
    *("", "x", "!!!", "é", "AAAA", "====", cursor(5), cursor(None), cursor("text"), cursor([])),
    *(cursor(["a"]), cursor(["a", "b", "c"]), cursor(["a", 5]), cursor([None, "b"]), cursor({"a": {}})),
    *(cursor(["a\ud800", "b"]), cursor(["a", "é"]), base64.urlsafe_b64encode(b"[" * 200_000).decode()),
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_cursor_that_no_page_gave_is_bad_input(text: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        activity.query("ledger", limit=1, cursor=text)


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_no_cursor_raises_anything_else(text: str) -> None:
    try:
        request = activity.query("ledger", limit=1, cursor=text)
    except InvalidInputError:
        return
    assert json.dumps(request).isascii()


def test_an_entry_is_shown_with_its_time_and_without_what_it_has_not() -> None:
    shown = activity.as_json(entry())
    assert (shown["at"], shown["outcome"]) == ("2026-11-20T09:00:00Z", "done")
    assert "asked_in" not in shown
    assert activity.as_json(entry(asked_in="e1"))["asked_in"] == "e1"


@given(
    st.sampled_from(Outcome),
    st.text(st.characters(codec="utf-8")),
    st.integers(0, 10**12),
    st.none() | st.text(st.characters(codec="utf-8")),
)
def test_an_entry_comes_back_from_its_item_as_it_was(
    outcome: Outcome, text: str, milliseconds: int, asked_in: str | None
) -> None:
    written = entry(
        outcome=outcome, because=text, at=WHEN + timedelta(milliseconds=milliseconds), asked_in=asked_in
    )
    assert from_item(to_item(written, expires=WHEN)) == written


def test_an_item_sorts_by_time_and_expires() -> None:
    item = to_item(entry(), expires=WHEN + timedelta(days=1))
    assert item["sort"] == {"S": "2026-11-20T09:00:00.000+00:00#0123456789abcdef"}
    assert item["expires"] == {"N": str(int(WHEN.timestamp()) + 86_400)}


def test_the_same_cause_is_the_same_id_and_its_parts_do_not_run_together() -> None:
    assert entry_id("a", "b") == entry_id("a", "b")
    assert (
        len({entry_id("a", "b"), entry_id("ab"), entry_id("b", "a"), entry_id("a"), entry_id("a", "")}) == 5
    )
