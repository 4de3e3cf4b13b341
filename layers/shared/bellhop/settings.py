"""Settings: read from the environment once, all faults told together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from bellhop.errors import ConfigError


class SettingsClass(Protocol):
    """A dataclass whose fields are strings, each named as its environment variable in lower case."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


def read[S: SettingsClass](kind: type[S], environment: Mapping[str, str]) -> S:
    """Fill `kind` from `environment`: field `ledger_table` is LEDGER_TABLE.

    A variable that is unset or empty takes the field's default; without one it is missing.
    Raises ConfigError naming every missing variable.
    """
    given = {f.name: environment.get(f.name.upper(), "") for f in dataclasses.fields(kind)}
    missing = [
        f.name.upper()
        for f in dataclasses.fields(kind)
        if not given[f.name] and f.default is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError.unset(missing)
    return kind(**{name: value for name, value in given.items() if value})
