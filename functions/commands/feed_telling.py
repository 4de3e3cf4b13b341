"""The next item of a feed for who asks: one that they have not read lately."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from bellhop.chat.message import Button
from bellhop.chat.slack import escape
from registry import Answer, Call
from views import Context, Item


def tell(call: Call, feed: str, known: Context | None) -> Answer:
    """The next item of the feed. known: what they read last, of whatever feed."""
    feeds = call.desk.views.feeds
    seen = known.seen if known is not None and known.feed == feed else ()
    item = chosen(feeds.items(feed), seen, chance=call.envelope.id)
    # One that was seen comes again only when all were: then it counts from there.
    seen = (item.id,) if item.id in seen else (*seen, item.id)
    feeds.keep(reader(call), Context(feed, seen), now=call.at)
    return Answer(_shown(item), buttons=(Button("More", "more"),))


def reader(call: Call) -> str:
    """Who asks, and where: each channel has its own thread of jokes."""
    asked = call.envelope
    return f"{asked.platform}/{asked.workspace}/{asked.channel}/{asked.user}"


def chosen(items: Sequence[Item], seen: Collection[str], *, chance: str) -> Item:
    """One of those not seen, or of all when all are: the same for the same `chance`."""
    left = [item for item in items if item.id not in seen] or list(items)
    drawn = int.from_bytes(hashlib.sha256(chance.encode()).digest()[:8])
    return left[drawn % len(left)]


def _shown(item: Item) -> str:
    lines = [f"*{_flat(item.title)}*" if item.text else _flat(item.title)]
    lines += [_flat(item.text)] if item.text else []
    lines += [f"<{escape(item.link)}|source>"] if item.link else []
    return "\n".join(lines)


def _flat(text: str) -> str:
    """Escaped, and without what Slack would take for bold or code."""
    return escape(text.replace("```", "'''").replace("*", "\u2217"))
