"""What commands declare holds together: names, help, examples, roles."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

import parsing
import plugins
from bellhop.chat.access import Risk
from bellhop.chat.slack import SECTION_TEXT
from registry import Answer, Argument, Command, registered

COMMANDS = registered()


def test_every_plugin_is_found_under_its_name_and_aliases() -> None:
    modules = {file.stem for file in Path(plugins.__path__[0]).glob("*.py")} - {"__init__"}
    assert {command.name for command in COMMANDS.values()} == modules
    for name, command in COMMANDS.items():
        assert name in {command.name, *command.aliases}
        assert name == name.lower()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_command_that_parses(name: str) -> None:
    command = COMMANDS[name]
    assert command.examples
    for example in command.examples:
        first, *rest = parsing.words(example)
        assert parsing.find(COMMANDS, first, allowed=COMMANDS) is command
        parsing.bind(command, rest)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_fits_into_a_message(name: str) -> None:
    command = COMMANDS[name]
    assert command.summary.endswith(".")
    assert all(argument.help for argument in command.arguments)
    assert len(command.usage) + len(command.summary) < SECTION_TEXT / 10


def test_what_changes_something_is_for_operators() -> None:
    changing = {"scale", "pause", "resume", "approve", "deny", "restart", "cordon", "uncordon", "cancel"}
    assert {c.name for c in COMMANDS.values() if c.risk is Risk.CHANGE} == changing
    assert {c.name for c in COMMANDS.values() if c.risk is Risk.DANGER} == {"drain"}


def test_usage_shows_what_is_needed_and_what_may_be_left_out() -> None:
    arguments = (
        Argument("target", ""),
        Argument("more", "", optional=True),
        Argument("--namespace", "", short="-n"),
        Argument("--since", ""),
        Argument("--for", "", shown="DURATION"),
        Argument("--dry-run", "", flag=True),
    )
    command = Command("do", "", Risk.READ, lambda _: Answer(""), arguments)
    assert command.usage == "do TARGET [MORE] [-n NAMESPACE] [--since SINCE] [--for DURATION] [--dry-run]"


@pytest.mark.parametrize("declared", [{"name": "status"}, {"name": "other", "aliases": ("?",)}])
def test_two_commands_of_one_name_or_alias_are_a_fault(
    declared: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zz_twin.py").touch()
    twin = ModuleType("plugins.zz_twin")
    vars(twin)["COMMAND"] = Command(summary="", risk=Risk.READ, run=lambda _: Answer(""), **declared)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "plugins.zz_twin", twin)
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="two commands are called"):
        registered()
