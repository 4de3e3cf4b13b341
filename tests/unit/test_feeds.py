"""Jokes and facts: feeds read safely, kept a while, replaced by what is bundled; and `more` of the same."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atom import items_in
from bellhop.chat.slack import SECTION_TEXT
from bellhop.errors import BellhopError, ConfigError, InvalidInputError, RefusedError, UnavailableError
from feed_document import Feed, FeedsDocument, parse_feeds
from feed_telling import chosen
from feeds import KEPT, RETRIED, KeptFeeds, bundled
from tests.unit.chat_world import VIC, WHEN, envelope
from tests.unit.views_world import World
from views import Context, Item

ATOM = """<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<entry><id>t3_1</id><title>Why &amp;amp; how?</title><link href="https://www.reddit.com/r/x/1" />
<content type="html">&lt;div&gt;&lt;p&gt;Because &lt;b&gt;so&lt;/b&gt;.&lt;/p&gt;&lt;p&gt;End&lt;/p&gt;&lt;/div&gt;
 submitted by &lt;a&gt; /u/somebody &lt;/a&gt; [link] [comments]</content></entry>
<entry><id>t3_2</id><title></title></entry>
<entry><id>t3_3</id><title>Long</title><content>LONG</content></entry>
<entry><id>t3_4</id><title>TIL water is wet</title><link href="javascript:alert(1)"/></entry>
</feed>""".replace("LONG", "x" * 2000)
BODY = ATOM.encode()
RSS = """<rss><channel><title>T</title><item><title>One</title><description>Two &lt;br&gt; three</description>
<link>https://example.com/1</link></item></channel></rss>"""


# ---------------------------------------------------------------- reading a feed
def test_an_atom_feed_becomes_plain_text_without_reddits_footer() -> None:
    first, second = items_in(ATOM.encode())
    assert (first.title, first.text) == ("Why & how?", "Because so.\nEnd")
    assert first.link == "https://www.reddit.com/r/x/1"
    assert (second.title, second.text, second.link) == ("TIL water is wet", "", "")
    assert first.id != second.id
    assert items_in(ATOM.encode()) == [first, second]


def test_an_rss_feed_is_read_too() -> None:
    (item,) = items_in(RSS.encode())
    assert (item.title, item.text, item.link) == ("One", "Two\nthree", "https://example.com/1")


LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>'


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS.encode(),
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
        LAUGHS.encode("utf-16"),
        b"not xml",
        b"",
        b"\xff\xfe",
        b"<a>" * 100_000,
    ],
)
def test_a_document_type_and_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        items_in(body)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_body_is_items_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidInputError):
        assert all(item.title for item in items_in(body))


# ---------------------------------------------------------------- the document
def test_no_document_means_the_two_subreddits_and_each_may_be_left_out() -> None:
    assert parse_feeds(None).joke.url == "https://www.reddit.com/r/dadjokes/.rss"
    assert parse_feeds('{"fact": {"url": ""}}') == FeedsDocument(fact=Feed(""))


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        '{"jokes": {}}',
        '{"joke": {"uri": "x"}}',
        '{"joke": {"url": "http://x.example/"}}',
        '{"joke": {"url": "https://"}}',
        '{"joke": {"url": "https://[/"}}',
        '{"joke": {"url": "https://u:p@x.example/"}}',
    ],
)
def test_a_wrong_document_is_refused(document: str) -> None:
    with pytest.raises(ConfigError, match="the feeds document is wrong"):
        parse_feeds(document)


# ---------------------------------------------------------------- keeping
@dataclass
class Source:
    """A feed's host and Parameter Store, and a clock."""

    document: Any = None
    answer: Any = BODY
    now: float = 1000.0
    fetched: list[str] = field(default_factory=list)

    def read(self) -> str | None:
        if isinstance(self.document, BellhopError):
            raise self.document
        found: str | None = self.document
        return found

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if isinstance(self.answer, BellhopError):
            raise self.answer
        found: bytes = self.answer
        return found

    def feeds(self) -> KeptFeeds:
        return KeptFeeds(
            document=self.read, fetch=self.fetch, clock=lambda: self.now, dynamodb=None, table="state"
        )


def test_a_feed_is_fetched_once_in_fifteen_minutes() -> None:
    source = Source()
    feeds = source.feeds()
    assert [item.title for item in feeds.items("joke")] == ["Why & how?", "TIL water is wet"]
    source.now += KEPT - 1
    feeds.items("joke")
    assert source.fetched == ["https://www.reddit.com/r/dadjokes/.rss"]
    source.now += 1
    feeds.items("joke")
    assert len(source.fetched) == 2


@pytest.mark.parametrize(
    "answer", [UnavailableError("403"), RefusedError("PrivateAddress", "no"), b"not xml", b"<feed/>"]
)
def test_a_feed_that_fails_is_bundled_and_tried_again_later(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source(answer=answer)
    feeds = source.feeds()
    assert feeds.items("fact") == bundled()["fact"]
    assert feeds.items("fact") == bundled()["fact"]
    assert len(source.fetched) == 1
    source.now, source.answer = source.now + RETRIED, ATOM.encode()
    assert feeds.items("fact") != bundled()["fact"]


def test_what_was_read_before_stands_in_while_a_feed_fails(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    feeds = source.feeds()
    before = feeds.items("joke")
    source.now, source.answer = source.now + KEPT, UnavailableError("429")
    with caplog.at_level(logging.WARNING):
        assert feeds.items("joke") == before
    assert [record.message for record in caplog.records] == ["feeds.unread"]


@pytest.mark.parametrize("document", ["{", UnavailableError("throttled"), '{"joke": {"url": ""}}'])
def test_without_a_document_that_can_be_read_or_a_url_nothing_is_fetched(document: object) -> None:
    source = Source(document=document)
    assert source.feeds().items("joke") == bundled()["joke"]
    assert source.fetched == []


def test_another_url_in_the_document_counts_at_once() -> None:
    source = Source()
    feeds = source.feeds()
    feeds.items("joke")
    source.document = '{"joke": {"url": "https://feeds.example/other"}}'
    feeds.items("joke")
    assert source.fetched[-1] == "https://feeds.example/other"


def test_what_is_bundled_is_twenty_of_each_and_fits() -> None:
    for items in bundled().values():
        assert len({item.id for item in items}) == len({item.title for item in items}) == 20
        assert all(len(item.title) + len(item.text) < 300 for item in items)


# ---------------------------------------------------------------- joke, fact, more
@pytest.fixture
def world() -> World:
    it = World()
    it.feeds.found = {
        feed: [Item(f"{feed}{n}", f"{feed} {n}") for n in range(4)] for feed in ("joke", "fact")
    }
    return it


def test_more_goes_on_with_what_was_asked_last_and_repeats_nothing(world: World) -> None:
    told = [world.ask("fact", id="e0"), *(world.ask("more", id=f"e{n}") for n in range(1, 4))]
    assert sorted(told) == [f"fact {n}" for n in range(4)]
    assert world.ask("more", id="e9") in told
    assert world.ask("joke", id="e10").startswith("joke")
    assert world.ask("more", id="e11").startswith("joke")


def test_more_without_anything_before_it_says_what_to_ask_for(world: World) -> None:
    assert "ask for a `joke` or a `fact` first" in world.ask("more")


def test_each_person_and_channel_has_a_context_of_its_own(world: World) -> None:
    world.ask("joke")
    assert "nothing to go on with" in world.ask("more", user=VIC)
    assert "nothing to go on with" in world.ask("more", channel="C2")


def test_the_same_request_delivered_twice_draws_the_same() -> None:
    items = [Item(str(n), str(n)) for n in range(50)]
    assert chosen(items, (), chance="e1") == chosen(items, (), chance="e1")
    assert len({chosen(items, (), chance=f"e{n}").id for n in range(100)}) > 20


@given(st.sets(st.integers(0, 9)))
def test_what_was_seen_is_drawn_only_when_all_was(seen: set[int]) -> None:
    items = [Item(str(n), str(n)) for n in range(10)]
    drawn = chosen(items, {str(n) for n in seen}, chance="e1")
    assert drawn.id not in {str(n) for n in seen} or len(seen) == 10


def test_an_item_is_escaped_and_has_its_source_and_a_button(world: World) -> None:
    world.feeds.found["joke"] = [Item("1", "<!channel> *a*", "b ``` & c", "https://x.example/?a=1&b=2")]
    message = world.chat().conversation.execute(envelope("joke"))
    text = str(message)
    assert "&lt;!channel&gt;" in text
    assert "<https://x.example/?a=1&amp;b=2|source>" in text
    assert "More" in text


def test_every_bundled_item_can_be_told(world: World) -> None:
    for item in (item for items in bundled().values() for item in items):
        world.feeds.found["joke"] = [item]
        assert len(world.ask("joke")) < SECTION_TEXT


def test_a_context_is_forgotten_after_twenty_minutes() -> None:
    class Table:
        def __init__(self) -> None:
            self.items: dict[str, Any] = {}

        def put_item(self, *, TableName: str, Item: Any) -> None:  # noqa: N803  boto3's names
            self.items[Item["id"]["S"]] = Item

        def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> Any:  # noqa: N803
            found = self.items.get(Key["id"]["S"])
            return {"Item": found} if found else {}

    table = Table()
    feeds = KeptFeeds(
        document=lambda: None, fetch=lambda _: b"", clock=lambda: 0.0, dynamodb=table, table="t"
    )
    feeds.keep("slack/T/C/U", Context("joke", tuple(str(n) for n in range(80))), now=WHEN)
    assert list(table.items) == ["context#slack/T/C/U"]
    kept = feeds.context("slack/T/C/U", now=WHEN + timedelta(minutes=19))
    assert kept == Context("joke", tuple(str(n) for n in range(30, 80)))
    assert feeds.context("slack/T/C/U", now=WHEN + timedelta(minutes=20)) is None
    assert feeds.context("slack/T/C/V", now=WHEN) is None
