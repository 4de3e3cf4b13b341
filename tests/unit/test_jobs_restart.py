"""Restart: the pods' template is annotated once and the rollout watched to its end, wherever it crashed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bellhop.errors import InvalidInputError, UnavailableError
from bellhop.jobs.cluster import Hindrance
from bellhop.jobs.request import Step, decode, encode
from bellhop.kubernetes.errors import ConflictError, ForbiddenError
from bellhop.ledger import Outcome
from restarting import ATTEMPTS
from tests.unit.jobs_world import (
    START,
    World,
    cancel,
    cordon,
    drain,
    restart,
    workload_world,
)

DONE = ["restart done RolloutStarted", "restart done RolloutComplete"]
AT = "restart 2026-11-20T09:00:00Z"


def undisturbed() -> World:
    world = workload_world()
    world.ask(restart())
    world.run()
    return world


CALLS = undisturbed().calls


def test_a_restart_is_made_once_and_told_when_it_begins_and_when_it_is_through() -> None:
    world = undisturbed()
    assert world.writes == [AT]
    assert world.reasons == DONE
    begun, ended = world.told
    assert ended.summary == "shop/web: Deployment restarted"
    assert ended.because == "ana asked; 3 of 3 pods new"
    assert {entry.actor for entry in world.told} == {"person ana"}
    assert {entry.asked_in for entry in world.told} == {"reply-1"}
    assert ended.at - begun.at == timedelta(seconds=30)
    assert world.dead == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(len(CALLS)), ids=lambda n: f"{n}-{CALLS[n].replace(' ', '-')}")
def test_wherever_it_crashes_it_ends_the_same(call: int, when: str) -> None:
    world = workload_world()
    world.crash_at = (call, when)
    world.ask(restart())
    world.run()
    assert world.crashes == 1
    assert world.writes == [AT]
    assert world.reasons == DONE
    assert world.dead == []


@pytest.mark.parametrize("call", range(len(CALLS)), ids=lambda n: f"{n}-{CALLS[n].replace(' ', '-')}")
def test_another_delivery_between_any_two_calls_changes_nothing(call: int) -> None:
    world = workload_world()
    busy: list[bool] = []

    def deliver_again(_: str) -> None:
        if len(world.calls) == call + 1 and not busy:
            busy.append(True)
            world.take(restart())

    world.meddle = deliver_again
    world.ask(restart())
    world.run()
    assert world.writes == [AT]
    assert world.reasons == DONE


def test_steps_that_come_twice_late_or_early_change_nothing() -> None:
    world = workload_world()
    world.ask(restart())
    world.run(until=START)
    for number in (1, 2, 1, 9, 3, 2):
        world.take(Step(job="r-1", number=number))
    world.run()
    for number in range(12):
        world.take(Step(job="r-1", number=number))
    world.take(restart())
    assert world.writes == [AT]
    assert world.reasons == DONE
    assert world.queue == []


def test_a_duplicate_begins_no_second_chain_of_steps() -> None:
    world = workload_world()
    world.rollout_takes = timedelta(minutes=5)
    world.ask(restart())
    world.ask(restart())
    world.run(until=START + timedelta(minutes=1))
    world.take(Step(job="r-1", number=3))
    world.run(until=START + timedelta(minutes=3))
    assert len(world.queue) == 1


def test_a_step_of_no_job_is_done() -> None:
    world = workload_world()
    world.take(Step(job="nobody", number=3))
    assert world.calls == ["find job"]


def test_a_dry_run_changes_nothing_and_asks_the_server_all_the_same() -> None:
    world = workload_world()
    world.ask(restart(dry_run=True))
    world.run()
    assert "restart" in world.calls
    assert world.writes == []
    assert world.reasons == ["restart held DryRun"]
    assert "dry run, nothing changed" in world.told[0].summary


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: setattr(w, "workload", None), "TargetMissing"),
        (lambda w: setattr(w, "namespaces", lambda name: name != "shop"), "NamespaceNotAllowed"),
        (lambda w: w.touch_workload(hindrance=Hindrance("Paused", "it is paused")), "Paused"),
        (lambda w: w.touch_workload(hindrance=Hindrance("OnDelete", "replaced as deleted")), "OnDelete"),
        (lambda w: w.failures.update({"restart": [ForbiddenError("403")]}), "Forbidden"),
    ],
)
def test_what_cannot_be_restarted_is_refused(change: Callable[[World], None], reason: str) -> None:
    world = workload_world()
    change(world)
    world.ask(restart())
    world.run()
    assert world.writes == []
    assert world.reasons == [f"restart refused {reason}"]
    assert "not restarted" in world.told[0].summary


def test_restarted_by_somebody_else_since_it_is_only_watched() -> None:
    world = workload_world(restarted_at="2026-11-20T11:00:01+02:00")
    world.ask(restart())
    world.run()
    assert world.writes == []
    assert world.reasons == DONE


@pytest.mark.parametrize("before", ["2026-11-20T08:59:59Z", "yesterday", "2026-11-20T09:00:01"])
def test_an_older_restart_or_one_of_unknown_time_is_none(before: str) -> None:
    world = workload_world(restarted_at=before)
    world.ask(restart())
    world.run()
    assert world.writes == [AT]


def test_a_controller_that_writes_in_between_is_read_again() -> None:
    world = workload_world()
    left = [True] * (ATTEMPTS - 1)

    def write(name: str) -> None:
        if name == "read workload" and world.jobs["r-1"].stage == "changing" and left:
            left.pop()
            world.touch_workload()

    world.meddle = write
    world.ask(restart())
    world.run()
    assert world.writes == [AT]
    assert left == []


def test_it_goes_on_after_the_api_server_was_away_for_minutes() -> None:
    world = workload_world()
    world.failures["read workload"] = [UnavailableError("no answer")] * 12
    world.failures["restart"] = [ConflictError("modified")] * 7
    world.ask(restart())
    world.run()
    assert world.reasons == DONE
    assert world.dead == []


def test_an_api_server_that_stays_away_ends_it_after_ten_minutes() -> None:
    world = workload_world()
    world.failures["read workload"] = [UnavailableError("no answer")] * 200
    world.ask(restart())
    world.run()
    assert world.reasons == ["restart failed Unavailable"]
    assert timedelta(minutes=10) <= world.now - START < timedelta(minutes=11)


def test_a_stalled_rollout_is_told() -> None:
    world = workload_world()
    world.stalls = True
    world.ask(restart())
    world.run()
    assert world.reasons[1:] == ["restart failed RolloutStalled"]


def test_a_rollout_that_takes_too_long_is_told_and_watched_no_longer() -> None:
    world = workload_world()
    world.rollout_takes = timedelta(hours=1)
    world.ask(restart())
    world.run()
    assert world.reasons[1:] == ["restart failed RolloutStalled"]
    assert "not complete after 10 minutes: 1 of 3 pods new" in world.told[1].because
    assert timedelta(minutes=10) <= world.now - START < timedelta(minutes=11)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda w: setattr(w, "workload", None), "TargetMissing"),
        (lambda w: w.touch_workload(uid="web-2"), "TargetMissing"),
        (lambda w: w.touch_workload(restarted_at=""), "RestartUndone"),
    ],
)
def test_what_becomes_of_it_meanwhile_is_told(change: Callable[[World], None], reason: str) -> None:
    world = workload_world()
    world.ask(restart())
    world.run(until=START)
    change(world)
    world.run()
    assert world.writes == [AT]
    assert world.reasons[1:] == [f"restart failed {reason}"]


@pytest.mark.parametrize("call", range(len(CALLS)), ids=lambda n: f"{n}-{CALLS[n].replace(' ', '-')}")
def test_cancelled_between_any_two_calls_it_ends_and_says_what_is_so(call: int) -> None:
    world = workload_world()
    asked: list[bool] = []

    def stop(_: str) -> None:
        if len(world.calls) == call + 1 and not asked:
            asked.append(True)
            world.take(cancel("r-1"))

    world.meddle = stop
    world.ask(restart())
    world.run()
    (said,) = [entry for entry in world.told if entry.action == "cancel"]
    end = next(entry for entry in reversed(world.told) if entry.action == "restart")
    if said.outcome is Outcome.DONE:
        assert (end.outcome, end.reason) == (Outcome.HELD, "Cancelled")
        assert ("not restarted" in end.summary) == (world.writes == [])
    else:
        assert said.reason in {"JobMissing", "JobEnded"}
        assert world.reasons.count("restart done RolloutComplete") == 1


def test_cancelled_at_once_and_told_to_whoever_asks() -> None:
    world = workload_world()
    world.rollout_takes = timedelta(minutes=5)
    world.ask(restart())
    world.run(until=START + timedelta(seconds=12))
    world.ask(cancel("r-1"))
    world.ask(cancel("r-1"))
    world.ask(cancel("r-1", id="x-2", person="cat"))
    stopped = world.now
    world.run(until=stopped)
    assert world.reasons == [
        "restart done RolloutStarted",
        "cancel done Cancelled",
        "cancel held Cancelled",
        "restart held Cancelled",
    ]
    assert "goes on by itself" in world.told[-1].because
    world.run()
    world.ask(cancel("r-1", id="x-3"))
    world.run()
    assert world.reasons[4:] == ["cancel held Cancelled"]


def test_a_job_that_ended_or_never_was_cannot_be_cancelled() -> None:
    world = undisturbed()
    world.ask(cancel("r-1"))
    world.ask(cancel("r-2", id="x-2"))
    world.run()
    assert world.reasons[2:] == ["cancel refused JobEnded", "cancel refused JobMissing"]


def test_cancelled_while_the_api_server_is_away() -> None:
    world = workload_world()
    world.failures["read workload"] = [UnavailableError("no answer")] * 200
    world.ask(restart())
    world.run(until=START + timedelta(seconds=30))
    world.ask(cancel("r-1"))
    world.run(until=START + timedelta(seconds=31))
    assert world.reasons == ["cancel done Cancelled", "restart held Cancelled"]


@pytest.mark.parametrize(
    "message",
    [restart(), cordon(on=False), drain(grace_seconds=0, force=True), cancel("r-1"), Step(job="j", number=4)],
)
def test_a_message_is_read_as_it_was_written(message: object) -> None:
    assert decode(encode(message)) == message  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"n1"', '"n1,metadata.namespace=kube-system"'),
        ('"n1"', '"../pods"'),
        ('"n1"', '"n1\\n"'),
        ('"n1"', '""'),
        ('"timeout_seconds":900', '"timeout_seconds":999999'),
        ('"timeout_seconds":900', '"timeout_seconds":0'),
        ('"grace_seconds":null', '"grace_seconds":-1'),
        ('"drain"', '"delete"'),
    ],
)
def test_a_message_that_is_none_of_ours_is_refused(old: str, new: str) -> None:
    text = encode(drain())
    assert old in text
    with pytest.raises(InvalidInputError):
        decode(text.replace(old, new))
