"""`views.Feeds`: items from the network, kept a while, with what is bundled behind them; and who read what."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from bellhop.errors import BellhopError
from feed_document import Feed, FeedsDocument, parse_feeds
from views import Context, Item

log = logging.getLogger("bellhop.commands")

#: Seconds: how old a feed may be, and how soon one that failed is tried again.
KEPT, RETRIED = 15 * 60.0, 5 * 60.0
#: How long `more` knows what it is more of.
CONTEXT_LASTS = timedelta(minutes=20)
_SEEN = 50
_BUNDLED = Path(__file__).with_name("bundled_feeds.json")


@dataclass(frozen=True, slots=True)
class _Kept:
    url: str
    items: list[Item]
    until: float


class KeptFeeds:
    """document: gives the feeds document's text, or None. fetch: gives a URL's body; both raise BellhopError.
    clock: seconds, monotonic. dynamodb: a boto3 client; table: the state table."""

    def __init__(
        self,
        *,
        document: Callable[[], str | None],
        fetch: Callable[[str], bytes],
        clock: Callable[[], float],
        dynamodb: Any,  # noqa: ANN401
        table: str,
    ) -> None:
        self._document = document
        self._fetch = fetch
        self._clock = clock
        self._dynamodb = dynamodb
        self._table = table
        self._kept: dict[str, _Kept] = {}

    def items(self, feed: str) -> list[Item]:
        url, now = self._url(feed), self._clock()
        kept = self._kept.get(feed)
        if kept is None or kept.url != url:
            kept = _Kept(url, bundled()[feed], now)
        if url and now >= kept.until:
            kept = self._fetched(feed, kept, now)
        self._kept[feed] = kept
        return kept.items

    def _url(self, feed: str) -> str:
        try:
            document = parse_feeds(self._document())
        except BellhopError as error:
            log.warning("feeds.document", extra={"code": error.code, "because": str(error)})
            document = FeedsDocument(Feed(), Feed())
        chosen: Feed = getattr(document, feed)
        return chosen.url

    def _fetched(self, feed: str, kept: _Kept, now: float) -> _Kept:
        # Its parsers' 10 ms are not every command's.
        from atom import items_in  # noqa: PLC0415

        try:
            items = items_in(self._fetch(kept.url))
        except BellhopError as error:
            # The URL is not said: it may hold a key of its own.
            log.warning("feeds.unread", extra={"feed": feed, "code": error.code, "because": str(error)})
            items = []
        if not items:
            return _Kept(kept.url, kept.items, now + RETRIED)
        return _Kept(kept.url, items, now + KEPT)

    def context(self, who: str, *, now: datetime) -> Context | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"context#{who}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None or int(item["expiration"]["N"]) <= now.timestamp():
            return None
        return Context(item["feed"]["S"], tuple(json.loads(item["seen"]["S"])))

    def keep(self, who: str, context: Context, *, now: datetime) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"context#{who}"},
                "feed": {"S": context.feed},
                "seen": {"S": json.dumps(context.seen[-_SEEN:])},
                "expiration": {"N": str(int((now + CONTEXT_LASTS).timestamp()))},
            },
        )


@cache
def bundled() -> dict[str, list[Item]]:
    """What stands in, by feed."""
    found = json.loads(_BUNDLED.read_text(encoding="utf-8"))
    return {
        feed: [Item(f"{feed}-{number}", **each) for number, each in enumerate(entries)]
        for feed, entries in found.items()
    }
