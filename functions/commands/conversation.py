"""One command from envelope to answer: parse, authorise, run, record, reply. Each happens once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import parsing
from bellhop.chat.access import Access, Person
from bellhop.chat.envelope import Envelope
from bellhop.chat.replies import Replies
from bellhop.chat.slack import escape, message
from bellhop.errors import BellhopError, RefusedError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from registry import Answer, Call, Command, Desk

log = logging.getLogger("bellhop.commands")


class Responder(Protocol):
    """Posts to a response_url (`bellhop.chat.outbound.SlackPoster`)."""

    def respond(self, response_url: str, message: dict[str, Any]) -> None: ...


class Conversation:
    """Answers envelopes. access: read for each command, so that a change counts within its cache's time."""

    def __init__(
        self,
        *,
        commands: Mapping[str, Command],
        access: Callable[[], Access],
        desk: Desk,
        ledger: Ledger,
        replies: Replies,
        responder: Responder,
        clock: Callable[[], datetime],
    ) -> None:
        self._commands = commands
        self._access = access
        self._desk = desk
        self._ledger = ledger
        self._replies = replies
        self._responder = responder
        self._clock = clock

    def execute(self, envelope: Envelope) -> dict[str, Any]:
        """Run the command and record it; answers the message to reply with. Never raises for what the command
        does wrong: a failing command is answered, recorded and done, so that it cannot block those after it."""
        if envelope.response_url:
            asked_at = datetime.fromtimestamp(envelope.received_at, UTC)
            self._replies.keep(envelope.id, envelope.response_url, envelope.channel, asked_at=asked_at)
        who, action, because = envelope.caller, "command", "asked in chat"
        try:
            typed = parsing.words(envelope.text) or ["help"]
            person = self._known(envelope)
            who = f"person {person.name}"
            command = self._meant(typed[0], person)
            action = command.name
            _authorise(command, person)
            given = parsing.bind(command, typed[1:])
            answer = command.run(Call(command, given, person, envelope, self._desk))
        except RefusedError as refusal:
            because = _UNQUOTED.get(refusal.code, str(refusal))
            answer = Answer(escape(str(refusal)), outcome=Outcome.REFUSED, reason=refusal.code)
        except BellhopError as error:
            log.warning("command.failed", extra={"code": error.code, "because": str(error)})
            because = str(error)
            said = f"That did not work: {escape(because)}"
            answer = Answer(said, outcome=Outcome.FAILED, reason=error.code)
        except Exception:  # answered and recorded, with its traceback in the log: it must not block the group
            log.exception("command.failed", extra={"correlation": envelope.correlation})
            because = f"it is Bellhop's fault: look for {envelope.correlation} in its logs"
            said = f"That did not work, and {escape(because)}."
            answer = Answer(said, outcome=Outcome.FAILED, reason="InternalError")
        self._ledger.record(_entry(envelope, who, action, answer, because, self._clock()))
        return message(answer.text) | {"response_type": "in_channel" if answer.public else "ephemeral"}

    def reply(self, envelope: Envelope, answer: dict[str, Any]) -> None:
        """Post the answer where the command was asked. Raises UnavailableError or BusyError to be called again."""
        if envelope.response_url is None:
            log.warning("reply.nowhere", extra={"correlation": envelope.correlation})
            return
        try:
            self._responder.respond(envelope.response_url, answer)
        except RefusedError as refusal:
            # Too late, or not Slack's: nobody can be told any more. The ledger has what was done.
            log.warning("reply.refused", extra={"code": refusal.code, "correlation": envelope.correlation})

    def _known(self, envelope: Envelope) -> Person:
        person = self._access().person(envelope.caller)
        if person is None:
            said = f"you are not in the access document: ask an admin to add {envelope.caller} (docs/configuration.md)"
            raise RefusedError("UnknownPerson", said)
        return person

    def _meant(self, name: str, person: Person) -> Command:
        """The command of that name. Suggestions are only of what this person may run."""
        allowed = [n for n, command in self._commands.items() if person.may(command.risk)]
        return parsing.find(self._commands, name, allowed=allowed)


def _authorise(command: Command, person: Person) -> None:
    """Who may not is told no more than that."""
    if not person.may(command.risk):
        roles = ", ".join(person.roles) or "no role"
        raise RefusedError(
            "NotAllowed", f"`{command.name}` is not among what {person.name} ({roles}) may run"
        )


#: What the ledger says where the answer quotes what was typed: people paste secrets into the wrong window.
_UNQUOTED = {
    "UnknownCommand": "what was typed is not a command",
    "BadArguments": "what was typed are not the command's arguments",
    "PolicyMissing": "no policy is called what was typed",
    "QuestionGone": "no open question is called what was typed",
}


def _entry(envelope: Envelope, who: str, action: str, answer: Answer, because: str, now: datetime) -> Entry:
    return Entry(
        id=entry_id(envelope.id, "command"),
        at=now,
        flow="commands",
        action=action,
        outcome=answer.outcome,
        subject=answer.subject or f"command/{action}",
        actor=who,
        summary=f"{action}: {answer.outcome}",
        reason=answer.reason,
        because=because,
        cause=envelope.id,
        correlation=envelope.correlation,
        asked_in=None,
    )
