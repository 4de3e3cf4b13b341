"""Atom and RSS feeds as items of plain text. Pure.

Python's own parser: what is dangerous in XML needs a document type (entities that grow or read files), and a text
with one is refused before it is parsed; no feed needs one. That leaves nothing for another dependency to do.
"""

from __future__ import annotations

import hashlib
import html
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from bellhop.errors import InvalidInputError
from views import Item

_ATOM = "{http://www.w3.org/2005/Atom}"
_TITLE, _TEXT, _MOST = 300, 700, 100
#: What Reddit puts under every post.
_FOOTER = re.compile(r"\s*submitted by\s+/u/\S+.*\Z", re.DOTALL)
_BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3"})


def items_in(body: bytes) -> list[Item]:
    """The feed's entries that have a title, at most 100, in its order. Raises InvalidInputError."""
    try:
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InvalidInputError("the feed declares a document type")
        root = ET.fromstring(text)  # noqa: S314  without a document type; see above
    except (UnicodeDecodeError, ET.ParseError, ValueError) as error:
        raise InvalidInputError(f"not a feed ({type(error).__name__})") from error
    entries = [_atom(each) for each in root.iter(f"{_ATOM}entry")] or [
        _rss(each) for each in root.iter("item")
    ]
    return [item for item in entries if item is not None][:_MOST]


def _atom(entry: ET.Element) -> Item | None:
    links = [link.get("href", "") for link in entry.findall(f"{_ATOM}link")]
    text = entry.findtext(f"{_ATOM}content") or entry.findtext(f"{_ATOM}summary")
    return _item(
        entry.findtext(f"{_ATOM}id"), entry.findtext(f"{_ATOM}title"), text, links[0] if links else None
    )


def _rss(item: ET.Element) -> Item | None:
    link = item.findtext("link")
    return _item(item.findtext("guid") or link, item.findtext("title"), item.findtext("description"), link)


def _item(id: str | None, title: str | None, text: str | None, link: str | None) -> Item | None:
    """None for what has no title, or is too long to tell whole."""
    said, more = _plain(title or ""), _FOOTER.sub("", _plain(text or "")).strip()
    if not said or len(said) > _TITLE or len(more) > _TEXT:
        return None
    known = hashlib.sha256((id or said).encode()).hexdigest()[:12]
    return Item(known, said, "" if more == said else more, _link(link or ""))


def _link(url: str) -> str:
    url = url.strip()
    return url if re.fullmatch(r"https://[^\s<>|\"']{1,500}", url) else ""


def _plain(markup: str) -> str:
    """Its text, without tags; a paragraph a line."""
    if "<" not in markup:
        return " ".join(html.unescape(markup).split())
    reader = _Text()
    reader.feed(markup)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data.replace("\n", " "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  as inherited
        if tag in _BREAKS:
            self.parts.append("\n")
