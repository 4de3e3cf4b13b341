"""Who may do what: a JSON document in Parameter Store that maps immutable platform ids to persons.

    {"persons": {"ana": {"ids": ["slack:T024BE7LD/U2147483697"], "roles": ["operator"]}}}

docs/configuration.md has all of it. Nothing configured means nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from bellhop import durations
from bellhop.errors import ConfigError, InvalidInputError


class Risk(IntEnum):
    """What a command may do. A role allows its own level and those below."""

    READ = 1
    CHANGE = 2
    DANGER = 3


ROLES = {"viewer": Risk.READ, "operator": Risk.CHANGE, "admin": Risk.DANGER}
#: What a command that reaches into every namespace asks for; only the pattern `*` and no patterns allow it.
ANYWHERE = frozenset({"*"})
#: What decides about what waits for approval can itself not wait for it.
DECIDING = frozenset({"approve", "deny"})

_NAMESPACES = re.compile(r"[-a-z0-9*?]{1,63}", re.ASCII)
_PREFIX = re.compile(r"/([-.\w]+/)*", re.ASCII)
_CHANNEL = re.compile(r"[a-z]+:[-.\w]+/[-.\w]+", re.ASCII)
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=1)
_MOST = 5
_MOST_PER_MINUTE = 1000


@dataclass(frozen=True, slots=True)
class Ask:
    """A command, and what it would touch. namespaces, paths: None when it has no such argument."""

    command: str
    risk: Risk
    namespaces: frozenset[str] | None = None
    paths: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """commands: names. namespaces: patterns with * and ?. prefixes: of parameters' paths. None: any."""

    name: str
    risk: Risk
    commands: frozenset[str] | None = None
    namespaces: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] | None = None

    def allows(self, ask: Ask) -> bool:
        known = self.commands is None or ask.command in self.commands
        return known and self.risk >= ask.risk and self.covers(ask)

    def covers(self, ask: Ask) -> bool:
        """Whether all that it would touch is within the role, whatever the command."""
        spaces = self.namespaces is None or all(_among(n, self.namespaces) for n in ask.namespaces or ())
        return spaces and (self.prefixes is None or all(p.startswith(self.prefixes) for p in ask.paths or ()))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the access document knows, under the name it gives them, where they ask.

    grants: what the roles allow. within: what the channel's roles allow; None when it does not narrow.
    """

    name: str
    roles: tuple[str, ...]
    grants: tuple[Role, ...] = ()
    within: tuple[Role, ...] | None = None

    def may(self, ask: Ask) -> bool:
        """Whether one of the person's roles allows all of it, and one of the channel's too."""
        here = self.within is None or any(role.allows(ask) for role in self.within)
        return here and any(role.allows(ask) for role in self.grants)

    def could(self, command: str, risk: Risk) -> bool:
        """Whether the person may run the command on anything at all."""
        return self.may(Ask(command, risk))


@dataclass(frozen=True, slots=True)
class Approval:
    """What needs a second person. required: (command, pattern of namespaces or None for any). approvers: roles
    that may approve; None: whoever may run the command."""

    expires: timedelta = timedelta(minutes=15)
    quorum: int = 1
    required: tuple[tuple[str, str | None], ...] = ()
    approvers: frozenset[str] | None = None

    def needed(self, ask: Ask) -> bool:
        """Danger always needs it. A rule for a namespace holds also for what has none, or reaches into all."""
        return ask.risk >= Risk.DANGER or any(
            command == ask.command and _touches(ask.namespaces, pattern) for command, pattern in self.required
        )

    def may(self, person: Person, ask: Ask) -> bool:
        """Whether this person may approve it for somebody else."""
        if not person.could("approve", Risk.CHANGE):
            return False
        if self.approvers is None:
            return person.may(ask)
        return any(role.name in self.approvers and role.covers(ask) for role in person.grants)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many commands, and changes among them, one person may ask for in a minute."""

    per_minute: int = 30
    changes_per_minute: int = 10


@dataclass(frozen=True, slots=True)
class Access:
    """The access document, parsed. channels: their roles, by "slack:TEAM/CHANNEL"."""

    persons: Mapping[str, Person] = field(default_factory=dict)
    channels: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    approval: Approval = Approval()
    limits: Limits = Limits()

    def person(self, caller: str, channel: str = "") -> Person | None:
        """Who `caller` ("slack:TEAM/USER") is and what they may in `channel`; None for a stranger."""
        found = self.persons.get(caller)
        if found is None:
            return None
        return Person(found.name, found.roles, found.grants, self.channels.get(channel))


def parse_access(document: str | None, *, commands: Collection[str] | None = None) -> Access:
    """From the parameter's text. None (no such parameter): nobody. commands: names that there are, if known.

    Raises ConfigError, saying what is wrong, for a document that is malformed, names a role or a command there is
    not, or gives one id to two persons: all of it is refused rather than half of it believed.
    """
    if document is None:
        return Access()
    try:
        parsed = msgspec.json.decode(document, type=_Document)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise _wrong(str(error)) from error
    roles = _roles(parsed.roles, commands)
    persons: dict[str, Person] = {}
    for name, person in parsed.persons.items():
        grants = _granted(name, person.roles, roles)
        for known in person.ids:
            if known in persons:
                raise ConfigError(f"the access document gives {known} to {persons[known].name} and to {name}")
            persons[known] = Person(name, person.roles, grants)
    channels: dict[str, tuple[Role, ...]] = {}
    for place, narrowed in parsed.channels.items():
        if not _CHANNEL.fullmatch(place):
            raise _wrong(f"channels: `{place}` is not slack:WORKSPACE/CHANNEL")
        channels[place] = _granted(place, narrowed.roles, roles)
    return Access(persons, channels, _approval(parsed.approval, roles, commands), _limits(parsed.limits))


class _Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ids: tuple[str, ...]
    roles: tuple[str, ...]


class _Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    risk: Literal["read", "change", "danger"]
    commands: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    namespaces: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    prefixes: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class _Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roles: tuple[str, ...]


class _Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expires: str = "15m"
    quorum: int = 1
    required: tuple[str, ...] = ()
    approvers: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class _Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    per_minute: int = 30
    changes_per_minute: int = 10


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    persons: dict[str, _Person]
    roles: dict[str, _Role] = {}
    channels: dict[str, _Channel] = {}
    approval: _Approval = _Approval()
    limits: _Limits = _Limits()


def _roles(declared: Mapping[str, _Role], commands: Collection[str] | None) -> dict[str, Role]:
    roles = {name: Role(name, risk) for name, risk in ROLES.items()}
    for name, role in declared.items():
        where = f"roles: {name}"
        if name in ROLES:
            raise _wrong(f"{where} is built in")
        named = None if role.commands is msgspec.UNSET else frozenset(role.commands)
        _must_exist(where, named or (), commands)
        roles[name] = Role(
            name,
            Risk[role.risk.upper()],
            named,
            _patterns(where, role.namespaces, _NAMESPACES, "a namespace's name, with * and ?"),
            _patterns(where, role.prefixes, _PREFIX, "a path that begins and ends with /"),
        )
    return roles


def _patterns(
    where: str, given: tuple[str, ...] | msgspec.UnsetType, form: re.Pattern[str], wanted: str
) -> tuple[str, ...] | None:
    if given is msgspec.UNSET:
        return None
    if wrong := [each for each in given if not form.fullmatch(each)]:
        raise _wrong(f"{where}: `{wrong[0]}` is not {wanted}")
    return given


def _granted(to: str, names: tuple[str, ...], roles: Mapping[str, Role]) -> tuple[Role, ...]:
    if unknown := [name for name in names if name not in roles]:
        raise ConfigError(f"the access document gives {to} unknown roles: {', '.join(unknown)}")
    return tuple(roles[name] for name in names)


def _approval(given: _Approval, roles: Mapping[str, Role], commands: Collection[str] | None) -> Approval:
    try:
        expires = durations.parse(given.expires)
    except InvalidInputError as error:
        raise _wrong(f"approval: expires: {error}") from error
    if not _SOONEST <= expires <= _LATEST:
        raise _wrong("approval: expires is not between 1m and 1d")
    if not 1 <= given.quorum <= _MOST:
        raise _wrong(f"approval: quorum is not between 1 and {_MOST}")
    required = tuple(_rule(rule) for rule in given.required)
    _must_exist("approval: required", [command for command, _ in required], commands)
    if given.approvers is msgspec.UNSET:
        return Approval(expires, given.quorum, required)
    if not given.approvers:
        raise _wrong("approval: approvers names no role, so that nobody could approve")
    _granted("approvers", given.approvers, roles)
    return Approval(expires, given.quorum, required, frozenset(given.approvers))


def _limits(given: _Limits) -> Limits:
    for name, limit in (("perMinute", given.per_minute), ("changesPerMinute", given.changes_per_minute)):
        if not 1 <= limit <= _MOST_PER_MINUTE:
            raise _wrong(f"limits: {name} is not between 1 and {_MOST_PER_MINUTE}")
    return Limits(given.per_minute, given.changes_per_minute)


def _rule(text: str) -> tuple[str, str | None]:
    command, at, pattern = text.partition("@")
    if not command or (at and not _NAMESPACES.fullmatch(pattern)):
        raise _wrong(f"approval: required: `{text}` is neither COMMAND nor COMMAND@NAMESPACE")
    if command in DECIDING:
        raise _wrong(f"approval: required: `{command}` decides, and cannot wait for approval itself")
    return command, pattern if at else None


def _must_exist(where: str, named: Collection[str], commands: Collection[str] | None) -> None:
    if commands is not None and (unknown := sorted(set(named) - set(commands))):
        raise _wrong(f"{where}: there is no command {', '.join(unknown)}")


def _among(namespace: str, patterns: tuple[str, ...]) -> bool:
    if namespace in ANYWHERE:
        return "*" in patterns
    return any(fnmatchcase(namespace, pattern) for pattern in patterns)


def _touches(namespaces: frozenset[str] | None, pattern: str | None) -> bool:
    if pattern is None or namespaces is None or namespaces & ANYWHERE:
        return True
    return any(fnmatchcase(namespace, pattern) for namespace in namespaces)


def _wrong(what: str) -> ConfigError:
    return ConfigError(f"the access document is wrong: {what}")
