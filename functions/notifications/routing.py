"""What is told to whom, and how it reads. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import notice_routes
from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat.message import Button, Message
from bellhop.chat.replies import Address
from bellhop.chat.slack import escape
from bellhop.ledger import Entry, Outcome
from notice_routes import Routes

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


def parse_routes(document: str | None) -> Routes:
    """From the parameter's text. None (no such parameter): nobody is told. Raises ConfigError."""
    return Routes() if document is None else notice_routes.decode(document)


def destinations(entry: Entry, routes: Routes, asked: Address | None, *, now: datetime) -> list[Destination]:
    """Who is told of an entry: whoever asked, always; and at most one channel of the team's, by the routes and
    outside its quiet hours.

    asked: where the command was asked that the entry is the outcome of. Nobody is told twice: not the team of
    what one person asked for and did not get, nor a channel that has the answer already.
    """
    told = [] if asked is None else [_answer(asked)]
    if routes.slack is None or not _is_the_teams(entry) or routes.slack.is_quiet(entry, now):
        return told
    channel = routes.slack.channel_for(entry)
    if channel is None or (asked is not None and (asked.platform, asked.channel) == ("slack", channel)):
        return told
    return [*told, Channel(channel)]


def withheld(entry: Entry, routes: Routes, *, now: datetime) -> str | None:
    """Why no channel is told of what one would be told of without routes and quiet hours: "QuietHours",
    "Silenced". None: it is not withheld."""
    if routes.slack is None or not _is_the_teams(entry):
        return None
    if routes.slack.is_quiet(entry, now):
        return "QuietHours"
    return "Silenced" if routes.slack.channel_for(entry) is None else None


def _is_the_teams(entry: Entry) -> bool:
    """What changed, what could not be done, what holds it that somebody should look into, and what Bellhop itself
    asks (for approval)."""
    unasked = entry.outcome in {Outcome.FAILED, Outcome.REFUSED, Outcome.SUPERSEDED, Outcome.ASKED} or (
        entry.outcome is Outcome.HELD and entry.reason in _HOLDS_TOLD
    )
    team = entry.outcome is Outcome.DONE or (unasked and not entry.asked_in)
    return team and entry.flow != "commands"


def _answer(asked: Address) -> Destination:
    if asked.platform == "messenger":
        return Private(asked.workspace, asked.user)
    if asked.response_url is None:
        return Channel(asked.channel, asked.thread)
    return Answer(asked.response_url, asked.channel, asked.thread)


def render(entry: Entry, *, link: str | None = None) -> Message:
    """An entry as a message: what, from, to; why; and what may be done about it. link: where it is read
    (`Routes.link`)."""
    text = f"{_MARKS.get(entry.outcome, '')} *{escape(entry.summary)}*\n{escape(entry.because)}"
    context = f"{escape(entry.actor)} · {escape(entry.reason)} · {entry.id[:8]}"
    if link is not None:
        context += f" · <{escape(link)}|ledger>"
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
