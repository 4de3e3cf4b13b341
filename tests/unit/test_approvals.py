"""What waits for a second person: single use, expiring, and never without enough other persons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import approvals
from approvals import Proposal, State, Vote
from bellhop.chat.access import Ask, Risk
from bellhop.errors import BusyError, RefusedError
from tests.unit.chat_world import WHEN, MemoryApprovals, envelope

LATER = WHEN + timedelta(minutes=5)


def proposal(**fields: Any) -> Proposal:
    made: dict[str, Any] = {
        "id": "",
        "nonce": "",
        "command": "drain",
        "text": "drain ip-10-0-1-7",
        "digest": "d",
        "requester": "ana",
        "envelope": envelope("drain ip-10-0-1-7", response_url=None),
        "asked_at": WHEN,
        "expires_at": WHEN + timedelta(minutes=15),
        "quorum": 1,
    }
    return Proposal(**(made | fields))


def by(person: str, caller: str = "") -> Vote:
    return Vote(person, caller or f"slack:T/{person}", "slack:T/C")


def voted(seen: Proposal, person: str, at: datetime = LATER) -> Proposal:
    return approvals.vote(seen, by(person), envelope_id=f"of {person}", now=at)


def taken(seen: Proposal, person: str, at: datetime = LATER, envelope_id: str = "") -> Proposal:
    names = approvals.standing(seen, lambda _: True)
    return approvals.take(
        seen, names, quorum=1, person=person, envelope_id=envelope_id or f"of {person}", now=at
    )


def denied(seen: Proposal, person: str, at: datetime = LATER) -> Proposal:
    return approvals.deny(seen, person=person, envelope_id=f"no of {person}", now=at)


def refused(code: str, work: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as error:
        work()
    assert error.value.code == code
    return str(error.value)


# Rules


def test_enough_other_persons_approve_and_it_is_taken_once() -> None:
    seen = voted(proposal(), "bob")
    seen = approvals.approve(seen, ["bob"], quorum=1, now=LATER)
    assert seen.state is State.APPROVED
    done = taken(seen, "bob")
    assert (done.state, done.decided_by, done.decided_in, done.decided_at) == (
        State.DONE,
        "bob",
        "of bob",
        LATER,
    )
    assert "by bob" in refused("AlreadyDecided", lambda: taken(done, "cy"))
    assert "by bob" in refused("AlreadyDecided", lambda: voted(done, "cy"))
    assert "by bob" in refused("AlreadyDecided", lambda: denied(done, "cy"))


def test_who_took_it_may_take_it_again_by_the_same_message_only() -> None:
    done = taken(voted(proposal(), "bob"), "bob")
    long_after = WHEN + timedelta(days=1)
    assert voted(done, "bob", long_after) == done
    assert taken(done, "bob", long_after) == done
    refused("AlreadyDecided", lambda: taken(done, "bob", envelope_id="another of bob"))


def test_ones_own_proposal_is_not_approved_by_any_of_ones_ids() -> None:
    for caller in ("slack:T/ana", "slack:T2/second", "messenger:1/2"):
        refused(
            "OwnApproval",
            lambda caller=caller: approvals.vote(proposal(), by("ana", caller), envelope_id="x", now=LATER),  # type: ignore[misc]
        )
    slipped_in = proposal(votes=(by("ana"),))
    assert approvals.standing(slipped_in, lambda _: True) == ()
    refused("NotApproved", lambda: taken(slipped_in, "ana"))
    refused(
        "NotApproved",
        lambda: approvals.take(proposal(), ["ana"], quorum=1, person="ana", envelope_id="x", now=LATER),
    )


def test_one_person_counts_once_by_however_many_ids() -> None:
    seen = voted(proposal(quorum=2), "bob")
    again = approvals.vote(seen, by("bob", "slack:T2/bob"), envelope_id="y", now=LATER)
    assert again == seen
    assert approvals.standing(again, lambda _: True) == ("bob",)
    refused("NotApproved", lambda: taken(again, "bob"))


def test_a_vote_that_does_not_stand_any_more_does_not_count() -> None:
    seen = voted(voted(proposal(quorum=2), "bob"), "cy")
    assert approvals.standing(seen, lambda vote: vote.person == "cy") == ("cy",)
    assert approvals.approve(seen, ["cy"], quorum=1, now=LATER).state is State.OPEN


def test_a_larger_quorum_of_today_counts_and_a_smaller_one_does_not() -> None:
    one = voted(proposal(), "bob")
    assert approvals.approve(one, ["bob"], quorum=2, now=LATER).state is State.OPEN
    assert approvals.approve(proposal(quorum=2), ["bob"], quorum=1, now=LATER).state is State.OPEN


@pytest.mark.parametrize("minutes", [15, 16, 10_000])
def test_what_expired_is_neither_approved_nor_denied_nor_run(minutes: int) -> None:
    late = WHEN + timedelta(minutes=minutes)
    for seen in (proposal(), voted(proposal(), "bob"), approvals.expire(proposal(), now=late)):
        refused("ApprovalExpired", lambda seen=seen: voted(seen, "cy", late))  # type: ignore[misc]
        refused("ApprovalExpired", lambda seen=seen: denied(seen, "cy", late))  # type: ignore[misc]
        refused("ApprovalExpired", lambda seen=seen: taken(seen, "bob", late))  # type: ignore[misc]
    assert approvals.expire(proposal(), now=late).state is State.EXPIRED
    assert approvals.expire(proposal(), now=LATER).state is State.OPEN
    done = taken(voted(proposal(), "bob"), "bob")
    assert approvals.expire(done, now=late) == done


def test_what_was_denied_stays_so() -> None:
    no = denied(voted(proposal(), "bob"), "cy")
    assert "denied by cy" in refused("AlreadyDecided", lambda: voted(no, "dee"))
    assert denied(no, "cy") == no
    refused("AlreadyDecided", lambda: taken(no, "bob"))


def test_the_digest_is_of_the_exact_command_arguments_person_and_place() -> None:
    ask = Ask("scale", Risk.CHANGE, frozenset({"shop"}))
    arguments: dict[str, Any] = {"target": ("Deployment", "web"), "replicas": 5, "for": timedelta(hours=1)}
    same = approvals.digest("scale", arguments, "ana", "slack:T", ask)
    assert same == approvals.digest("scale", dict(reversed(arguments.items())), "ana", "slack:T", ask)
    others = [
        approvals.digest("pause", arguments, "ana", "slack:T", ask),
        approvals.digest("scale", arguments | {"replicas": 6}, "ana", "slack:T", ask),
        approvals.digest("scale", arguments | {"replicas": "5"}, "ana", "slack:T", ask),
        approvals.digest("scale", arguments | {"for": timedelta(hours=2)}, "ana", "slack:T", ask),
        approvals.digest("scale", arguments, "bob", "slack:T", ask),
        approvals.digest("scale", arguments, "ana", "slack:T2", ask),
        approvals.digest("scale", arguments, "ana", "slack:T", Ask("scale", Risk.CHANGE)),
    ]
    assert len({same, *others}) == 8


@pytest.mark.parametrize(
    "word", ["", "1a2b3c4", "1a2b3c4g", "1a2b3c4d5", "1a2b3c4d" + "x" * 21, "\u0661a2b3c4d"]
)
def test_what_is_no_token_is_refused(word: str) -> None:
    refused("BadArguments", lambda: approvals.token(word))


def test_an_id_may_be_typed_in_capitals_and_a_nonce_is_exact() -> None:
    assert approvals.token("1A2B3C4D") == "1a2b3c4d"
    assert approvals.token("1A2B3C4D" + "aB-_" * 5 + "cD") == "1a2b3c4d" + "aB-_" * 5 + "cD"


# Where they are kept


def test_a_redelivered_proposal_is_the_same_one() -> None:
    store = MemoryApprovals()
    first, second = (approvals.propose(store, proposal()) for _ in range(2))
    assert first == second == store.only()
    assert first.nonce.startswith(first.id)
    assert len(first.nonce) == 8 + 22
    assert approvals.token(first.nonce) == first.nonce


def test_an_id_that_another_has_is_not_taken_from_it() -> None:
    store = MemoryApprovals()
    first = approvals.propose(store, proposal())
    other = msgspec.structs.replace(first, envelope=envelope("x", id="other"))
    store.kept[first.id] = msgspec.json.encode(other).decode()
    second = approvals.propose(store, proposal())
    assert second.id != first.id
    assert store.find(first.id) == other
    assert approvals.propose(store, proposal()) == second


def test_a_proposal_is_found_by_its_id_or_its_exact_nonce() -> None:
    store = MemoryApprovals()
    kept = approvals.propose(store, proposal())
    assert approvals.named(store, kept.id) == approvals.named(store, kept.nonce) == kept
    assert approvals.named(store, "00000000") is None
    refused("ApprovalUnknown", lambda: approvals.named(store, kept.id + "x" * 22))
    refused("ApprovalUnknown", lambda: approvals.named(store, "0" * 8 + "x" * 22))
    refused("ApprovalUnknown", lambda: approvals.change(store, "00000000", lambda seen: seen))


def test_of_two_approvers_at_once_one_runs_it() -> None:
    store = MemoryApprovals()
    id = approvals.propose(store, proposal()).id

    def take(person: str) -> Callable[[], object]:
        return lambda: approvals.change(store, id, lambda seen: taken(voted(seen, person), person))

    store.races = [take("cy")]
    assert "approved by cy" in refused("AlreadyDecided", take("bob"))
    assert store.only().decided_by == "cy"


def test_two_votes_at_once_both_count() -> None:
    store = MemoryApprovals()
    id = approvals.propose(store, proposal(quorum=2)).id
    store.races = [lambda: approvals.change(store, id, lambda seen: voted(seen, "cy"))]
    approvals.change(store, id, lambda seen: voted(seen, "bob"))
    assert approvals.standing(store.only(), lambda _: True) == ("cy", "bob")


@pytest.mark.parametrize("faster", ["approve", "deny"])
def test_of_approve_and_deny_at_once_one_counts(faster: str) -> None:
    store = MemoryApprovals()
    id = approvals.propose(store, proposal()).id

    def yes() -> object:
        return approvals.change(store, id, lambda seen: taken(voted(seen, "bob"), "bob"))

    def no() -> object:
        return approvals.change(store, id, lambda seen: denied(seen, "cy"))

    first, second = (yes, no) if faster == "approve" else (no, yes)
    store.races = [first]
    refused("AlreadyDecided", second)
    assert store.only().state is (State.DONE if faster == "approve" else State.DENIED)


def test_a_race_that_is_always_lost_is_given_up() -> None:
    class Lost(MemoryApprovals):
        def put(self, proposal: Proposal, *, instead_of: Proposal | None) -> bool:
            return instead_of is None and super().put(proposal, instead_of=None)

    store = Lost()
    id = approvals.propose(store, proposal()).id
    with pytest.raises(BusyError):
        approvals.change(store, id, lambda seen: voted(seen, "bob"))


# Whatever the sequence

PEOPLE = ["ana", "bob", "cy", "dee"]
_steps = st.tuples(
    st.sampled_from(["vote", "approve", "take", "deny", "expire"]),
    st.sampled_from(PEOPLE),
    st.integers(0, 20),  # minutes after it was asked
    st.sampled_from(["", "raced by a vote", "raced by a denial", "raced by a taking"]),
)


@settings(max_examples=300)
@given(st.integers(1, 3), st.lists(_steps, max_size=15), st.sets(st.sampled_from(PEOPLE)))
def test_it_runs_at_most_once_and_never_without_quorum_of_others(
    quorum: int, steps: list[tuple[str, str, int, str]], fallen: set[str]
) -> None:
    """fallen: who may not approve any more when it is taken."""
    store = MemoryApprovals()
    id = approvals.propose(store, proposal(quorum=quorum)).id
    runs: list[tuple[str, int]] = []
    said_yes: set[str] = set()

    def stands(vote: Vote) -> bool:
        return vote.person not in fallen

    def step(what: str, person: str, minutes: int, message: str) -> None:
        now = WHEN + timedelta(minutes=minutes)

        def names(seen: Proposal) -> tuple[str, ...]:
            return approvals.standing(seen, stands)

        how: dict[str, Callable[[Proposal], Proposal]] = {
            "vote": lambda seen: approvals.vote(seen, by(person), envelope_id=message, now=now),
            "approve": lambda seen: approvals.approve(seen, names(seen), quorum=1, now=now),
            "take": lambda seen: approvals.take(
                seen, names(seen), quorum=1, person=person, envelope_id=message, now=now
            ),
            "deny": lambda seen: approvals.deny(seen, person=person, envelope_id=message, now=now),
            "expire": lambda seen: approvals.expire(seen, now=now),
        }
        with suppress(RefusedError):
            approvals.change(store, id, how[what])
            if what == "vote":
                said_yes.add(person)
            if what == "take":
                runs.append((message, minutes))
                assert len((said_yes - fallen) - {"ana"}) >= quorum

    races = {"raced by a vote": "vote", "raced by a denial": "deny", "raced by a taking": "take"}
    for number, (what, person, minutes, race) in enumerate(steps):
        if race:
            store.races = [
                lambda m=minutes, r=race, n=number: step(races[r], "dee", m, f"race {n}")  # type: ignore[misc]
            ]
        step(what, person, minutes, f"step {number}")
        store.races = []
    assert len(runs) <= 1
    assert all(minutes < 15 for _, minutes in runs)
    assert bool(runs) == (store.only().state is State.DONE)
