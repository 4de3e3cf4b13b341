"""One command from envelope to answer: parse, authorise, propose or run, record, reply. Each happens once."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

import approvals
import parsing
import rate_limits
from approvals import Approvals, Proposal, State, Vote
from bellhop.chat.access import Access, Approval, Ask, Person, Risk
from bellhop.chat.envelope import Envelope
from bellhop.chat.message import Message
from bellhop.chat.replies import Replies, address
from bellhop.chat.slack import escape
from bellhop.errors import BellhopError, RefusedError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from desk import GuardedDesk, authorise, refusal
from rate_limits import RateLimitedError, Rates
from registry import Answer, Call, Command, Desk

log = logging.getLogger("bellhop.commands")


class Replying(Protocol):
    """Posts an answer to where it was asked (`answering.Answering`)."""

    def reply(self, envelope: Envelope, message: Message) -> None: ...


@dataclass(slots=True)
class _Told:
    """What the ledger says of the asking, as far as it is known by then."""

    id: str
    who: str
    action: str = "command"


class _WaitsError(RefusedError):
    """Not without approval. ask: what it would touch."""

    def __init__(self, ask: Ask) -> None:
        super().__init__("ApprovalNeeded", "that needs approval")
        self.ask = ask


class Conversation:
    """Answers envelopes, and is the `Decisions` of its commands. access: read for each command, so that a change
    counts within its cache's time."""

    def __init__(
        self,
        *,
        commands: Mapping[str, Command],
        access: Callable[[], Access],
        desk: Desk,
        ledger: Ledger,
        replies: Replies,
        approvals: Approvals,
        rates: Rates,
        answering: Replying,
        clock: Callable[[], datetime],
    ) -> None:
        self._commands = commands
        self._access = access
        self._desk = desk
        self._ledger = ledger
        self._replies = replies
        self._approvals = approvals
        self._rates = rates
        self._answering = answering
        self._clock = clock

    def execute(self, envelope: Envelope) -> dict[str, Any]:
        """Run the command and record it; answers the message to reply with (`Message`, as JSON). Never raises for
        what the command does wrong: a failing command is answered, recorded and done, so that it cannot block those
        after it."""
        if (where := address(envelope)) is not None:
            asked_at = datetime.fromtimestamp(envelope.received_at, UTC)
            self._replies.keep(envelope.id, where, asked_at=asked_at)
        told = _Told(entry_id(envelope.id, "command"), envelope.caller)
        answer, because = _answered(lambda: self._carry_out(envelope, told), envelope)
        entry = _entry(envelope, told.who, told.action, answer, because, self._clock())
        self._ledger.record(msgspec.structs.replace(entry, id=told.id))
        said = Message(answer.text, buttons=answer.buttons, public=answer.public)
        return dict(msgspec.to_builtins(said))

    def reply(self, envelope: Envelope, answer: dict[str, Any]) -> None:
        """Post the answer where the command was asked. Raises what `Answering.reply` does, to be called again."""
        self._answering.reply(envelope, msgspec.convert(answer, Message))

    def access(self) -> Access:
        """The access document as it counts now. Raises ConfigError."""
        return self._access()

    def _carry_out(self, envelope: Envelope, told: _Told) -> Answer:
        access = self._access()
        self._count(envelope, access, told)
        person = _known(access, envelope)
        typed = parsing.words(envelope.text) or ["help"]
        command = self._meant(typed[0], person)
        told.action = command.name
        if not person.could(command.name, command.risk):
            raise refusal(person, command.name)
        if envelope.platform == "dialogflow" and command.risk is not Risk.READ:
            # Whoever calls the agent is nobody in particular, whatever the access document says.
            raise RefusedError("OnlyReading", f"`{command.name}` is not for Dialogflow: it changes something")
        given = parsing.bind(command, typed[1:])
        ask = command.ask(given, default_namespace=self._desk.default_namespace)
        authorise(person, ask)

        def check(ask: Ask) -> None:
            if access.approval.needed(ask):
                raise _WaitsError(ask)

        try:
            check(ask)
            desk = GuardedDesk(self._desk, person, ask, check)
            return command.run(Call(command, given, person, envelope, desk, self))
        except _WaitsError as waits:
            line = shlex.join((command.name, *typed[1:]))
            return self._propose(
                line, Call(command, given, person, envelope, self._desk, self), waits.ask, access
            )

    def _count(self, envelope: Envelope, access: Access, told: _Told) -> None:
        """Count it for whoever asks, strangers by their id. What is refused for being too much is written down once
        a minute."""
        name = envelope.caller
        if (known := access.person(name)) is not None:
            name, told.who = known.name, f"person {known.name}"
        asked_at, risk = datetime.fromtimestamp(envelope.received_at, UTC), self._risk(envelope.text)
        try:
            rate_limits.spend(self._rates, access.limits, name, risk, id=envelope.id, at=asked_at)
        except RateLimitedError as over:
            told.id = over.entry
            raise

    def _risk(self, text: str) -> Risk:
        """What a line may do. What is no command changes nothing."""
        try:
            typed = parsing.words(text)
        except RefusedError:
            return Risk.READ
        command = self._commands.get(typed[0].lower()) if typed else None
        return Risk.READ if command is None else command.risk

    def _meant(self, name: str, person: Person) -> Command:
        """The command of that name. Suggestions are only of what this person may run."""
        allowed = [n for n, command in self._commands.items() if person.could(command.name, command.risk)]
        return parsing.find(self._commands, name, allowed=allowed)

    # What waits for another person

    def _propose(self, line: str, call: Call, ask: Ask, access: Access) -> Answer:
        now = self._clock()
        kept = approvals.propose(
            self._approvals,
            Proposal(
                id="",
                nonce="",
                command=call.command.name,
                text=line,
                digest=_digest(call.command, call.given, call.person, call.envelope, ask),
                requester=call.person.name,
                envelope=msgspec.structs.replace(call.envelope, response_url=None),
                asked_at=now,
                expires_at=now + access.approval.expires,
                quorum=access.approval.quorum,
                namespaces=None if ask.namespaces is None else tuple(sorted(ask.namespaces)),
                paths=None if ask.paths is None else tuple(sorted(ask.paths)),
            ),
        )
        return approvals.question(kept, access.approval)

    def approve(self, call: Call, token: str) -> Answer | None:
        """Count the person's yes; when that is enough, run the command as who asked for it. Both persons, and whoever
        approved before, are authorised again."""
        proposal = approvals.named(self._approvals, token)
        if proposal is None:
            return None
        access, now, by = self._access(), self._clock(), call.envelope
        ask, quorum = self._ask(proposal), max(access.approval.quorum, proposal.quorum)
        mine = Vote(call.person.name, by.caller, _place(by))

        def stands(vote: Vote) -> bool:
            voter = access.person(vote.caller, vote.channel)
            return voter is not None and voter.name == vote.person and access.approval.may(voter, ask)

        def change(how: Callable[[Proposal], Proposal]) -> Proposal:
            return approvals.change(self._approvals, proposal.id, how)

        if mine.person != proposal.requester and not stands(mine):
            raise refusal(call.person, proposal.command, "approve")
        change(lambda seen: approvals.expire(seen, now=now))
        voted = change(lambda seen: approvals.vote(seen, mine, envelope_id=by.id, now=now))
        again = self._asked_again(proposal, access)
        names = approvals.standing(voted, stands)
        if voted.state is not State.DONE and len(names) < quorum:
            return approvals.counted(proposal, names, quorum)
        change(lambda seen: approvals.approve(seen, approvals.standing(seen, stands), quorum=quorum, now=now))
        taken = change(
            lambda seen: approvals.take(
                seen,
                approvals.standing(seen, stands),
                quorum=quorum,
                person=mine.person,
                envelope_id=by.id,
                now=now,
            )
        )
        return self._run_approved(taken, again, access.approval)

    def deny(self, call: Call, token: str) -> Answer | None:
        """Have it never run: the word of who asked for it, or of who may approve it."""
        proposal = approvals.named(self._approvals, token)
        if proposal is None:
            return None
        access, name = self._access(), call.person.name
        here = _known(access, call.envelope)
        if name != proposal.requester and not access.approval.may(here, self._ask(proposal)):
            raise refusal(call.person, proposal.command, "deny")
        now, by = self._clock(), call.envelope.id
        approvals.change(
            self._approvals,
            proposal.id,
            lambda seen: approvals.deny(seen, person=name, envelope_id=by, now=now),
        )
        if name != proposal.requester:
            told = Answer("", outcome=Outcome.REFUSED, reason="Denied", subject=approvals.subject(proposal))
            self._tell(proposal, told, f"denied by {name}", "denied", asked_in=proposal.envelope.id)
        text = f"Denied by {escape(name)}: {approvals.line(proposal)} does not run."
        return approvals.decided(proposal, text, "Denied")

    def _ask(self, proposal: Proposal) -> Ask:
        command = self._commands.get(proposal.command)
        return proposal.ask(Risk.DANGER if command is None else command.risk)

    def _asked_again(self, proposal: Proposal, access: Access) -> Call:
        """The proposal as its requester would ask it now. Raises RefusedError when that is not the same, or may not
        be any more."""
        name, *rest = shlex.split(proposal.text)
        command, ask = self._commands.get(name), self._ask(proposal)
        requester = access.person(proposal.envelope.caller, _place(proposal.envelope))
        if requester is None or requester.name != proposal.requester or not requester.may(ask):
            said = f"`{proposal.command}` is not among what {proposal.requester} may run any more"
            raise RefusedError("NotAllowed", said)
        if command is None:
            raise RefusedError("ApprovalChanged", f"there is no command `{name}` any more")
        given = parsing.bind(command, rest)
        if _digest(command, given, requester, proposal.envelope, ask) != proposal.digest:
            raise RefusedError("ApprovalChanged", "it is not what was proposed any more: ask again")
        return Call(command, given, requester, proposal.envelope, self._desk, self)

    def _run_approved(self, proposal: Proposal, call: Call, approval: Approval) -> Answer:
        approved = proposal.ask(call.command.risk)

        def check(ask: Ask) -> None:
            within = approved.namespaces is None or (ask.namespaces or frozenset()) <= approved.namespaces
            if approval.needed(ask) and not within:
                where, there = ", ".join(approved.namespaces or ()), ", ".join(ask.namespaces or ())
                said = f"that was approved for namespace {where}, and is {there}'s: ask again with -n"
                raise RefusedError("ApprovalChanged", said)

        # As of the approval, and the same each time that it is run again after a crash.
        at = (proposal.decided_at or proposal.asked_at).timestamp()
        envelope = msgspec.structs.replace(proposal.envelope, received_at=at)
        desk = GuardedDesk(self._desk, call.person, approved, check)
        run = Call(call.command, call.given, call.person, envelope, desk, self)
        answer, because = _answered(lambda: call.command.run(run), envelope)
        names = ", ".join(dict.fromkeys(vote.person for vote in proposal.votes))
        follows = answer.outcome is Outcome.ASKED
        why = f"approved by {names}" if answer.outcome in _WENT_WELL else f"approved by {names}: {because}"
        self._tell(proposal, answer, why, "approved", asked_in=None if follows else proposal.envelope.id)
        text = f"Approved by {escape(names)}: {approvals.line(proposal)}.\n{answer.text}"
        return approvals.decided(proposal, text, "Approved")

    def _tell(
        self, proposal: Proposal, answer: Answer, because: str, what: str, *, asked_in: str | None
    ) -> None:
        """Record what became of it. asked_in: where it was asked, when that is told there too."""
        who = f"person {proposal.requester}"
        told = _entry(proposal.envelope, who, proposal.command, answer, because, self._clock())
        id = entry_id(proposal.envelope.id, what)
        self._ledger.record(msgspec.structs.replace(told, id=id, asked_in=asked_in))


def _answered(work: Callable[[], Answer], envelope: Envelope) -> tuple[Answer, str]:
    """What `work` answers, or what is said of its failing, and why in the ledger's words."""
    try:
        return work(), "asked in chat"
    except RefusedError as refused:
        because = _UNQUOTED.get(refused.code, str(refused))
        return Answer(escape(str(refused)), outcome=Outcome.REFUSED, reason=refused.code), because
    except BellhopError as error:
        log.warning("command.failed", extra={"code": error.code, "because": str(error)})
        said = f"That did not work: {escape(str(error))}"
        return Answer(said, outcome=Outcome.FAILED, reason=error.code), str(error)
    except Exception:  # answered and recorded, with its traceback in the log: it must not block the group
        log.exception("command.failed", extra={"correlation": envelope.correlation})
        because = f"it is Bellhop's fault: look for {envelope.correlation} in its logs"
        said = f"That did not work, and {escape(because)}."
        return Answer(said, outcome=Outcome.FAILED, reason="InternalError"), because


def _known(access: Access, envelope: Envelope) -> Person:
    person = access.person(envelope.caller, _place(envelope))
    if person is None:
        said = f"you are not in the access document: ask an admin to add {envelope.caller} (docs/configuration.md)"
        raise RefusedError("UnknownPerson", said)
    return person


def _place(envelope: Envelope) -> str:
    """The channel, as the access document names it."""
    return f"{envelope.platform}:{envelope.workspace}/{envelope.channel}"


def _digest(command: Command, given: Mapping[str, Any], person: Person, envelope: Envelope, ask: Ask) -> str:
    workspace = f"{envelope.platform}:{envelope.workspace}"
    return approvals.digest(command.name, given, person.name, workspace, ask)


_WENT_WELL = {Outcome.DONE, Outcome.ANSWERED, Outcome.ASKED}

#: What the ledger says where the answer quotes what was typed: people paste secrets into the wrong window.
_UNQUOTED = {
    "UnknownCommand": "what was typed is not a command",
    "BadArguments": "what was typed are not the command's arguments",
    "PolicyMissing": "no policy is called what was typed",
    "QuestionGone": "no open question is called what was typed",
    "AlarmMissing": "no alarm is called what was typed",
    "PodMissing": "nothing is called what was typed",
    "WorkloadMissing": "nothing is called what was typed",
    "WorkloadAmbiguous": "more than one is called what was typed",
    "ContainerMissing": "nothing is called what was typed",
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
