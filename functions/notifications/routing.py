"""What is told to whom, and how it reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat.slack import escape, message
from bellhop.errors import ConfigError
from bellhop.ledger import Entry, Outcome

_MARKS = {
    Outcome.DONE: ":white_check_mark:",
    Outcome.HELD: ":pause_button:",
    Outcome.REFUSED: ":no_entry:",
    Outcome.FAILED: ":x:",
    Outcome.SUPERSEDED: ":fast_forward:",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A notice for a channel."""

    id: str


@dataclass(frozen=True, slots=True)
class Asker:
    """An answer to where a command was asked. id: of the reply address."""

    id: str


class _Slack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel: str


class Routes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The notifications document: `{"slack": {"channel": "C024BE91L"}}`."""

    slack: _Slack | None = None


def parse_routes(document: str | None) -> Routes:
    """From the parameter's text. None (no such parameter): nobody is told. Raises ConfigError."""
    if document is None:
        return Routes()
    try:
        return msgspec.json.decode(document, type=Routes)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"the notifications document is wrong: {error}") from error


def destinations(entry: Entry, routes: Routes) -> list[Channel | Asker]:
    """Who is told of an entry: whoever asked, always; the team, of what changed or could not be done.

    The team is not told twice of what one person asked for and did not get.
    """
    told: list[Channel | Asker] = [Asker(entry.asked_in)] if entry.asked_in else []
    team = entry.outcome is Outcome.DONE or (
        entry.outcome in {Outcome.FAILED, Outcome.REFUSED, Outcome.SUPERSEDED} and not entry.asked_in
    )
    if entry.flow != "commands" and team and routes.slack:
        told.append(Channel(routes.slack.channel))
    return told


def render(entry: Entry) -> dict[str, Any]:
    """An entry as a Slack message: what, from, to; and why."""
    text = f"{_MARKS.get(entry.outcome, '')} *{escape(entry.summary)}*\n{escape(entry.because)}"
    return message(text, context=f"{escape(entry.actor)} · {escape(entry.reason)} · {entry.id[:8]}")


def render_own_alarm(event: AlarmEvent) -> dict[str, Any]:
    """One of Bellhop's own alarms as a Slack message."""
    mark = ":rotating_light:" if event.state is State.ALARM else ":information_source:"
    text = f"{mark} *Bellhop's own alarm {escape(event.name)}: {event.state}*\n{escape(event.reason)}"
    return message(text, context="what to do: docs/operations.md")
