"""Whenever `commands` dies, of every command: its owner has one request, the ledger one entry, the person an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from samcli.yamlhelper import yaml_parse

import commands
from bellhop.chat.access import Risk
from bellhop.chat.envelope import Envelope
from bellhop.ledger import Outcome
from bellhop.messages import Record, SqsQueue
from bellhop.once import Once
from registry import registered
from tests.integration.tables import STATE, TEMPLATE, dynamodb
from tests.unit.chat_world import ADA, envelope
from tests.unit.crash_world import ABE, BEA, ID, Crashed, Crashing, Fate, Moment

DOCS = Path(__file__).parents[2] / "docs/commands.md"
_RESOURCES = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
#: Seconds: when the function's deadline is, and when a message of its queue comes again.
TIMEOUT: int = _RESOURCES["CommandsFunction"]["Properties"]["Timeout"]
VISIBILITY: int = _RESOURCES["CommandsQueue"]["Properties"]["VisibilityTimeout"]

COMMANDS = {command.name: command for command in registered().values()}
CHANGES = [
    name for name, c in COMMANDS.items() if c.risk is not Risk.READ and name not in {"approve", "deny"}
]


@dataclass(frozen=True)
class Case:
    """text: with `{proposal}` for the id of what waits. earlier: said before by ada."""

    text: str
    user: str = ADA
    earlier: tuple[str, ...] = ()
    careful: bool = False


#: Commands whose first example alone finds nothing to do; the others are found by themselves.
_SPECIAL = {
    "deny": Case("deny {proposal}", ABE, earlier=("drain ip-10-0-1-7",)),
    "more": Case("more", earlier=("joke",)),
}
CASES = {name: _SPECIAL.get(name) or Case(command.examples[0]) for name, command in COMMANDS.items()}
APPROVED = {
    f"approve {name}": Case("approve {proposal}", ABE, earlier=(COMMANDS[name].examples[0],), careful=True)
    for name in CHANGES
}
#: Those that hand a request on at once: of the changes, `drain` waits for another person.
HANDING = {name for name in CHANGES if COMMANDS[name].risk is Risk.CHANGE} | {"approve"}
EVERYWHERE = (
    Moment.BEGUN, Moment.HANDED, Moment.RECORDED, Moment.KEPT, Moment.ANSWERING, Moment.POSTED,
)  # fmt: skip
ON_APPROVAL = (Moment.VOTED, Moment.APPROVED, Moment.TAKEN, Moment.TOLD)
DEATHS = [
    *((name, moment) for name in CASES for moment in EVERYWHERE),
    *((name, moment) for name in APPROVED for moment in (*EVERYWHERE, *ON_APPROVAL)),
    *(("deny", moment) for moment in (Moment.DENIED, Moment.TOLD)),
]
#: Moments with nothing half done: another delivery need not wait for the deadline.
BETWEEN = {Moment.KEPT}


class Invocation:
    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT * 1000


@dataclass
class Postponing:
    """The queue, as far as the handler uses it."""

    postponed: int = 0

    def postpone(self, record: Record, *, seconds: float) -> None:
        self.postponed += 1

    def bury(self, record: Record, *, code: str, reason: str) -> None:
        raise AssertionError(f"buried: {code} {reason}")


class MortalOnce(Once):
    """Dies between what is done once and what is done next."""

    def __init__(self, dynamodb: Any, fate: Fate) -> None:
        super().__init__(dynamodb, STATE)
        self._fate = fate

    def run[T](self, purpose: str, id: str, work: Callable[[], T], context: LambdaContext) -> T:
        if purpose == "reply":
            self._fate.at(Moment.KEPT)
        return super().run(purpose, id, work, context)


@dataclass
class Trial:
    """One message to `commands.handler`, in as many processes as it takes."""

    case: Case
    client: Any
    patch: pytest.MonkeyPatch
    queue: Postponing = field(default_factory=Postponing)

    def __post_init__(self) -> None:
        if gone := [{"DeleteRequest": {"Key": {"id": item["id"]}}} for item in self.kept()]:
            self.client.batch_write_item(RequestItems={STATE: gone})
        self.world = Crashing(careful=self.case.careful)
        for number, text in enumerate(self.case.earlier):
            self.say(text, ADA, f"earlier-{number}")
        proposal = next(iter(self.world.approvals.kept), "")
        self.asked: Envelope = envelope(self.case.text.format(proposal=proposal), user=self.case.user, id=ID)
        self.before = set(self.world.ledger.entries)
        self.world.ledger.written.clear()
        assert self.world.desk.queued == []

    def say(self, text: str, user: str, id: str) -> None:
        """Another message, whose handling nothing disturbs."""
        self.world.chat(Fate()).conversation.execute(envelope(text, user=user, id=id))

    def deliver(self, fate: Fate) -> bool:
        """Whether the queue may forget the message."""
        wired = commands.Services(
            self.world.chat(fate).conversation,
            MortalOnce(self.client, fate),
            cast(SqsQueue, self.queue),
        )
        self.patch.setattr(commands, "services", lambda: wired)
        record = {
            "messageId": "sqs-1",
            "body": msgspec.json.encode(self.asked).decode(),
            "attributes": {"MessageGroupId": "g"},
        }
        answer = commands.handler({"Records": [record]}, cast(LambdaContext, Invocation()))
        return not answer["batchItemFailures"]

    def pass_time(self, seconds: int) -> None:
        """For the clock of the commands, and for what is marked as being worked on."""
        self.world.pass_time(seconds)
        for item in self.kept():
            if item["status"]["S"] == "INPROGRESS":
                self.client.update_item(
                    TableName=STATE,
                    Key={"id": item["id"]},
                    UpdateExpression="SET in_progress_expiration = in_progress_expiration - :passed",
                    ExpressionAttributeValues={":passed": {"N": str(seconds * 1000)}},
                )

    def kept(self) -> list[dict[str, Any]]:
        """What the state table has."""
        return list(self.client.scan(TableName=STATE)["Items"])

    def seen(self) -> tuple[int, int, int]:
        world = self.world
        return len(world.desk.queued), len(world.ledger.written), len(world.responder.posts)


@dataclass(frozen=True)
class Found:
    """What all deliveries together brought about."""

    requests: tuple[str, ...]
    entries: frozenset[str]
    told: frozenset[tuple[str, Outcome, str, str, str]]
    answers: tuple[str, ...]
    waited: bool

    @property
    def request_ids(self) -> set[str]:
        return {msgspec.json.decode(request)["id"] for request in self.requests}


class Trials:
    """Runs each case once, with its death, and remembers what was found."""

    def __init__(self, client: Any, patch: pytest.MonkeyPatch) -> None:
        self._client, self._patch = client, patch
        self._known: dict[tuple[str, Moment | None], Found] = {}

    def found(self, name: str, moment: Moment | None = None) -> Found:
        if (name, moment) not in self._known:
            self._known[name, moment] = self._run(self.trial(name), moment)
        return self._known[name, moment]

    def trial(self, name: str) -> Trial:
        return Trial((CASES | APPROVED)[name], self._client, self._patch)

    @staticmethod
    def _run(trial: Trial, moment: Moment | None) -> Found:
        fate, waited = Fate(moment), False
        if moment is not None:
            with pytest.raises(Crashed):
                trial.deliver(fate)
            before = trial.seen()
            waited = not trial.deliver(Fate())  # too early: it may be running still
            assert not waited or trial.seen() == before
            trial.pass_time(VISIBILITY)
        assert trial.deliver(Fate())
        world = trial.world
        return Found(
            requests=tuple(world.desk.queued),
            entries=frozenset(world.ledger.entries.keys() - trial.before),
            told=frozenset((e.id, e.outcome, e.reason, e.subject, e.because) for e in world.ledger.written),
            answers=tuple(world.answers),
            waited=waited,
        )


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    with dynamodb() as client, pytest.MonkeyPatch.context() as patch:
        yield Trials(client, patch)


def test_the_message_comes_again_only_after_the_deadline() -> None:
    assert VISIBILITY > TIMEOUT


@pytest.mark.parametrize("name", CASES | APPROVED)
def test_an_undisturbed_command_is_done_once(trials: Trials, name: str) -> None:
    calm = trials.found(name)
    outcomes = {outcome for _, outcome, *_ in calm.told}
    # A new command whose first example does not fit into the world of `Crashing` needs a place in `_SPECIAL`.
    refused = {Outcome.REFUSED} if name == "deny" else set()  # what the requester is told
    assert outcomes <= {Outcome.ANSWERED, Outcome.ASKED, Outcome.DONE} | refused, calm
    assert len(calm.answers) == 1
    assert len(calm.requests) == (name in APPROVED or name in HANDING)


def test_what_was_done_and_is_delivered_again_changes_nothing(trials: Trials) -> None:
    trial = trials.trial("restart")
    assert trial.deliver(Fate())
    after = trial.seen()
    assert trial.deliver(Fate())
    assert trial.seen() == after == (1, 1, 1)


@pytest.mark.parametrize(("name", "moment"), DEATHS, ids=lambda part: getattr(part, "name", part))
def test_whenever_it_dies_it_is_done_once_and_answered(trials: Trials, name: str, moment: Moment) -> None:
    calm, found = trials.found(name), trials.found(name, moment)
    assert found.waited is (moment not in BETWEEN)
    # Its owner knows it by its id, and would do the same whichever of them comes first.
    assert len(set(found.requests)) == len(calm.requests)
    assert found.request_ids == calm.request_ids
    assert found.entries == calm.entries
    assert found.told == calm.told
    assert set(found.answers) == set(calm.answers)
    assert len(found.answers) == (2 if moment is Moment.POSTED else 1)


@pytest.mark.parametrize("other", ["approve", "deny"])
@pytest.mark.parametrize("moment", [Moment.BEGUN, *ON_APPROVAL, Moment.HANDED, Moment.RECORDED])
@pytest.mark.parametrize("name", ["approve scale", "approve drain"])
def test_somebody_else_who_decides_meanwhile_has_it_run_no_second_time(
    trials: Trials, name: str, moment: Moment, other: str
) -> None:
    trial = trials.trial(name)
    proposal = next(iter(trial.world.approvals.kept))
    with pytest.raises(Crashed):
        trial.deliver(Fate(moment))
    taken = moment not in {Moment.BEGUN, Moment.VOTED, Moment.APPROVED}
    trial.say(f"{other} {proposal}", BEA, "another")
    trial.pass_time(VISIBILITY)
    assert trial.deliver(Fate())
    runs = len(set(trial.world.desk.queued))
    assert runs == (taken or other == "approve")
    assert len(trial.world.answers) == 1


# The documentation


def shown(trials: Trials) -> str:
    """What was found, as docs/commands.md has it."""
    lines = ["| It dies | Handed on | In the ledger | Answered |", "|---|---|---|---|"]
    for moment in Moment:
        found = [(trials.found(name), trials.found(name, at)) for name, at in DEATHS if at is moment]
        handed = {len(f.requests) for calm, f in found if calm.requests}
        alike = all(f.request_ids == calm.request_ids for calm, f in found)
        entered = {len(f.entries) / len(calm.entries) for calm, f in found}
        answered = {len(f.answers) for _, f in found}
        cells = (_times(handed, alike=alike), _times(entered), _times(answered))
        lines.append(f"| {moment.value} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _times(counts: set[int] | set[float], *, alike: bool = False) -> str:
    words: dict[float, str] = {1: "once", 2: "twice, with one ID" if alike else "twice"}
    return " or ".join(words.get(count, f"{count:g} times") for count in sorted(counts)) or "not at all"


def test_the_documentation_shows_what_was_found(trials: Trials) -> None:
    assert shown(trials) in DOCS.read_text(encoding="utf-8")
