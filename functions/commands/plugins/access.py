"""`access check`: whether somebody may run a command, and why not. Nothing is run.

It only reads, but tells who may do what, so it is for admins. Danger would be the wrong word for that: danger waits for
a second person. A role's name decides, not its risk: a role of one's own that allows danger does not make an admin.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol, cast

import parsing
from bellhop.chat.access import ANYWHERE, Access, Approval, Ask, Person, Risk, Role
from bellhop.chat.slack import escape, shortened
from bellhop.errors import RefusedError
from desk import refusal
from reading_arguments import one_of
from registry import Answer, Argument, Call, Command, registered

_SHOWN = 300


class Documented(Protocol):
    """What `Call.decisions` is as well: `conversation.Conversation`."""

    def access(self) -> Access:
        """The access document as it counts now. Raises ConfigError."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """approval: whether it would wait for another person, where it is allowed."""

    allowed: bool
    because: str
    approval: bool = False


def run(call: Call) -> Answer:
    # Whoever calls the Dialogflow agent is nobody in particular, whatever roles the agent has.
    if not _admin(call.person) or call.envelope.platform == "dialogflow":
        raise refusal(call.person, COMMAND.name)
    commands = registered()
    typed = parsing.words(call.given["command"])
    if not typed:
        raise RefusedError("BadArguments", "which command? `access check` needs one, in quotes")
    command = parsing.find(commands, typed[0], allowed=commands)
    ask = command.ask(parsing.bind(command, typed[1:]), default_namespace=call.desk.default_namespace)
    access = cast("Documented", call.decisions).access()
    who, line = call.given["who"], escape(shortened(shlex.join((command.name, *typed[1:])), _SHOWN))
    found = _found(access, who, f"{call.envelope.platform}:{call.envelope.workspace}/{call.envelope.channel}")
    if found is None:
        return Answer(f"*{escape(who)}* may run nothing: the access document has no such name or id.")
    person, platforms = found
    decided = verdict(person, ask, access.approval, platforms=platforms)
    known = f"*{escape(person.name)}* ({escape(', '.join(person.roles) or 'no role')})"
    said = [f"{known} {'may' if decided.allowed else 'may not'} run *{line}* here.", escape(decided.because)]
    said += [_needs(access.approval)] if decided.approval else []
    return Answer("\n".join(said))


def verdict(person: Person, ask: Ask, approval: Approval, *, platforms: frozenset[str]) -> Verdict:
    """What `Conversation` would say to it. platforms: those of the ids that are asked about."""
    if ask.command == COMMAND.name and not _admin(person):
        return Verdict(False, f"Role: `{COMMAND.name}` is for the role admin alone.")
    if platforms == {"dialogflow"} and (ask.risk > Risk.READ or ask.command == COMMAND.name):
        return Verdict(False, f"Platform: `{ask.command}` is not for Dialogflow.")
    if lack := lacking(person.grants, ask):
        return Verdict(False, lack)
    if person.within is not None and (lack := lacking(person.within, ask)):
        return Verdict(False, f"Channel: its own roles narrow what may be asked in it. {lack}")
    names = ", ".join(role.name for role in person.grants if role.allows(ask))
    counts = f", as for {_where(ask)}" if ask.namespaces else ""
    return Verdict(True, f"Allowed by {names}{counts}.", approval.needed(ask))


def lacking(roles: tuple[Role, ...], ask: Ask) -> str:
    """What the best of the roles lacks to allow it, in words; empty when one allows it."""
    if any(role.allows(ask) for role in roles):
        return ""
    if not roles:
        return "Role: none is given."
    named = [role for role in roles if role.commands is None or ask.command in role.commands]
    if not named:
        return f"Role: {_names(roles)} does not have `{ask.command}`."
    risky = [role for role in named if role.risk >= ask.risk]
    if not risky:
        most = max(role.risk for role in named).name.lower()
        return f"Role: `{ask.command}` is {ask.risk.name.lower()}, and {_names(named)} allows {most} at most."
    if not any(role.covers(replace(ask, paths=None)) for role in risky):
        return f"Namespace: {_names(risky)} does not reach {_where(ask)}."
    return f"Path: {_names(risky)} does not reach {', '.join(sorted(ask.paths or ()))}."


def _found(access: Access, who: str, place: str) -> tuple[Person, frozenset[str]] | None:
    """(the person as asking in `place`, the platforms of the ids that were meant), by id or by name."""
    ids = [who] if who in access.persons else [id for id, each in access.persons.items() if each.name == who]
    person = access.person(ids[0], place) if ids else None
    return None if person is None else (person, frozenset(id.partition(":")[0] for id in ids))


def _admin(person: Person) -> bool:
    return "admin" in person.roles


def _needs(approval: Approval) -> str:
    others = "another person" if approval.quorum == 1 else f"{approval.quorum} other persons"
    named = " or ".join(sorted(approval.approvers or ()))
    which = "who may run it" if approval.approvers is None else f"with the role {escape(named)}"
    return f"It would wait for approval by {others} {which}."


def _names(roles: Iterable[Role]) -> str:
    return " or ".join(role.name for role in roles)


def _where(ask: Ask) -> str:
    if ask.namespaces == ANYWHERE:
        return "all namespaces at once"
    return f"namespace {', '.join(sorted(ask.namespaces or ()))}"


COMMAND = Command(
    name="access",
    summary="Whether somebody may run a command, and why not; only for the role admin.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("action", "check", one_of("check"), shown="check"),
        Argument("who", "a name in the access document, or an id such as slack:T024BE7LD/U2147483697"),
        Argument("command", "the whole command, in quotes", shown='"COMMAND..."'),
    ),
    examples=('access check ana "scale web 5 -n shop"', "access check slack:T024BE7LD/U2147483697 status"),
)
