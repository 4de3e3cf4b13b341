"""Which feeds `joke` and `fact` tell from: a JSON document in Parameter Store. Pure.

    {"joke": {"url": "https://www.reddit.com/r/dadjokes/.rss"}, "fact": {"url": ""}}

Nothing configured means the two below. An empty url reads nothing: what is bundled is told.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from bellhop.errors import ConfigError


class Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """url: of an Atom or RSS feed, https; "" for none."""

    url: str = ""


class FeedsDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Field names are the feeds' names."""

    joke: Feed = Feed("https://www.reddit.com/r/dadjokes/.rss")
    fact: Feed = Feed("https://www.reddit.com/r/todayilearned/.rss")


def parse_feeds(document: str | None) -> FeedsDocument:
    """From the parameter's text. Raises ConfigError for a document that is malformed, or another URL than https."""
    if document is None:
        return FeedsDocument()
    try:
        parsed = msgspec.json.decode(document, type=FeedsDocument)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"the feeds document is wrong: {error}") from error
    for name in ("joke", "fact"):
        url = getattr(parsed, name).url
        if url and not _is_https(url):
            raise ConfigError(f"the feeds document is wrong: the url of {name} is not an https URL")
    return parsed


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None
