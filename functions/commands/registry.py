"""What a command declares; help, parsing and authorisation all come from it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import plugins
from arguments import ALL
from bellhop.chat.access import ANYWHERE, Ask, Person, Risk
from bellhop.chat.envelope import Envelope
from bellhop.chat.message import Button
from bellhop.jobs.request import Asked, Cancel
from bellhop.ledger import Entry, Outcome
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Request
from bellhop.scaling.status import Pause
from views import Views


class Desk(Protocol):
    """What commands may ask and hand on. They change nothing themselves."""

    @property
    def default_namespace(self) -> str:
        """Where a workload is looked for when the command does not say."""

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        """Every policy in the cluster, at most 15 s old unless `fresh`, and what is wrong with those that cannot
        be read."""

    def paused(self) -> Pause | None:
        """Who paused all policies, and when; None when nobody did."""

    def recent(self, limit: int) -> list[Entry]:
        """The newest entries of the ledger."""

    def hand_to_scaling(self, request: Request) -> None:
        """Queue a change of size, or a word on policies, for its owner."""

    def hand_to_jobs(self, request: Asked | Cancel) -> None:
        """Queue another change in the cluster for its owner."""

    @property
    def views(self) -> Views:
        """What is only read."""


class Decisions(Protocol):
    """What waits for a second person's word. None: nothing has that id. Both raise RefusedError."""

    def approve(self, call: Call, token: str) -> Answer | None:
        """Count the person's yes; when that is enough, run the command as who asked for it."""

    def deny(self, call: Call, token: str) -> Answer | None:
        """Have it never run."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. name: "target", or "--namespace" for an option. parse: raises RefusedError.

    flag: an option without a value. short: an option's one-letter form, "-n". shown: what stands for the value in
    the usage, when it is not the name. path: its value is a parameter's path, which roles' prefixes narrow, as their
    namespaces do `--namespace`.
    """

    name: str
    help: str
    parse: Callable[[str], Any] = str
    optional: bool = False
    flag: bool = False
    short: str = ""
    shown: str = ""
    path: bool = False

    @property
    def key(self) -> str:
        """Its name in `Call.given`."""
        return self.name.removeprefix("--").replace("-", "_")

    @property
    def usage(self) -> str:
        if self.flag:
            return f"[{self.name}]"
        value = self.shown or self.name.removeprefix("--").upper()
        if self.name.startswith("--"):
            return f"[{self.short or self.name} {value}]"
        return f"[{value}]" if self.optional else value


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed and authorised command. given: values by argument name, without dashes (`dry_run`)."""

    command: Command
    given: dict[str, Any]
    person: Person
    envelope: Envelope
    desk: Desk
    decisions: Decisions

    @property
    def at(self) -> datetime:
        """When it was asked, UTC, to the millisecond: the same for every delivery of it."""
        asked = datetime.fromtimestamp(self.envelope.received_at, UTC)
        return asked.replace(microsecond=asked.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Answer:
    """text: mrkdwn. public: shown to the whole channel. outcome, reason: what the ledger says of it. buttons: under
    the text, where the platform has some; the text must do without."""

    text: str
    public: bool = False
    outcome: Outcome = Outcome.ANSWERED
    reason: str = "Answered"
    subject: str = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what people type, what it may do, and the function that answers it."""

    name: str
    summary: str
    risk: Risk
    run: Callable[[Call], Answer]
    arguments: tuple[Argument, ...] = ()
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = field(default=())

    @property
    def usage(self) -> str:
        return " ".join((self.name, *(argument.usage for argument in self.arguments)))

    def ask(self, given: Mapping[str, Any], *, default_namespace: str) -> Ask:
        """What must be allowed for these arguments. Without `--namespace` it is the stack's own; `all`, as a policy's
        name, and `--all-namespaces` are all."""
        namespaces = None
        if any(argument.name == "--namespace" for argument in self.arguments):
            where = frozenset({given.get("namespace", default_namespace)})
            everywhere = ALL in given.values() or given.get("all_namespaces")
            namespaces = ANYWHERE if everywhere else where
        named = [argument.key for argument in self.arguments if argument.path]
        paths = frozenset(str(given[key]) for key in named if key in given) if named else None
        return Ask(self.name, self.risk, namespaces, paths)


def registered() -> dict[str, Command]:
    """Every command by name and alias: one module in `plugins` declares one, as `COMMAND`."""
    found: dict[str, Command] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(plugins.__path__)):
        command: Command = importlib.import_module(f"plugins.{module}").COMMAND
        for name in (command.name, *command.aliases):
            if name in found:
                raise ValueError(f"two commands are called {name}")
            found[name] = command
    return found
