"""Cordon and drain: no pod that may not be evicted is, and every job ends, wherever it crashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bellhop.errors import BusyError, UnavailableError
from bellhop.jobs.cluster import Node, Pod
from bellhop.jobs.request import Step
from bellhop.kubernetes.errors import ForbiddenError
from bellhop.ledger import Outcome
from draining import EVICTIONS
from evictable import Fate, fate
from job import changed
from tests.unit.jobs_world import START, Budget, World, cancel, cordon, drain, node_world, pod

PODS = (
    pod("web-1"),
    pod("web-2"),
    pod("logs", "kube-system", controller="DaemonSet"),
    pod("etcd", "kube-system", controller="Node", mirror=True),
    pod("done", controller="", finished=True),
)
GO = {"shop/web-1", "shop/web-2", "shop/done"}
DONE = ["drain done NodeCordoned", "drain done NodeDrained"]


def undisturbed() -> World:
    world = node_world(*PODS)
    world.ask(drain())
    world.run()
    return world


CALLS = undisturbed().calls
each_call = pytest.mark.parametrize(
    "call", range(len(CALLS)), ids=lambda n: f"{n}-{CALLS[n].replace(' ', '-')}"
)


def test_a_drain_cordons_then_evicts_what_may_go_and_says_so() -> None:
    world = undisturbed()
    assert world.writes[0] == "cordon"
    assert set(world.evicted) == GO
    assert len(world.evicted) == len(GO)
    assert set(world.pods) == {"kube-system/logs", "kube-system/etcd"}
    assert world.reasons == DONE
    end = world.told[-1]
    assert (end.subject, end.summary, end.asked_in) == ("node/n1", "node/n1: drained", "reply-1")
    assert "`uncordon n1`" in end.because


@pytest.mark.parametrize(
    ("which", "wanted", "expected"),
    [
        (pod("a"), drain(), Fate.EVICT),
        (pod("a", controller="DaemonSet"), drain(force=True, delete_empty_dir=True), Fate.STAYS),
        (pod("a", controller="DaemonSet", leaving=True), drain(), Fate.STAYS),
        (pod("a", controller="DaemonSet", finished=True), drain(), Fate.EVICT),
        (pod("a", controller="", mirror=True, empty_dir=True), drain(), Fate.STAYS),
        (pod("a", controller=""), drain(), Fate.REFUSED),
        (pod("a", controller=""), drain(delete_empty_dir=True), Fate.REFUSED),
        (pod("a", controller=""), drain(force=True), Fate.EVICT),
        (pod("a", empty_dir=True), drain(), Fate.REFUSED),
        (pod("a", empty_dir=True), drain(force=True), Fate.REFUSED),
        (pod("a", empty_dir=True), drain(delete_empty_dir=True), Fate.EVICT),
        (pod("a", controller="", empty_dir=True), drain(delete_empty_dir=True), Fate.REFUSED),
        (pod("a", controller="", empty_dir=True, finished=True), drain(), Fate.EVICT),
        (pod("a", controller="", empty_dir=True, leaving=True), drain(), Fate.LEAVING),
    ],
)
def test_pods_are_sorted_as_kubectl_sorts_them(which: Pod, wanted: object, expected: Fate) -> None:
    assert fate(which, wanted) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("blocking", "said"),
    [
        (pod("bare", controller=""), "shop/bare has no controller"),
        (pod("cache", empty_dir=True), "shop/cache has an emptyDir volume"),
    ],
)
def test_a_pod_that_may_not_go_refuses_the_drain_before_anything_is_changed(blocking: Pod, said: str) -> None:
    world = node_world(*PODS, blocking)
    world.ask(drain())
    world.run()
    assert world.writes == []
    assert world.reasons == ["drain refused NotEvictable"]
    assert said in world.told[0].because
    assert world.told[0].summary == "node/n1: not drained, nothing changed"


def test_with_consent_these_go_too() -> None:
    world = node_world(pod("bare", controller=""), pod("cache", empty_dir=True))
    world.ask(drain(force=True, delete_empty_dir=True))
    world.run()
    assert world.reasons == DONE
    assert set(world.evicted) == {"shop/bare", "shop/cache"}


@pytest.mark.parametrize("when", ["before", "after"])
@each_call
def test_wherever_it_crashes_it_ends_the_same(call: int, when: str) -> None:
    world = node_world(*PODS)
    world.crash_at = (call, when)
    world.ask(drain())
    world.run()
    assert world.crashes == 1
    assert sorted(world.evicted) == sorted(GO)
    assert world.reasons == DONE
    assert world.dead == []


@each_call
def test_another_delivery_between_any_two_calls_evicts_nothing_twice(call: int) -> None:
    world = node_world(*PODS)
    busy: list[bool] = []

    def deliver_again(_: str) -> None:
        if len(world.calls) == call + 1 and not busy:
            busy.append(True)
            world.take(drain())
            world.take(Step(job="d-1", number=2))

    world.meddle = deliver_again
    world.ask(drain())
    world.run()
    assert sorted(world.evicted) == sorted(GO)
    assert world.reasons == DONE


@each_call
def test_cancelled_between_any_two_calls_it_ends_and_says_what_is_so(call: int) -> None:
    world = node_world(*PODS)
    asked: list[bool] = []

    def stop(_: str) -> None:
        if len(world.calls) == call + 1 and not asked:
            asked.append(True)
            world.take(cancel("d-1"))

    world.meddle = stop
    world.ask(drain())
    world.run()
    (said,) = [entry for entry in world.told if entry.action == "cancel"]
    end = next(entry for entry in reversed(world.told) if entry.action == "drain")
    if said.outcome is not Outcome.DONE:
        assert said.reason in {"JobMissing", "JobEnded"}
        assert end.reason == "NodeDrained"
    elif end.reason == "Cancelled":
        assert end.outcome is Outcome.HELD
        assert ("stays cordoned" in end.summary) == ("cordon" in world.writes)
        assert ("`uncordon n1`" in end.because) == ("cordon" in world.writes)


def test_a_cancelled_drain_evicts_nothing_more() -> None:
    world = node_world(pod("web-1"), pod("web-2"))
    world.budgets["shop/web-2"] = Budget(START + timedelta(minutes=10))
    world.ask(drain())
    world.run(until=START + timedelta(minutes=1))
    world.ask(cancel("d-1"))
    world.run()
    assert world.evicted == ["shop/web-1"]
    assert world.reasons[1:] == ["cancel done Cancelled", "drain held Cancelled"]
    assert world.told[-1].summary == "node/n1: not drained to the end; it stays cordoned"
    assert world.told[-1].because == (
        "ben stopped it; 1 pod left: 0 ending, 1 held back (shop/web-2: its budget says no);"
        " `uncordon n1` lets pods on it again"
    )


def test_budgets_that_say_no_for_a_while_are_waited_for() -> None:
    world = node_world(*(pod(f"web-{n}") for n in range(4)))
    for n in range(3):
        world.budgets[f"shop/web-{n}"] = Budget(START + timedelta(minutes=1 + n))
    world.ask(drain())
    world.run(until=START + timedelta(seconds=90))
    assert world.evicted == ["shop/web-3", "shop/web-0"]
    assert world.jobs["d-1"].progress == (
        "2 pods left: 0 ending, 2 held back (shop/web-2: its budget says no)"
    )
    world.run()
    assert world.reasons == DONE
    assert world.now - START < timedelta(minutes=4)


def test_budgets_that_never_allow_it_end_in_a_timeout_with_the_node_cordoned() -> None:
    world = node_world(pod("web-1"), pod("web-2"))
    world.budgets["shop/web-1"] = Budget(START + timedelta(days=1))
    world.ask(drain(timeout_seconds=120))
    world.run()
    assert world.reasons == ["drain done NodeCordoned", "drain failed DrainTimedOut"]
    end = world.told[-1]
    assert end.summary == "node/n1: not drained to the end; it stays cordoned"
    assert end.because.startswith("1 pod left after 2m: shop/web-1; ")
    assert "its budget says no" in end.because
    assert end.because.endswith("`uncordon n1` lets pods on it again")
    assert timedelta(minutes=2) <= world.now - START < timedelta(minutes=3)


def test_a_pod_that_never_ends_is_waited_for_until_the_timeout() -> None:
    world = node_world(pod("web-1"))
    world.ends_in = timedelta(days=1)
    world.ask(drain(timeout_seconds=60))
    world.run()
    assert world.evicted == ["shop/web-1"]
    assert world.reasons[1:] == ["drain failed DrainTimedOut"]


def test_pods_without_a_budget_get_their_turn_beside_many_that_must_wait() -> None:
    waiting = [pod(f"a-{n:03}") for n in range(3 * EVICTIONS)]
    world = node_world(*waiting, pod("z"))
    for each in waiting:
        world.budgets[str(each)] = Budget(START + timedelta(minutes=5))
    world.ask(drain())
    world.run(until=START + timedelta(minutes=1))
    assert world.evicted == ["shop/z"]
    world.run()
    assert world.reasons == DONE


def test_pods_that_come_and_go_meanwhile() -> None:
    world = node_world(pod("web-1"))
    world.budgets["shop/web-1"] = Budget(START + timedelta(seconds=20))
    world.ask(drain())
    world.run(until=START + timedelta(seconds=2))
    world.add(pod("late"), pod("agent", controller="DaemonSet"), pod("brief", controller="", finished=True))
    world.run(until=START + timedelta(seconds=8))
    del world.pods["shop/web-1"]
    world.run()
    assert set(world.evicted) == {"shop/late", "shop/brief"}
    assert world.reasons == DONE


def test_a_pod_that_may_not_go_and_came_later_is_left_and_told_once_the_others_are_gone() -> None:
    world = node_world(pod("web-1"))
    world.ask(drain())
    world.run(until=START)
    world.add(pod("bare", controller=""))
    world.run()
    assert world.evicted == ["shop/web-1"]
    assert world.reasons[1:] == ["drain failed NotEvictable"]
    assert "shop/bare has no controller" in world.told[-1].because


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        (lambda w: setattr(w, "node", None), "failed", "NodeMissing"),
        (lambda w: setattr(w, "node", Node("n1", "n1-uid-2", unschedulable=False)), "failed", "NodeMissing"),
        (lambda w: w.cordoned(on=False), "held", "NodeUncordoned"),
        (lambda w: setattr(w, "nodes_allowed", False), "failed", "NodesNotAllowed"),
        (lambda w: w.failures.update({"evict": [ForbiddenError("403")]}), "failed", "Forbidden"),
    ],
)
def test_what_becomes_of_the_node_meanwhile_ends_it(
    change: Callable[[World], None], outcome: str, reason: str
) -> None:
    world = node_world(pod("web-1"), pod("web-2"))
    world.budgets["shop/web-1"] = Budget(START + timedelta(minutes=10))
    world.ask(drain())
    world.run(until=START + timedelta(seconds=2))
    before = list(world.writes)
    change(world)
    world.run()
    assert world.reasons[1:] == [f"drain {outcome} {reason}"]
    assert world.writes == before


@pytest.mark.parametrize(
    "request_", [drain(), cordon(), cordon(on=False)], ids=["drain", "cordon", "uncordon"]
)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: setattr(w, "node", None), "NodeMissing"),
        (lambda w: setattr(w, "nodes_allowed", False), "NodesNotAllowed"),
    ],
)
def test_what_may_not_be_touched_is_refused(
    request_: object, change: Callable[[World], None], reason: str
) -> None:
    world = node_world(*PODS)
    change(world)
    world.ask(request_)  # type: ignore[arg-type]
    world.run()
    assert world.writes == []
    (entry,) = world.told
    assert (entry.outcome, entry.reason) == (Outcome.REFUSED, reason)


def test_an_api_server_that_is_away_for_minutes_is_outlasted() -> None:
    world = node_world(*PODS)
    for call, times in {"read node": 8, "list pods": 5, "cordon": 4, "evict": 6}.items():
        world.failures[call] = [UnavailableError("no answer")] * times
    world.ask(drain())
    world.run()
    assert world.reasons == DONE
    assert world.dead == []


def test_cancelled_while_the_api_server_is_away_as_it_is_being_cordoned() -> None:
    world = node_world(*PODS)
    world.failures["cordon"] = [UnavailableError("no answer")] * 100
    world.ask(drain())
    world.run(until=START + timedelta(seconds=15))
    world.ask(cancel("d-1"))
    world.run(until=START + timedelta(seconds=16))
    assert world.reasons == ["cancel done Cancelled", "drain held Cancelled"]
    assert world.told[-1].summary == "node/n1: not drained, but perhaps cordoned"


def test_a_job_that_others_write_all_the_time_is_left_for_later() -> None:
    world = node_world(*PODS)

    def write(name: str) -> None:
        if name == "find job" and (job := world.jobs.get("d-1")):
            world.jobs["d-1"] = changed(job)

    world.meddle = write
    with pytest.raises(BusyError):
        world.take(drain())


def test_a_dry_run_changes_nothing_and_says_what_would_go() -> None:
    world = node_world(*PODS)
    world.ask(drain(dry_run=True))
    world.run()
    assert world.writes == []
    assert world.reasons == ["drain held DryRun"]
    assert world.told[0].because == "to be evicted: 3 pods: shop/done, shop/web-1, shop/web-2"
    assert world.told[0].summary == "node/n1: not drained (dry run, nothing changed)"


def test_cordon_and_uncordon_write_once_and_say_when_it_was_so_already() -> None:
    world = node_world()
    for request in (cordon("1"), cordon("2"), cordon("3", on=False), cordon("4", on=False)):
        world.ask(request)
        world.run()
    world.take(cordon("1"))
    assert world.writes == ["cordon", "uncordon"]
    assert world.reasons == [
        "cordon done NodeCordoned",
        "cordon held NodeCordoned",
        "uncordon done NodeUncordoned",
        "uncordon held NodeUncordoned",
    ]
    assert world.told[1].summary == "node/n1: cordoned already"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(8))
def test_a_cordon_that_crashes_is_told_as_what_it_is(call: int, when: str) -> None:
    world = node_world()
    world.crash_at = (call, when)
    world.ask(cordon())
    world.run()
    assert world.node is not None
    assert world.node.unschedulable
    assert world.reasons == ["cordon done NodeCordoned"]


def test_a_dry_run_of_a_cordon_changes_nothing() -> None:
    world = node_world()
    world.ask(cordon(dry_run=True))
    world.run()
    assert world.writes == []
    assert world.reasons == ["cordon held DryRun"]


def test_another_pod_of_the_same_name_is_not_taken_for_the_one_that_was_seen() -> None:
    world = node_world(pod("db-0", controller="StatefulSet"))

    def recreate(name: str) -> None:
        if name == "list pods" and world.calls.count("list pods") == 2:
            world.pods["shop/db-0"] = replace(world.pods["shop/db-0"], uid="db-0-uid-2", controller="")

    world.meddle = recreate
    world.ask(drain())
    world.run()
    assert world.evicted == []
    assert world.reasons[1:] == ["drain failed NotEvictable"]
