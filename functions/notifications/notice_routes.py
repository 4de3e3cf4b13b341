"""The notifications document: which channel a notice goes to, when it is not told, where its entry is read. Pure,
but for the time zone database.

    {"slack": {"channel": "C024BE91L", "routes": [{"channel": "C0SHOP", "subjects": ["shop/*"]}]}}

docs/configuration.md has all of it. Nothing configured means that no channel is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from bellhop.chat.slack import escape
from bellhop.errors import ConfigError
from bellhop.ledger import Entry, Outcome

#: A Slack channel's id. Slack knows whether there is one.
_Channel = Annotated[str, Meta(pattern=r"^\S{1,80}\Z")]
#: Flows whose entries are notices. What `commands` writes was answered already.
_Flow = Literal["jobs", "scaling"]
_Action = Annotated[str, Meta(pattern=r"^[a-z][a-z-]{0,39}\Z")]
#: As in a shell, over the whole subject ("shop/web").
_Pattern = Annotated[str, Meta(min_length=1, max_length=400)]
_Time = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
_Zone = Annotated[str, Meta(pattern=r"^[A-Za-z][-+_A-Za-z0-9/]{0,63}\Z")]
_AtLeastOne = Meta(min_length=1)

#: What a URL is made of (RFC 3986), and what stands for a placeholder: nothing of it ends a link of Slack's.
_URL = re.compile(r"[-A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%{}]{1,300}")
_PLACEHOLDERS = re.compile(r"\{(?:id|subject)\}")
#: A link that is longer, as Slack is given it, is left out: what cuts long small print (bellhop.chat.cutting) takes
#: no half of one up to 500 characters.
_LINK = 450


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """channel: None tells nobody. The lists are alternatives, all that are given must match; None: any."""

    channel: _Channel | None
    flows: Annotated[tuple[_Flow, ...], _AtLeastOne] | None = None
    actions: Annotated[tuple[_Action, ...], _AtLeastOne] | None = None
    outcomes: Annotated[tuple[Outcome, ...], _AtLeastOne] | None = None
    subjects: Annotated[tuple[_Pattern, ...], _AtLeastOne] | None = None

    def matches(self, entry: Entry) -> bool:
        return (
            (self.flows is None or entry.flow in self.flows)
            and (self.actions is None or entry.action in self.actions)
            and (self.outcomes is None or entry.outcome in self.outcomes)
            and (self.subjects is None or any(fnmatchcase(entry.subject, each) for each in self.subjects))
        )


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Daily hours on the clocks of `timezone` in which these outcomes are not told. Others are always."""

    begin: _Time = msgspec.field(name="from")
    until: _Time
    timezone: _Zone
    outcomes: Annotated[tuple[Outcome, ...], _AtLeastOne]

    def holds(self, outcome: Outcome, now: datetime) -> bool:
        """Whether it is not told now. `from` is within the hours, `until` is not. now: with its zone."""
        if outcome not in self.outcomes:
            return False
        clock = now.astimezone(ZoneInfo(self.timezone)).strftime("%H:%M")
        if self.begin < self.until:
            return self.begin <= clock < self.until
        return clock >= self.begin or clock < self.until


class Slack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """channel: of what no route matches, and of Bellhop's own alarms."""

    channel: _Channel
    routes: tuple[Route, ...] = ()
    quiet: Quiet | None = None
    ledger_url: str | None = None

    def is_quiet(self, entry: Entry, now: datetime) -> bool:
        return self.quiet is not None and self.quiet.holds(entry.outcome, now)

    def channel_for(self, entry: Entry) -> str | None:
        """The first matching route's, at any hour. None: it silences."""
        return next((route.channel for route in self.routes if route.matches(entry)), self.channel)


class Routes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    slack: Slack | None = None

    def link(self, entry: Entry) -> str | None:
        """Where the entry is read: the `ledger_url` with its placeholders filled. None when there is none, or it
        is too long for small print."""
        if self.slack is None or self.slack.ledger_url is None:
            return None
        filled = self.slack.ledger_url.replace("{id}", _encoded(entry.id))
        filled = filled.replace("{subject}", _encoded(entry.subject))
        return filled if len(escape(filled)) <= _LINK else None


def decode(document: str) -> Routes:
    """From the parameter's text. Raises ConfigError that names the field."""
    try:
        routes = msgspec.json.decode(document, type=Routes)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"the notifications document is wrong: {error}") from error
    if faults := list(_faults(routes)):
        raise ConfigError(f"the notifications document is wrong: {'; '.join(faults)}")
    return routes


def _encoded(value: str) -> str:
    return quote(value, safe="", errors="replace")


def _faults(routes: Routes) -> Iterator[str]:
    if routes.slack is None:
        return
    quiet, url = routes.slack.quiet, routes.slack.ledger_url
    if quiet is not None and quiet.begin == quiet.until:
        yield "from and until are the same - at `$.slack.quiet.until`"
    if quiet is not None and not _is_zone(quiet.timezone):
        yield f"this function knows no time zone {quiet.timezone} - at `$.slack.quiet.timezone`"
    if url is not None and not _is_link(url):
        yield (
            "no https URL of at most 300 characters, with {id} and {subject} as the only placeholders, after the "
            "host - at `$.slack.ledger_url`"
        )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # there is none; no name of one; a folder of them
        return False
    return True


def _is_link(url: str) -> bool:
    bare = _PLACEHOLDERS.sub("", url)
    if not _URL.fullmatch(url) or "{" in bare or "}" in bare:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and "{" not in parts.netloc
    )
