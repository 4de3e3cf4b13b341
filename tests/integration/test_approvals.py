"""Approvals in DynamoDB: one conditional write each, so of several who decide at once one gets in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import approvals
from approvals import DynamoApprovals, Proposal, State
from bellhop.errors import RefusedError
from tests.integration.tables import STATE, dynamodb
from tests.unit.chat_world import RESPONSE_URL, WHEN
from tests.unit.test_approvals import denied, proposal, taken, voted


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def store(client: Any) -> DynamoApprovals:
    return DynamoApprovals(client, STATE)


def test_a_proposal_is_found_as_it_was_made(store: DynamoApprovals) -> None:
    assert store.find("00000000") is None
    made = approvals.propose(store, proposal(namespaces=("shop",), paths=("/shop/a",)))
    assert store.find(made.id) == approvals.named(store, made.nonce) == made
    assert approvals.propose(store, proposal()) == made


def test_a_proposal_is_written_only_instead_of_what_was_seen(store: DynamoApprovals) -> None:
    seen = approvals.propose(store, proposal())
    assert not store.put(seen, instead_of=None)
    assert store.put(denied(seen, "cy"), instead_of=seen)
    assert not store.put(voted(seen, "bob"), instead_of=seen)
    found = store.find(seen.id)
    assert found is not None
    assert (found.state, found.decided_by, found.votes) == (State.DENIED, "cy", ())


def test_a_whole_life_survives_the_table(store: DynamoApprovals) -> None:
    id = approvals.propose(store, proposal(quorum=2)).id
    approvals.change(store, id, lambda seen: voted(seen, "bob"))
    approvals.change(store, id, lambda seen: voted(seen, "cy"))
    approvals.change(store, id, lambda seen: approvals.approve(seen, ["bob", "cy"], quorum=1, now=WHEN))
    done = approvals.change(store, id, lambda seen: taken(seen, "cy"))
    assert store.find(id) == done
    assert done.state is State.DONE
    assert approvals.change(store, id, lambda seen: taken(seen, "cy")) == done


def test_of_two_who_take_it_at_once_one_does(store: DynamoApprovals) -> None:
    id = approvals.propose(store, proposal()).id
    slower: list[Proposal] = []

    def faster(seen: Proposal) -> Proposal:
        """Between what the other read and what it writes."""
        if not slower:
            slower.append(seen)
            approvals.change(store, id, lambda now_there: taken(voted(now_there, "cy"), "cy"))
        return taken(voted(seen, "bob"), "bob")

    with pytest.raises(RefusedError) as error:
        approvals.change(store, id, faster)
    assert error.value.code == "AlreadyDecided"
    found = store.find(id)
    assert found is not None
    assert (found.state, found.decided_by) == (State.DONE, "cy")


def test_it_goes_by_itself_when_no_queue_can_deliver_a_word_on_it(
    client: Any, store: DynamoApprovals
) -> None:
    approvals.propose(store, proposal())
    (item,) = client.scan(TableName=STATE)["Items"]
    assert int(item["expiration"]["N"]) == int((WHEN + timedelta(days=15)).timestamp())
    assert RESPONSE_URL not in repr(item)
