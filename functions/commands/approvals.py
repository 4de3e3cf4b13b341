"""What waits for a second person: proposals, the rules that decide on them, and where they are kept.

A proposal is single use, expires, and holds for the hash of one command with its arguments. One DynamoDB item each in
the state table, key `approval#<id>`, gone 15 days later.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from bellhop import durations
from bellhop.chat.access import Approval, Ask, Risk
from bellhop.chat.envelope import Envelope
from bellhop.chat.message import Button
from bellhop.chat.slack import escape, shortened
from bellhop.errors import BusyError, RefusedError
from bellhop.ledger import Outcome
from registry import Answer

#: Longer than every queue keeps a message that may decide.
_KEPT = timedelta(days=15)
_ID = 8
#: An id as people type it, or the whole nonce as buttons say it.
_TOKEN = re.compile(r"([0-9a-fA-F]{8})([-\w]{22})?", re.ASCII)
#: Each lost race means that somebody else's write got in.
_TRIES = 20
#: Characters of a command that are shown in the messages about it.
_SHOWN = 300


class State(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    DONE = "done"


class Vote(msgspec.Struct, frozen=True):
    """Who approved: the person, and the id and channel by which they are authorised again when it runs."""

    person: str
    caller: str
    channel: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits for approval. Times are UTC.

    nonce: begins with `id`. command: its name. text: the whole command line. digest: of the command with its arguments
    (`digest`). namespaces, paths: what it would touch, as in `Ask`. envelope: as it was asked, without the
    response_url. decided_by: the person whose word was the last. decided_in: id of the envelope of that word; who
    took it by that envelope may run it again after a crash.
    """

    id: str
    nonce: str
    command: str
    text: str
    digest: str
    requester: str
    envelope: Envelope
    asked_at: datetime
    expires_at: datetime
    quorum: int
    namespaces: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    votes: tuple[Vote, ...] = ()
    state: State = State.OPEN
    decided_by: str = ""
    decided_in: str = ""
    decided_at: datetime | None = None

    def ask(self, risk: Risk) -> Ask:
        """What both persons must be allowed. risk: the command's, now."""
        return Ask(self.command, risk, _frozen(self.namespaces), _frozen(self.paths))


def digest(command: str, given: Mapping[str, Any], requester: str, workspace: str, ask: Ask) -> str:
    """SHA-256 of the command, its parsed arguments, who asked where, and what it would touch."""
    exact = {
        "command": command,
        "arguments": given,
        "requester": requester,
        "workspace": workspace,
        "namespaces": _sorted(ask.namespaces),
        "paths": _sorted(ask.paths),
    }
    return hashlib.sha256(msgspec.json.encode(exact, enc_hook=str, order="deterministic")).hexdigest()


def token(word: str) -> str:
    """An id, or a button's nonce, from what was typed or pressed."""
    found = _TOKEN.fullmatch(word)
    if found is None:
        raise RefusedError("BadArguments", f"`{word}` is not an approval's id, which has 8 of 0-9 and a-f")
    return found[1].lower() + (found[2] or "")


# Rules: from a proposal to what it becomes. They raise RefusedError.


def vote(proposal: Proposal, by: Vote, *, envelope_id: str, now: datetime) -> Proposal:
    """Approved by this person too. Twice counts once; whoever took it already goes on."""
    if by.person == proposal.requester:
        raise RefusedError("OwnApproval", "another person must approve what you asked for yourself")
    if proposal.state is State.DONE and proposal.decided_in == envelope_id:
        return proposal
    _must_be_open(proposal, now)
    if any(each.person == by.person for each in proposal.votes):
        return proposal
    return msgspec.structs.replace(proposal, votes=(*proposal.votes, by))


def standing(proposal: Proposal, stands: Callable[[Vote], bool]) -> tuple[str, ...]:
    """The persons, other than the requester, whose votes stand now, in the order of their votes."""
    names = (each.person for each in proposal.votes if each.person != proposal.requester and stands(each))
    return tuple(dict.fromkeys(names))


def approve(proposal: Proposal, approvers: Iterable[str], *, quorum: int, now: datetime) -> Proposal:
    """Approved, if that many persons stand for it; else as it was. quorum: what the document says now; the
    larger of it and what was asked for counts."""
    if proposal.state is not State.OPEN or len(set(approvers)) < max(quorum, proposal.quorum):
        return proposal
    _must_be_open(proposal, now)
    return msgspec.structs.replace(proposal, state=State.APPROVED)


def take(
    proposal: Proposal,
    approvers: Iterable[str],
    *,
    quorum: int,
    person: str,
    envelope_id: str,
    now: datetime,
) -> Proposal:
    """Done, before it runs: whoever writes this runs it. The same envelope may again, after a crash."""
    if proposal.state is State.DONE and proposal.decided_in == envelope_id:
        return proposal
    _must_be_open(proposal, now)
    if len(set(approvers) - {proposal.requester}) < max(quorum, proposal.quorum):
        raise RefusedError("NotApproved", "not enough of those who approved may still approve")
    return _decided(proposal, State.DONE, person, envelope_id, now)


def deny(proposal: Proposal, *, person: str, envelope_id: str, now: datetime) -> Proposal:
    """It never runs. Not once it was taken."""
    if proposal.state is State.DENIED and proposal.decided_in == envelope_id:
        return proposal
    _must_be_open(proposal, now)
    return _decided(proposal, State.DENIED, person, envelope_id, now)


def expire(proposal: Proposal, *, now: datetime) -> Proposal:
    """Expired, if it is due and undecided; else as it was."""
    if proposal.state in {State.OPEN, State.APPROVED} and proposal.expires_at <= now:
        return msgspec.structs.replace(proposal, state=State.EXPIRED)
    return proposal


def _must_be_open(proposal: Proposal, now: datetime) -> None:
    if proposal.state in {State.DONE, State.DENIED}:
        how = "approved" if proposal.state is State.DONE else "denied"
        raise RefusedError("AlreadyDecided", f"that was {how} by {proposal.decided_by} already")
    if expire(proposal, now=now).state is State.EXPIRED:
        raise RefusedError("ApprovalExpired", "that expired: whoever still wants it asks again")


def _decided(proposal: Proposal, state: State, person: str, envelope_id: str, now: datetime) -> Proposal:
    return msgspec.structs.replace(
        proposal, state=state, decided_by=person, decided_in=envelope_id, decided_at=now
    )


# What is said of them


def line(proposal: Proposal) -> str:
    """The command and whose it is, in mrkdwn."""
    return f"*{escape(shortened(proposal.text, _SHOWN))}* of {escape(proposal.requester)}"


def subject(proposal: Proposal) -> str:
    """What the ledger calls it."""
    return f"approval/{proposal.id}"


def question(proposal: Proposal, approval: Approval) -> Answer:
    """What is asked of the others."""
    who = "another person" if proposal.quorum == 1 else f"{proposal.quorum} other persons"
    may = "run it" if approval.approvers is None else f"approve ({', '.join(sorted(approval.approvers))})"
    expires = durations.say(proposal.expires_at - proposal.asked_at)
    text = (
        f"{line(proposal)} needs approval by {who} who may {may}; it expires in {expires}: "
        f"`approve {proposal.id}` or `deny {proposal.id}`."
    )
    buttons = (
        Button("Approve", f"approve {proposal.nonce}", style="primary"),
        Button("Deny", f"deny {proposal.nonce}", style="danger"),
    )
    asked = decided(proposal, text, "ApprovalNeeded")
    return replace(asked, outcome=Outcome.ASKED, buttons=buttons)


def counted(proposal: Proposal, names: tuple[str, ...], quorum: int) -> Answer:
    """What is said to a yes that is not enough alone."""
    by = escape(", ".join(names))
    text = f"{line(proposal)} is approved by {by}: {len(names)} of {quorum}."
    return decided(proposal, text, "VoteCounted")


def decided(proposal: Proposal, text: str, reason: str) -> Answer:
    """Told to the whole channel, as what was asked."""
    return Answer(text, public=True, outcome=Outcome.DONE, reason=reason, subject=subject(proposal))


# Where they are kept


class Approvals(Protocol):
    """Proposals by id. A write is one conditional write, so of several at once one gets in."""

    def find(self, id: str) -> Proposal | None:
        """The proposal with this id, read consistently."""

    def put(self, proposal: Proposal, *, instead_of: Proposal | None) -> bool:
        """Write it unless another is there than `instead_of`. False: somebody else was faster."""


def propose(approvals: Approvals, proposal: Proposal) -> Proposal:
    """Keep it under an id and a nonce of its own. A second delivery of its envelope gets the first one's."""
    for attempt in range(_TRIES):
        id = hashlib.sha256(f"{proposal.envelope.id}\n{attempt}".encode()).hexdigest()[:_ID]
        named = msgspec.structs.replace(proposal, id=id, nonce=id + secrets.token_urlsafe(16))
        if approvals.put(named, instead_of=None):
            return named
        kept = approvals.find(id)
        if kept is not None and kept.envelope.id == proposal.envelope.id:
            return kept
    raise BusyError("no id is free for the approval", retry_after=5)


def named(approvals: Approvals, token: str) -> Proposal | None:
    """The proposal with this id or, where it is a nonce, with exactly this nonce."""
    found = approvals.find(token[:_ID])
    if len(token) == _ID:
        return found
    if found is None or not hmac.compare_digest(found.nonce, token):
        raise RefusedError("ApprovalUnknown", "what that button stands for is not there any more")
    return found


def change(approvals: Approvals, id: str, how: Callable[[Proposal], Proposal]) -> Proposal:
    """What `how` makes of the proposal, written; read again when somebody else was faster. Raises what `how`
    raises."""
    for _ in range(_TRIES):
        seen = approvals.find(id)
        if seen is None:
            raise RefusedError("ApprovalUnknown", "that approval is not there any more")
        wanted = how(seen)
        if wanted == seen or approvals.put(wanted, instead_of=seen):
            return wanted
    raise BusyError(f"many decide on {id} at once", retry_after=1)


class DynamoApprovals:
    """`Approvals` in the state table."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def find(self, id: str) -> Proposal | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"approval#{id}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return msgspec.json.decode(item["proposal"]["S"], type=Proposal) if item else None

    def put(self, proposal: Proposal, *, instead_of: Proposal | None) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "proposal = :old",
                "ExpressionAttributeValues": {":old": {"S": _text(instead_of)}},
            }
        item = {
            "id": {"S": f"approval#{proposal.id}"},
            "proposal": {"S": _text(proposal)},
            "expiration": {"N": str(int((proposal.asked_at + _KEPT).timestamp()))},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **condition)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _text(proposal: Proposal) -> str:
    return msgspec.json.encode(proposal).decode()


def _sorted(values: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(sorted(values))


def _frozen(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
