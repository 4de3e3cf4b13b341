"""Settings: read once, all faults told together, for every function."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

import api
import commands
import notifications
import scaling
import webhooks
from bellhop import settings
from bellhop.errors import ConfigError

KINDS: list[type[settings.SettingsClass]] = [
    api.Settings,
    commands.Settings,
    notifications.Settings,
    scaling.Settings,
    webhooks.Settings,
]


@dataclass(frozen=True)
class Some:
    ledger_table: str
    state_table: str
    private_hosts: str = "none"


def test_a_field_is_its_variable_in_capitals_and_empty_means_unset() -> None:
    environment = {"LEDGER_TABLE": "l", "STATE_TABLE": "s", "PRIVATE_HOSTS": "", "OTHER": "x"}
    assert settings.read(Some, environment) == Some("l", "s", "none")
    assert settings.read(Some, environment | {"PRIVATE_HOSTS": "a"}) == Some("l", "s", "a")


def test_an_empty_variable_without_a_default_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"^unset: STATE_TABLE$"):
        settings.read(Some, {"LEDGER_TABLE": "l", "STATE_TABLE": ""})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__module__)
def test_every_functions_missing_settings_are_named_in_one_error(kind: type[settings.SettingsClass]) -> None:
    needed = sorted(f.name.upper() for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING)
    assert len(needed) > 1
    with pytest.raises(ConfigError) as error:
        settings.read(kind, {})
    assert (str(error.value), error.value.retryable) == (f"unset: {', '.join(needed)}", True)
    for missing in needed:
        with pytest.raises(ConfigError, match=rf"^unset: {missing}$"):
            settings.read(kind, {name: "x" for name in needed if name != missing})
    assert isinstance(settings.read(kind, dict.fromkeys(needed, "x")), kind)
