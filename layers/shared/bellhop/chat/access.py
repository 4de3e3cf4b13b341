"""Who may do what: a JSON document in Parameter Store that maps immutable platform ids to persons.

    {"persons": {"ana": {"ids": ["slack:T024BE7LD/U2147483697"], "roles": ["operator"]}}}

Nothing configured means nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from bellhop.errors import ConfigError


class Risk(IntEnum):
    """What a command may do. A role allows its own level and those below."""

    READ = 1
    CHANGE = 2
    DANGER = 3


ROLES = {"viewer": Risk.READ, "operator": Risk.CHANGE, "admin": Risk.DANGER}


class _Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ids: tuple[str, ...]
    roles: tuple[str, ...]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    persons: dict[str, _Person]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the access document knows, under the name it gives them."""

    name: str
    roles: tuple[str, ...]

    def may(self, risk: Risk) -> bool:
        return any(ROLES[role] >= risk for role in self.roles)


class Access:
    """The access document, parsed."""

    def __init__(self, persons: dict[str, Person]) -> None:
        self._persons = persons

    def person(self, caller: str) -> Person | None:
        """Who `caller` ("slack:TEAM/USER") is; None for a stranger."""
        return self._persons.get(caller)


def parse_access(document: str | None) -> Access:
    """From the parameter's text. None (no such parameter): nobody.

    Raises ConfigError, saying what is wrong, for a document that is malformed, names a role there is not, or
    gives one id to two persons: all of it is refused rather than half of it believed.
    """
    if document is None:
        return Access({})
    try:
        parsed = msgspec.json.decode(document, type=_Document)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ConfigError(f"the access document is wrong: {error}") from error
    persons: dict[str, Person] = {}
    for name, person in parsed.persons.items():
        if unknown := [role for role in person.roles if role not in ROLES]:
            raise ConfigError(f"the access document gives {name} unknown roles: {', '.join(unknown)}")
        for known in person.ids:
            if known in persons:
                raise ConfigError(f"the access document gives {known} to {persons[known].name} and to {name}")
            persons[known] = Person(name, person.roles)
    return Access(persons)
