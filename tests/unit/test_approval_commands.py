"""Commands that wait for a second person: proposed, approved or denied, run once, and told where they were asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from approvals import State
from bellhop.chat.access import ANYWHERE, Ask, Risk, parse_access
from bellhop.errors import RefusedError, UnavailableError
from bellhop.ledger import Entry, Outcome, entry_id
from bellhop.scaling.request import Control, ScaleRequest, Verb
from registry import Answer, Argument, Call, Command, registered
from tests.unit.chat_world import (
    ADA,
    ANA,
    CHANNEL,
    RESPONSE_URL,
    TEAM,
    VIC,
    WHEN,
    Chat,
    MemoryDesk,
    MemoryOnce,
    envelope,
    said,
)
from tests.unit.test_scaling_commands import QUESTION, policy

ABE, BEA, BOB = "U0ABE", "U0BEA", "U0BOB"
PERSONS: dict[str, Any] = {
    "ana": {"ids": [f"slack:{TEAM}/{ANA}"], "roles": ["operator"]},
    "bob": {"ids": [f"slack:{TEAM}/{BOB}"], "roles": ["operator"]},
    "vic": {"ids": [f"slack:{TEAM}/{VIC}"], "roles": ["viewer"]},
    "ada": {"ids": [f"slack:{TEAM}/{ADA}", f"slack:{TEAM}/U0ADA2"], "roles": ["admin"]},
    "abe": {"ids": [f"slack:{TEAM}/{ABE}", f"slack:{TEAM}/U0ABE2"], "roles": ["admin"]},
    "bea": {"ids": [f"slack:{TEAM}/{BEA}"], "roles": ["admin"]},
}
SHOP = {"shop": {"risk": "change", "namespaces": ["shop"]}}


class World:
    """A chat in which `drain NODE` is dangerous, and what was drained for whom. document: changed at will."""

    def __init__(self, **document: Any) -> None:
        self.document: dict[str, Any] = {"persons": PERSONS} | document
        self.drained: list[tuple[str, str, str, datetime]] = []
        self.fails: list[BaseException] = []
        self.now = WHEN
        drain = Command(
            "drain", "Drains.", Risk.DANGER, self._drain, (Argument("node", "a node"),), aliases=("empty",)
        )
        self.chat = Chat(
            commands=registered() | {"drain": drain, "empty": drain},
            access=lambda: parse_access(json.dumps(self.document)),
            desk=MemoryDesk(
                default_namespace="shop", found=([policy(), policy("far", namespace="prod")], [])
            ),
            clock=lambda: self.now,
        )
        self.asked = 0

    def _drain(self, call: Call) -> Answer:
        if self.fails:
            raise self.fails.pop(0)
        self.drained.append((call.given["node"], call.person.name, call.envelope.id, call.at))
        return Answer("Draining.", outcome=Outcome.ASKED, reason="HandedOn", subject=call.given["node"])

    def ask(self, text: str, user: str = ADA, **fields: Any) -> str:
        self.asked += 1
        return self.chat.ask(text, user=user, **({"id": f"m{self.asked}"} | fields))

    def proposed(self, text: str = "drain ip-10-0-1-7", user: str = ADA) -> str:
        """The id of a new proposal."""
        before = set(self.chat.approvals.kept)
        assert "needs approval" in self.ask(text, user)
        [id] = self.chat.approvals.kept.keys() - before
        return id

    def entry(self, action: str, outcome: Outcome) -> Entry:
        [found] = [e for e in self.chat.ledger.entries.values() if (e.action, e.outcome) == (action, outcome)]
        return found

    @property
    def handed(self) -> list[Any]:
        return self.chat.desk.handed


# Asking


def test_danger_is_proposed_and_not_run() -> None:
    world = World()
    message = world.chat.conversation.execute(envelope("empty  'ip-10-0-1-7'", user=ADA))
    kept = world.chat.approvals.only()
    assert said(message) == (
        f"*drain ip-10-0-1-7* of ada needs approval by another person who may run it; it expires in 15m: "
        f"`approve {kept.id}` or `deny {kept.id}`."
    )
    assert message["public"] is True
    assert f"approve {kept.nonce}" in repr(message)
    assert f"deny {kept.nonce}" in repr(message)
    assert world.drained == []
    told = world.chat.ledger.only()
    assert (told.outcome, told.reason, told.action) == (Outcome.ASKED, "ApprovalNeeded", "drain")
    assert (told.subject, told.actor) == (f"approval/{kept.id}", "person ada")
    assert (kept.requester, kept.expires_at, kept.quorum) == ("ada", WHEN + timedelta(minutes=15), 1)
    assert RESPONSE_URL not in repr(world.chat.approvals.kept)


def test_a_second_delivery_proposes_nothing_new() -> None:
    world = World()
    first, second = (world.ask("drain a", id="same") for _ in range(2))
    assert first == second
    assert len(world.chat.approvals.kept) == len(world.chat.ledger.entries) == 1


@pytest.mark.parametrize(
    ("text", "user"), [("drain a", ANA), ("drain a", VIC), ("drain", ADA), ("drain a b", ADA)]
)
def test_what_may_not_be_or_is_no_command_is_refused_and_not_proposed(text: str, user: str) -> None:
    world = World()
    world.ask(text, user)
    assert world.chat.approvals.kept == {}
    assert world.chat.ledger.only().outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("scale web 5 -n prod", True),
        ("scale web 5 -n prod-eu --dry-run", True),
        ("scale web 5 -n shop", False),
        ("scale web 5", False),
        ("pause web -n shop", False),
        ("pause far -n prod", True),
        ("pause far", True),  # only the cluster knows that it is in prod
        ("pause all", True),
        ("resume web", True),
        ("explain far -n prod", False),
    ],
)
def test_rules_say_what_else_needs_approval(text: str, needed: bool) -> None:
    world = World(approval={"required": ["scale@prod*", "pause@prod", "resume"]})
    assert ("needs approval" in world.ask(text, ANA)) is needed
    assert (world.handed == []) is (needed or text.startswith("explain"))


# Approving


@pytest.mark.parametrize("button", [True, False])
def test_another_persons_yes_runs_it_as_who_asked(button: bool) -> None:
    world = World()
    id = world.proposed()
    world.now = WHEN + timedelta(minutes=3)
    token = world.chat.approvals.only().nonce if button else id.upper()
    answer = world.ask(f"approve {token}", ABE)
    assert answer == "Approved by abe: *drain ip-10-0-1-7* of ada.\nDraining."
    assert world.drained == [("ip-10-0-1-7", "ada", "m1", world.now)]
    ran = world.chat.ledger.entries[entry_id("m1", "approved")]
    assert (ran.action, ran.actor, ran.outcome) == ("drain", "person ada", Outcome.ASKED)
    assert (ran.because, ran.cause, ran.subject) == ("approved by abe", "m1", "ip-10-0-1-7")
    assert ran.asked_in is None  # its owner tells of the outcome
    yes = world.entry("approve", Outcome.DONE)
    assert (yes.reason, yes.actor, yes.subject) == ("Approved", "person abe", f"approval/{id}")


def test_an_approved_change_is_handed_on_with_the_requesters_id_and_address() -> None:
    world = World(approval={"required": ["scale@prod"]})
    id = world.proposed("scale web 5 -n prod --for 1h", ANA)
    world.now = WHEN + timedelta(minutes=3)
    world.ask(f"approve {id}", BOB)
    [request] = world.handed
    assert isinstance(request, ScaleRequest)
    assert (request.id, request.asked_in, request.person, request.at) == ("m1", "m1", "ana", world.now)
    assert (request.target, request.replicas, request.hold_seconds) == ("prod/web", 5, 3600)


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (ADA, "OwnApproval"),
        ("U0ADA2", "OwnApproval"),  # the same person's other account
        (ANA, "NotAllowed"),
        (VIC, "NotAllowed"),
        ("U0NOBODY", "UnknownPerson"),
    ],
)
def test_who_asked_and_who_may_not_run_it_cannot_approve(user: str, code: str) -> None:
    world = World()
    world.ask(f"approve {world.proposed()}", user)
    assert world.drained == []
    assert world.chat.approvals.only().votes == ()
    assert [e.reason for e in world.chat.ledger.entries.values() if e.outcome is Outcome.REFUSED] == [code]


def test_a_refusal_to_approve_says_no_more_than_that() -> None:
    world = World()
    id = world.proposed()
    assert world.ask(f"approve {id}", ANA) == "`drain` is not among what ana (operator) may approve"
    assert world.ask(f"deny {id}", ANA) == "`drain` is not among what ana (operator) may deny"


def test_it_is_single_use() -> None:
    world = World()
    id = world.proposed()
    world.ask(f"approve {id}", ABE)
    assert world.ask(f"approve {id}", BEA) == "that was approved by abe already"
    assert world.ask(f"approve {id}", ABE) == "that was approved by abe already"
    assert world.ask(f"deny {id}", BEA) == "that was approved by abe already"
    assert len(world.drained) == 1


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_after_it_expired_nothing_is_decided(word: str) -> None:
    world = World(approval={"expires": "5m"})
    id = world.proposed()
    world.now = WHEN + timedelta(minutes=5)
    assert "expired" in world.ask(f"{word} {id}", ABE)
    assert world.drained == []
    if word == "approve":
        assert world.chat.approvals.only().state is State.EXPIRED


def test_enough_others_must_say_yes_and_each_counts_once() -> None:
    world = World(approval={"quorum": 2})
    id = world.proposed()
    assert world.ask(f"approve {id}", ABE) == "*drain ip-10-0-1-7* of ada is approved by abe: 1 of 2."
    assert world.ask(f"approve {id}", ABE).endswith("1 of 2.")
    assert world.ask(f"approve {id}", "U0ABE2").endswith("1 of 2.")
    assert "another person" in world.ask(f"approve {id}", ADA)
    assert world.drained == []
    assert world.ask(f"approve {id}", BEA).startswith("Approved by abe, bea: ")
    assert len(world.drained) == 1
    assert world.chat.ledger.entries[entry_id("m1", "approved")].because == "approved by abe, bea"


def test_a_quorum_that_is_raised_counts_for_what_waits() -> None:
    world = World()
    id = world.proposed()
    world.document["approval"] = {"quorum": 2}
    assert world.ask(f"approve {id}", ABE).endswith("1 of 2.")
    world.ask(f"approve {id}", BEA)
    assert len(world.drained) == 1


def test_roles_may_be_named_that_approve() -> None:
    world = World(approval={"approvers": ["operator"]})
    assert "who may approve (operator)" in world.ask("drain a")
    id = world.chat.approvals.only().id
    assert "may approve" in world.ask(f"approve {id}", ABE)
    assert world.ask(f"approve {id}", BOB).startswith("Approved by bob")
    assert len(world.drained) == 1


# Authorised again


def without(name: str) -> dict[str, Any]:
    return PERSONS | {name: PERSONS[name] | {"roles": ["viewer"]}}


@pytest.mark.parametrize(
    "persons",
    [
        without("ada"),
        {name: person for name, person in PERSONS.items() if name != "ada"},
        {("lovelace" if name == "ada" else name): person for name, person in PERSONS.items()},
    ],
)
def test_a_requester_who_may_not_any_more_gets_nothing_run(persons: dict[str, Any]) -> None:
    world = World()
    id = world.proposed()
    world.document["persons"] = persons
    assert world.ask(f"approve {id}", ABE) == "`drain` is not among what ada may run any more"
    assert world.drained == []
    world.document["persons"] = PERSONS
    world.ask(f"approve {id}", ABE)
    assert len(world.drained) == 1


def test_a_yes_of_somebody_who_may_not_any_more_does_not_count() -> None:
    world = World(approval={"quorum": 2})
    id = world.proposed()
    world.ask(f"approve {id}", ABE)
    world.document["persons"] = without("abe")
    assert world.ask(f"approve {id}", BEA).endswith("is approved by bea: 1 of 2.")
    assert world.drained == []


def test_a_person_who_was_renamed_does_not_count_twice() -> None:
    world = World(approval={"quorum": 2})
    id = world.proposed()
    world.ask(f"approve {id}", ABE)
    world.document["persons"] = {("abel" if name == "abe" else name): p for name, p in PERSONS.items()}
    assert world.ask(f"approve {id}", "U0ABE2").endswith("is approved by abel: 1 of 2.")
    assert world.drained == []


def test_a_channel_narrows_what_is_asked_there_and_nowhere_else() -> None:
    world = World(channels={f"slack:{TEAM}/{CHANNEL}": {"roles": ["viewer"]}})
    assert world.ask("scale web 5", ANA) == "`scale` is not among what ana (operator) may run"
    assert "scale TARGET" not in world.ask("help", ANA)
    assert world.handed == []
    assert "outcome follows" in world.ask("scale web 5", ANA, channel="C0OPEN")


def test_a_channel_that_narrows_counts_for_all_of_them() -> None:
    world = World()
    id = world.proposed()
    world.document["channels"] = {f"slack:{TEAM}/{CHANNEL}": {"roles": ["operator"]}}
    assert "not among" in world.ask(f"approve {id}", ABE)
    assert "any more" in world.ask(f"approve {id}", ABE, channel="C0OPEN")
    assert world.drained == []


def test_a_changed_proposal_is_not_run() -> None:
    world = World()
    id = world.proposed()
    for fields in ({"text": "drain ip-10-0-9-9"}, {"digest": "0"}, {"requester": "bea"}, {"paths": ("/x/",)}):
        kept = world.chat.approvals.only()
        changed = msgspec.structs.replace(kept, **fields)
        world.chat.approvals.kept[id] = msgspec.json.encode(changed).decode()
        world.ask(f"approve {id}", ABE)
        assert world.drained == []
        world.chat.approvals.kept[id] = msgspec.json.encode(kept).decode()
    world.ask(f"approve {id}", ABE)
    assert len(world.drained) == 1


def test_an_approval_for_one_namespace_is_not_one_for_another() -> None:
    world = World(approval={"required": ["pause"]})
    id = world.proposed("pause web", ANA)
    world.chat.desk.found = ([policy(namespace="prod")], [])
    answer = world.ask(f"approve {id}", BOB)
    assert "that was approved for namespace shop, and is prod's" in answer
    assert world.handed == []
    assert world.entry("pause", Outcome.REFUSED).because.startswith("approved by bob: that was approved for")


# Denying


@pytest.mark.parametrize("user", [ABE, ADA])
def test_a_denied_command_never_runs(user: str) -> None:
    world = World()
    id = world.proposed()
    name = "abe" if user == ABE else "ada"
    answer = world.ask(f"deny {world.chat.approvals.only().nonce}", user)
    assert answer == f"Denied by {name}: *drain ip-10-0-1-7* of ada does not run."
    assert world.ask(f"approve {id}", BEA) == f"that was denied by {name} already"
    assert world.drained == []
    told = [e for e in world.chat.ledger.entries.values() if e.asked_in == "m1"]
    assert [(e.reason, e.because, e.actor) for e in told] == (
        [("Denied", "denied by abe", "person ada")] if user == ABE else []
    )


@pytest.mark.parametrize("user", [ANA, VIC])
def test_who_may_not_approve_may_not_deny(user: str) -> None:
    world = World()
    world.ask(f"deny {world.proposed()}", user)
    assert world.chat.approvals.only().state is State.OPEN


def test_nothing_that_waits_has_that_id() -> None:
    world = World()
    assert world.ask("deny ffffffff") == "no command waits for approval as `ffffffff`"
    assert "no question `ffffffff`" in world.ask("approve ffffffff")
    assert "not there any more" in world.ask(f"approve ffffffff{'x' * 22}")
    assert "not there any more" in world.ask(f"deny {world.proposed()}{'x' * 22}")


# Once, whatever happens in between


def raced(world: World, text: str, user: str) -> Callable[[], object]:
    return lambda: world.ask(text, user)


@pytest.mark.parametrize("write", range(3))
@pytest.mark.parametrize(("word", "user"), [("approve", BEA), ("deny", BEA), ("approve", "U0ABE2")])
def test_whoever_else_decides_between_two_writes_it_runs_at_most_once(
    write: int, word: str, user: str
) -> None:
    world = World()
    id = world.proposed()
    world.chat.approvals.races = [*[lambda: None] * write, raced(world, f"{word} {id}", user)]
    world.ask(f"approve {id}", ABE)
    assert world.chat.approvals.races == []
    done = world.chat.approvals.only().state is State.DONE
    assert len(world.drained) == done
    if word == "approve":
        assert done


def test_a_crash_between_taking_and_running_is_made_good_by_the_same_message_only() -> None:
    world = World()
    id = world.proposed()
    world.fails = [KeyboardInterrupt()]  # the process ends
    with pytest.raises(KeyboardInterrupt):
        world.ask(f"approve {id}", ABE, id="yes")
    assert world.chat.approvals.only().state is State.DONE
    world.now = WHEN + timedelta(hours=1)
    assert "already" in world.ask(f"approve {id}", BEA)
    assert "already" in world.ask(f"approve {id}", ABE)
    assert world.drained == []
    for _ in range(2):  # crashed again before the answer was recorded: its owner knows it by its id
        assert world.ask(f"approve {id}", ABE, id="yes").startswith("Approved by abe")
    assert world.drained == [("ip-10-0-1-7", "ada", "m1", WHEN)] * 2


def test_what_was_taken_with_enough_is_made_good_though_one_of_them_may_not_any_more() -> None:
    world = World(approval={"quorum": 2})
    id = world.proposed()
    world.ask(f"approve {id}", ABE)
    world.fails = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        world.ask(f"approve {id}", BEA, id="yes")
    world.document["persons"] = without("abe")
    world.ask(f"approve {id}", BEA, id="yes")
    assert len(world.drained) == 1


def test_a_second_delivery_of_a_yes_or_a_no_changes_nothing() -> None:
    for word in ("approve", "deny"):
        world, once = World(), MemoryOnce()
        asked = envelope(f"{word} {world.proposed()}", user=ABE, id="word")
        for _ in range(2):
            once.run("execute", asked.id, lambda w=world, a=asked: w.chat.conversation.execute(a))  # type: ignore[misc]
        first = dict(world.chat.ledger.entries)
        world.chat.conversation.execute(asked)
        assert world.chat.ledger.entries == first
        assert len(world.drained) <= 2


@pytest.mark.parametrize(
    ("error", "outcome", "because"),
    [
        (RefusedError("Gone", "there is no such node"), Outcome.REFUSED, "there is no such node"),
        (UnavailableError("no answer"), Outcome.FAILED, "no answer"),
        (ZeroDivisionError("hunter2"), Outcome.FAILED, "look for req-1"),
    ],
)
def test_an_approved_command_that_fails_is_recorded_told_and_used_up(
    error: Exception, outcome: Outcome, because: str
) -> None:
    world = World()
    id = world.proposed()
    world.fails = [error]
    assert because in world.ask(f"approve {id}", ABE)
    ran = world.entry("drain", outcome)
    assert ran.because.startswith("approved by abe: ")
    assert because in ran.because
    assert ran.asked_in == "m1"
    assert "hunter2" not in repr(world.chat.ledger.entries)
    assert "already" in world.ask(f"approve {id}", BEA)


# What a role is confined to


def confined(**parts: Any) -> World:
    persons = PERSONS | {"ana": PERSONS["ana"] | {"roles": ["shop"]}}
    return World(persons=persons, roles=SHOP, **parts)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("scale web 5", False),
        ("scale web 5 -n shop", False),
        ("scale web 5 -n prod", True),
        ("pause web", False),
        ("pause far -n prod", True),
        ("pause all", True),
        ("explain far -n prod", True),
    ],
)
def test_a_role_confined_to_a_namespace_is_kept_to_it(text: str, refused: bool) -> None:
    world = confined()
    answer = world.ask(text, ANA)
    assert (answer == f"`{text.split(maxsplit=1)[0]}` is not among what ana (shop) may run") is refused
    assert len(world.handed) == (not refused)


def test_what_a_role_is_not_confined_to_is_not_shown_or_found() -> None:
    world = confined()
    world.chat.desk.found = (
        [policy(), policy("far", namespace="prod", status={"question": QUESTION})],
        ["policy prod/bad: wrong", "policy shop/bad: wrong", "the cluster is slow"],
    )
    assert "no policy `far`" in world.ask("pause far", ANA)
    assert "no policy `far`" in world.ask("explain far", ANA)
    assert "none is open" in world.ask("approve 1a2b3c4d", ANA)
    shown = world.ask("policies", ANA)
    assert "prod" not in shown
    assert "shop/web" in shown
    assert "shop/bad" in shown
    assert "the cluster is slow" in shown
    assert "1 policy in 1 namespace" in world.ask("status", ANA)
    assert world.handed == []


def test_what_a_command_hands_on_is_held_against_the_role_whatever_its_arguments_were() -> None:
    def run(call: Call) -> Answer:
        for namespace in ("shop", "prod"):
            call.desk.hand_to_scaling(
                ScaleRequest(
                    id="x", namespace=namespace, kind="Deployment", name="web", replicas=1,
                    person="ana", correlation="c", at=call.at,
                )
            )  # fmt: skip
        return Answer("both")

    def run_all(call: Call) -> Answer:
        call.desk.hand_to_scaling(Control(id="x", verb=Verb.PAUSE, person="ana", correlation="c", at=call.at))
        return Answer("all")

    world = confined()
    world.chat.commands = {
        **world.chat.commands,
        "sly": Command("sly", "", Risk.CHANGE, run),
        "slyer": Command("slyer", "", Risk.CHANGE, run_all, (Argument("--namespace", ""),)),
    }
    assert world.ask("slyer", ANA) == "`slyer` is not among what ana (shop) may run"
    assert world.handed == []
    world.document["approval"] = {"required": ["slyer@prod"]}
    assert "needs approval" in world.ask("slyer", BOB)
    assert world.handed == []
    assert world.ask("sly", ANA) == "`sly` is not among what ana (shop) may run"
    assert [request.namespace for request in world.handed] == ["shop"]


def test_what_looks_into_all_namespaces_asks_for_all_of_them() -> None:
    arguments = (
        Argument("--namespace", ""),
        Argument("--all-namespaces", "", flag=True),
        Argument("key", "", path=True),
    )
    command = Command("look", "", Risk.READ, lambda _: Answer(""), arguments)
    given = {"all_namespaces": True, "key": "/shop/a"}
    assert command.ask(given, default_namespace="shop") == Ask(
        "look", Risk.READ, ANYWHERE, frozenset({"/shop/a"})
    )
    assert command.ask({"all_namespaces": False}, default_namespace="shop") == Ask(
        "look", Risk.READ, frozenset({"shop"}), frozenset()
    )


def test_a_question_of_a_policy_is_approved_as_ever() -> None:
    world = World(approval={"required": ["pause"]})
    world.proposed("pause web", ANA)
    world.chat.desk.found = ([policy(status={"question": QUESTION})], [])
    assert world.ask("approve 1a2b3c4d", ANA).startswith("Approving 12 for policy")
    [request] = world.handed
    assert isinstance(request, Control)
    assert request.question == "1a2b3c4d"
