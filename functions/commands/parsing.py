"""From what somebody typed to a command and its arguments. Strict about what it does not know."""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from bellhop.errors import RefusedError
from registry import Argument, Command

#: What phones and Slack make of typed text: curled quotes; a dash for the two hyphens that begin an option.
_TYPED = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00a0": " ",
    }
)
_LINK = re.compile(r"<(?:https?://|mailto:)[^|>]*\|([^>]*)>|<((?:https?://|mailto:)[^|>]*)>")
_DASH = re.compile(r"(?<!\S)[\u2013\u2014]")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
#: Longer than any command: Slack's own limit on a message is 40,000.
_LONGEST = 3000


def as_typed(text: str) -> str:
    """The text before Slack and the phone got at it: links unwrapped, quotes straight, dashes double."""
    text = _LINK.sub(lambda link: link.group(1) or link.group(2), text)
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return _DASH.sub("--", text.translate(_TYPED)).strip()


def words(text: str) -> list[str]:
    """The words of a command, quotes honoured. Raises RefusedError for quotes that do not close."""
    if len(text) > _LONGEST:
        raise RefusedError("BadArguments", f"that is over {_LONGEST} characters")
    try:
        return shlex.split(as_typed(text))
    except ValueError as error:
        raise RefusedError("BadArguments", f"{str(error).lower()} in what you typed") from error


def find(commands: Mapping[str, Command], name: str, *, allowed: Iterable[str]) -> Command:
    """The command called `name`. Raises RefusedError; suggestions are from `allowed` only."""
    if command := commands.get(name.lower()):
        return command
    close = difflib.get_close_matches(name.lower(), list(allowed), n=1)
    hint = f"did you mean `{close[0]}`?" if close else "try `help`"
    raise RefusedError("UnknownCommand", f"there is no command `{name}`: {hint}")


def bind(command: Command, given: list[str]) -> dict[str, Any]:
    """The values of a command's arguments. Raises RefusedError, with the usage, for anything that is not one."""
    parser = _Parser(prog=command.name, add_help=False, allow_abbrev=False, argument_default=None)
    for argument in command.arguments:
        _declare(parser, argument)
    try:
        raw = vars(parser.parse_args(given))
        return {
            _key(argument): _value(argument, raw[_key(argument)])
            for argument in command.arguments
            if raw[_key(argument)] is not None
        }
    except RefusedError as error:
        raise RefusedError(error.code, f"{error}\nusage: `{command.usage}`") from error


def _declare(parser: argparse.ArgumentParser, argument: Argument) -> None:
    names = [argument.short] if argument.short else []
    if argument.flag:
        parser.add_argument(*names, argument.name, action="store_true")
    elif argument.name.startswith("--"):
        parser.add_argument(*names, argument.name, action=_Once)
    else:
        parser.add_argument(argument.name, nargs="?" if argument.optional else None)


def _value(argument: Argument, raw: Any) -> Any:  # noqa: ANN401  what argparse read, what the parser made of it
    return raw if argument.flag else argument.parse(raw)


def _key(argument: Argument) -> str:
    return argument.name.removeprefix("--").replace("-", "_")


class _Once(argparse.Action):
    """An option given twice is a slip, not a wish for the last one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401  argparse's signature
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} was given twice")
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """argparse that refuses instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise RefusedError("BadArguments", message)
