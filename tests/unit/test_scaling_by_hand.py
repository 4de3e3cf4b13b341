"""A person's `scale`: once, whatever is delivered how often and wherever it crashed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bellhop.errors import BellhopError, BusyError, InvalidInputError, UnavailableError
from bellhop.kubernetes.errors import ConflictError, ForbiddenError
from bellhop.ledger import Outcome
from bellhop.scaling import request as requests
from by_hand import ATTEMPTS
from reconcile import LEASE
from tests.unit.scaling_world import Crashed, request, world


def undisturbed() -> list[str]:
    """Every call of one request that scales."""
    it = world()
    it.by_hand().take(request(), owner="a")
    return it.calls


CALLS = undisturbed()
SCALE = CALLS.index("scale")


def test_a_request_sets_the_size_and_the_ledger_says_who_asked() -> None:
    it = world()
    it.by_hand().take(request(), owner="a")
    assert it.writes == [(4, 6)]
    (entry,) = it.told
    assert entry.outcome is Outcome.DONE
    assert entry.actor == "person ana"
    assert entry.summary == "shop/web: 4 -> 6 replicas"
    assert entry.asked_in == "request-1"


def test_a_dry_run_changes_nothing_and_leaves_no_intent() -> None:
    it = world()
    it.by_hand().take(request(dry_run=True), owner="a")
    assert it.writes == []
    assert it.intents == {}
    assert "scale" in it.calls
    assert it.told[0].outcome is Outcome.HELD
    assert "dry run" in it.told[0].summary


def test_a_workload_of_that_size_already_is_left_and_said() -> None:
    it = world(replicas=6)
    it.by_hand().take(request(), owner="a")
    assert it.writes == []
    assert it.told[0].summary == "shop/web: 6 replicas already"


def test_delivered_five_times_it_is_done_once() -> None:
    it = world()
    for owner in "abcde":
        it.by_hand().take(request(), owner=owner)
    assert it.writes == [(4, 6)]
    assert len(it.told) == 1


def test_delivered_late_it_does_not_undo_what_came_after() -> None:
    it = world()
    it.by_hand().take(request(), owner="a")
    it.by_hand().take(request(replicas=3, id="request-2"), owner="b")
    it.now += timedelta(hours=1)
    it.by_hand().take(request(), owner="c")
    assert it.writes == [(4, 6), (6, 3)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("index", range(len(CALLS)))
def test_a_crash_at_any_call_ends_right_after_the_redelivery(index: int, when: str) -> None:
    it = world()
    it.crash_at = (index, when)
    with pytest.raises(Crashed):
        it.by_hand().take(request(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.by_hand().take(request(), owner="second")
    assert it.writes == [(4, 6)]
    (entry,) = it.told
    assert (entry.outcome, entry.summary) == (Outcome.DONE, "shop/web: 4 -> 6 replicas")


def test_while_the_lease_lasts_nobody_else_acts() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_hand().take(request(), owner="first")
    it.crash_at = None
    with pytest.raises(BusyError):
        it.by_hand().take(request(), owner="second")
    assert it.writes == []
    assert it.told == []


def test_a_workload_made_again_under_its_name_was_not_scaled_by_the_lost_attempt() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_hand().take(request(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.recreate(6)
    it.by_hand().take(request(), owner="second")
    assert it.writes == []
    assert [e.summary for e in it.told] == ["shop/web: 6 replicas already"]


def test_a_change_after_a_refusal_that_was_told_is_told_too() -> None:
    it = world()
    there, it.workload = it.workload, None
    it.by_hand().take(request(), owner="first")  # told; its acknowledgement is lost
    it.workload = there
    it.by_hand().take(request(), owner="second")
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told] == [Outcome.REFUSED, Outcome.DONE]


def test_of_two_deliveries_at_once_one_claims_it() -> None:
    it = world()
    begun: list[str] = []

    def meddle(name: str) -> None:
        if name == "read workload" and not begun:
            begun.append(name)
            it.by_hand().take(request(), owner="other")

    it.meddle = meddle
    it.by_hand().take(request(), owner="first")
    assert it.writes == [(4, 6)]
    assert len(it.told) == 1


@pytest.mark.parametrize(("error", "code"), [(ForbiddenError("403"), "Forbidden")])
def test_a_refusing_cluster_is_told_to_who_asked_and_not_retried(error: BellhopError, code: str) -> None:
    it = world()
    it.failures["scale"] = [error]
    it.by_hand().take(request(), owner="a")
    (entry,) = it.told
    assert (entry.outcome, entry.reason, entry.asked_in) == (Outcome.REFUSED, code, "request-1")


def test_a_missing_target_is_told() -> None:
    it = world()
    it.workload = None
    it.by_hand().take(request(), owner="a")
    assert it.told[0].reason == "TargetMissing"


def test_an_unreachable_cluster_is_told_once_and_retried() -> None:
    it = world()
    it.failures["read workload"] = [UnavailableError("no answer"), UnavailableError("no answer")]
    for owner in "ab":
        with pytest.raises(UnavailableError):
            it.by_hand().take(request(), owner=owner)
    it.by_hand().take(request(), owner="c")
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told] == [Outcome.FAILED, Outcome.DONE]


def test_a_conflict_storm_is_told_and_delivered_again_later() -> None:
    it = world()
    it.failures["scale"] = [ConflictError("modified") for _ in range(ATTEMPTS)]
    with pytest.raises(BusyError):
        it.by_hand().take(request(), owner="a")
    assert [(e.outcome, e.reason, e.asked_in) for e in it.told] == [(Outcome.FAILED, "Conflict", "request-1")]
    it.now += LEASE + timedelta(seconds=1)
    it.by_hand().take(request(), owner="b")
    assert it.writes == [(4, 6)]


def test_a_namespace_the_stack_does_not_allow_is_refused() -> None:
    it = world()
    it.by_hand(allowed=lambda _namespace: False).take(request(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "NamespaceNotAllowed"


def test_a_request_survives_its_queue_and_nothing_else_is_one() -> None:
    assert requests.decode(requests.encode(request())) == request()
    for body in ("", "{", "[]", '{"type": "scale"}', '{"type": "rotate"}', "\ud800"):
        with pytest.raises(InvalidInputError):
            requests.decode(body)
