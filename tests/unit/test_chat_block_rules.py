"""What the stand-in refuses of a message's text and blocks, as Slack does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.chat.block_rules import RefusedError, checked_blocks, checked_text

type Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: object) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def buttons(count: int = 1, **more: object) -> Block:
    made = [{"type": "button", "text": plain("ok"), "action_id": f"a{n}", **more} for n in range(count)]
    return {"type": "actions", "elements": made}


def confirm(title: str) -> Block:
    return {"title": plain(title), "text": plain("x"), "confirm": plain("yes"), "deny": plain("no")}


FINE: list[Block] = [
    {"type": "header", "text": {**plain("h" * 150), "emoji": True}},
    section("s" * 3000, block_id="one"),
    {"type": "section", "fields": [{"type": "mrkdwn", "text": "f" * 400}] * 10},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 10},
    {"type": "divider"},
    buttons(25, style="danger", value="v" * 2000, confirm=confirm("sure?")),
    section(accessory={"type": "button", "text": plain("go"), "action_id": "go", "url": "https://x.org"}),
    {"type": "image", "image_url": "https://x.org/a.png", "alt_text": "a"},
]


def test_blocks_at_their_limits_are_taken_as_they_are() -> None:
    assert checked_blocks(FINE) == FINE
    assert checked_blocks(json.dumps(FINE)) == FINE
    assert checked_blocks([section()] * 50) == [section()] * 50


@pytest.mark.parametrize("nothing", [None, [], ""])
def test_no_blocks_are_no_blocks(nothing: object) -> None:
    assert checked_blocks(nothing) == []


@pytest.mark.parametrize(
    ("blocks", "where"),
    [
        ([{"type": "header", "text": plain("h" * 151)}], "/blocks/0"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "h"}}], "/blocks/0/text/type"),
        ([section(), section("s" * 3001)], "/blocks/1"),
        ([section("")], "/blocks/0/text/text"),
        ([section(colour="red")], "/blocks/0/colour"),
        ([{"type": "section"}], "/blocks/0"),
        ([{"type": "section", "fields": [plain("x")] * 11}], "/blocks/0"),
        ([{"type": "section", "fields": [plain("x"), plain("x" * 2001)]}], "/blocks/0/fields/1/text"),
        ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0"),
        ([buttons(26)], "/blocks/0"),
        ([buttons(value="v" * 2001)], "/blocks/0"),
        ([buttons(text=plain("t" * 76))], "/blocks/0"),
        ([buttons(style="blue")], "/blocks/0"),
        ([buttons(2, action_id="same")], "/blocks/0/elements/1/action_id"),
        ([buttons(confirm=confirm("t" * 101))], "/blocks/0"),
        ([{"type": "actions", "elements": [{"type": "knob"}]}], "/blocks/0/elements/0"),
        ([section(block_id="same"), section(block_id="same")], "/blocks/1/block_id"),
        ([{"type": "sektion", "text": plain("x")}], "/blocks/0"),
        (["hello"], "/blocks/0"),
        ([section()] * 51, "/blocks"),
    ],
)
def test_an_overrun_is_refused_with_the_place_where_it_is(blocks: list[Any], where: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checked_blocks(blocks)
    assert refused.value.code == "invalid_blocks"
    assert [detail for detail in refused.value.details if f"[json-pointer:{where}]" in detail]


@pytest.mark.parametrize("blocks", ["[{", {"type": "section"}, 7])
def test_what_is_no_list_of_blocks_has_the_wrong_format(blocks: object) -> None:
    with pytest.raises(RefusedError, match=r"^invalid_blocks_format$"):
        checked_blocks(blocks)


def test_many_long_blocks_together_are_too_long() -> None:
    with pytest.raises(RefusedError, match=r"^msg_blocks_too_long$"):
        checked_blocks([section("s" * 2700)] * 5)


def test_text_may_have_forty_thousand_characters_and_no_more() -> None:
    assert checked_text("x" * 40_000) == "x" * 40_000
    with pytest.raises(RefusedError, match=r"^msg_too_long$"):
        checked_text("x" * 40_001)
    with pytest.raises(RefusedError, match=r"^invalid_arguments$"):
        checked_text(7)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
KEYS = (
    st.sampled_from(["type", "text", "fields", "elements", "accessory", "block_id", "action_id"]) | st.text()
)
TYPES = st.sampled_from(
    ["section", "header", "actions", "context", "divider", "mrkdwn", "plain_text", "button"]
)
JUNK = st.recursive(
    LEAVES | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner | TYPES, max_size=4),
    max_leaves=12,
)


def judged(blocks: object) -> object:
    try:
        return checked_blocks(blocks)
    except RefusedError as refused:
        return refused.code


@given(JUNK)
def test_junk_is_refused_by_name_or_taken_as_it_is(junk: object) -> None:
    assert judged([junk]) in ([junk], "invalid_blocks", "msg_blocks_too_long")
