"""What is told to whom, and how it reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat.replies import Address
from bellhop.chat.slack import escape, message
from bellhop.errors import ConfigError
from bellhop.ledger import Entry, Outcome

_MARKS = {
    Outcome.DONE: ":white_check_mark:",
    Outcome.HELD: ":double_vertical_bar:",
    Outcome.REFUSED: ":no_entry:",
    Outcome.FAILED: ":x:",
    Outcome.SUPERSEDED: ":fast_forward:",
    Outcome.ASKED: ":question:",
}

#: What holds an alarm's change and somebody should look into. The other holds are an autoscaler's daily business.
_HOLDS_TOLD = frozenset(
    {"MetricMissing", "NoReadyPods", "TooManyReplicas", "ScalingDisabled", "AlarmDeleted", "DryRun"}
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A notice for a channel."""

    id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer where the command was asked, for the whole channel to see."""

    response_url: str
    channel: str


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


def destinations(entry: Entry, routes: Routes, asked: Address | None) -> list[Channel | Answer]:
    """Who is told of an entry: whoever asked, always; the team, of what changed, of what could not be done, of
    what holds it that somebody should look into, and of what Bellhop itself asks (for approval).

    asked: where the command was asked that the entry is the outcome of. Nobody is told twice: not the team of
    what one person asked for and did not get, nor a channel that has the answer already.
    """
    told: list[Channel | Answer] = []
    if asked is not None:
        address, channel = asked.response_url, asked.channel
        told.append(Channel(channel) if address is None else Answer(address, channel))
    unasked = entry.outcome in {Outcome.FAILED, Outcome.REFUSED, Outcome.SUPERSEDED, Outcome.ASKED} or (
        entry.outcome is Outcome.HELD and entry.reason in _HOLDS_TOLD
    )
    team = entry.outcome is Outcome.DONE or (unasked and not entry.asked_in)
    if entry.flow == "commands" or not team or routes.slack is None:
        return told
    if asked is not None and asked.channel == routes.slack.channel:
        return told
    return [*told, Channel(routes.slack.channel)]


def render(entry: Entry) -> dict[str, Any]:
    """An entry as a Slack message: what, from, to; and why."""
    text = f"{_MARKS.get(entry.outcome, '')} *{escape(entry.summary)}*\n{escape(entry.because)}"
    return message(text, context=f"{escape(entry.actor)} · {escape(entry.reason)} · {entry.id[:8]}")


def render_own_alarm(event: AlarmEvent) -> dict[str, Any]:
    """One of Bellhop's own alarms as a Slack message."""
    mark = ":rotating_light:" if event.state is State.ALARM else ":information_source:"
    text = f"{mark} *Bellhop's own alarm {escape(event.name)}: {event.state}*\n{escape(event.reason)}"
    return message(text, context="what to do: docs/operations.md")
