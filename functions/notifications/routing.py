"""What is told to whom, and how it reads. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat.message import Button, Message
from bellhop.chat.replies import Address
from bellhop.chat.slack import escape
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


#: What becomes of a command's words in a button: names that need no quotes.
_TARGET = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9.-]*)")
#: Where a question's summary says how to say yes (functions/scaling/entries.py).
_APPROVE = re.compile(r"`(approve [0-9a-f]{8})`")


@dataclass(frozen=True, slots=True)
class Channel:
    """A notice for a Slack channel. thread: under the message of that ts."""

    id: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer where a Slack command was asked, for the whole channel to see."""

    response_url: str
    channel: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Private:
    """An answer to a person in Messenger. page: the page's id. person: theirs, as the page knows them."""

    page: str
    person: str


type Destination = Channel | Answer | Private


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


def destinations(entry: Entry, routes: Routes, asked: Address | None) -> list[Destination]:
    """Who is told of an entry: whoever asked, always; the team, of what changed, of what could not be done, of
    what holds it that somebody should look into, and of what Bellhop itself asks (for approval).

    asked: where the command was asked that the entry is the outcome of. Nobody is told twice: not the team of
    what one person asked for and did not get, nor a channel that has the answer already.
    """
    told = [] if asked is None else [_answer(asked)]
    unasked = entry.outcome in {Outcome.FAILED, Outcome.REFUSED, Outcome.SUPERSEDED, Outcome.ASKED} or (
        entry.outcome is Outcome.HELD and entry.reason in _HOLDS_TOLD
    )
    team = entry.outcome is Outcome.DONE or (unasked and not entry.asked_in)
    if entry.flow == "commands" or not team or routes.slack is None:
        return told
    if asked is not None and (asked.platform, asked.channel) == ("slack", routes.slack.channel):
        return told
    return [*told, Channel(routes.slack.channel)]


def _answer(asked: Address) -> Destination:
    if asked.platform == "messenger":
        return Private(asked.workspace, asked.user)
    if asked.response_url is None:
        return Channel(asked.channel, asked.thread)
    return Answer(asked.response_url, asked.channel, asked.thread)


def render(entry: Entry) -> Message:
    """An entry as a message: what, from, to; why; and what may be done about it."""
    text = f"{_MARKS.get(entry.outcome, '')} *{escape(entry.summary)}*\n{escape(entry.because)}"
    context = f"{escape(entry.actor)} · {escape(entry.reason)} · {entry.id[:8]}"
    return Message(text, _buttons(entry), context)


def render_own_alarm(event: AlarmEvent) -> Message:
    """One of Bellhop's own alarms as a message."""
    mark = ":rotating_light:" if event.state is State.ALARM else ":information_source:"
    text = f"{mark} *Bellhop's own alarm {escape(event.name)}: {event.state}*\n{escape(event.reason)}"
    return Message(text, context="what to do: docs/operations.md")


def _buttons(entry: Entry) -> tuple[Button, ...]:
    """For a question: yes. For what a policy did or held back by itself: why, and no more of it."""
    if entry.flow != "scaling":
        return ()
    if entry.outcome is Outcome.ASKED:
        found = _APPROVE.search(entry.summary)
        return (Button("Approve", found[1], style="primary"),) if found else ()
    target = _TARGET.fullmatch(entry.subject)
    by_itself = entry.action == "scale" and entry.actor.startswith("alarm ")
    if not by_itself or target is None or entry.outcome not in {Outcome.DONE, Outcome.HELD}:
        return ()
    namespace, name = target.groups()
    confirm = f"From then on alarms no longer change the size of {entry.subject}, until somebody resumes it."
    return (
        Button("Explain", f"explain {name} -n {namespace}"),
        Button("Pause", f"pause {name} -n {namespace}", confirm=confirm),
    )
