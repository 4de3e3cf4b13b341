"""People and policies: pause, resume, hold, approve, dry run. Each once, and none undone behind their back."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from bellhop.alarms.alarm import Datapoint, State
from bellhop.errors import UnavailableError
from bellhop.kubernetes.errors import ConflictError
from bellhop.ledger import Outcome
from bellhop.scaling.behavior import DeclaredBehavior
from bellhop.scaling.request import Verb, decode, encode
from bellhop.scaling.spec import Approval
from reconcile import LEASE
from tests.unit.scaling_world import START, Crashed, World, alarm, control, request, world

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ASKS = Approval(above=8, expires_after="30m", lasts="1h")


def size(of: World) -> int:
    return of.workload_now().size.replicas


def ringing(value: float = 86.0, **declared: object) -> World:
    it = world(**declared)  # type: ignore[arg-type]
    it.alarms["web-cpu-high"] = alarm()
    it.value = Datapoint(value, START - MINUTE)
    return it


def reasons(of: World) -> list[str]:
    return [entry.reason for entry in of.told]


# ------------------------------------------------------------ pause, resume
@pytest.mark.parametrize("all_", [False, True])
def test_a_pause_stops_scaling_and_its_end_serves_the_alarm_that_rings_still(all_: bool) -> None:
    it = ringing()
    it.controls().take(control(Verb.PAUSE, all_=all_))
    it.by_alarm().take(alarm(), owner="a")
    it.follow_ups(START + 10 * MINUTE)
    assert it.writes == []
    assert it.told[-1].reason == "Paused"
    it.controls().take(control(Verb.RESUME, id="control-2", all_=all_))
    it.follow_ups(it.now + MINUTE)
    assert it.writes == [(4, 6)]


def test_a_policy_that_says_paused_is_left_alone_and_chat_cannot_resume_it() -> None:
    it = ringing(paused=True)
    it.by_alarm().take(alarm(), owner="a")
    it.controls().take(control(Verb.RESUME))
    it.follow_ups(START + 10 * MINUTE)
    assert it.writes == []
    assert (it.told[-1].outcome, it.told[-1].reason) == (Outcome.REFUSED, "PausedBySpec")


def test_a_pause_by_the_spec_that_is_lifted_is_noticed_by_the_resync() -> None:
    it = ringing(paused=True)
    it.by_alarm().take(alarm(), owner="a")
    it.now += 5 * MINUTE
    it.edit_policy(paused=False)
    it.resync().run()
    it.follow_ups(it.now)
    assert it.writes == [(4, 6)]


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME])
@pytest.mark.parametrize("all_", [False, True])
def test_a_control_delivered_five_times_is_told_once(verb: Verb, all_: bool) -> None:
    it = ringing()
    for _ in range(5):
        it.controls().take(control(verb, all_=all_))
    (entry,) = it.told
    assert (entry.outcome, entry.actor, entry.asked_in) == (Outcome.DONE, "person ana", "control-1")


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME])
@pytest.mark.parametrize("all_", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("index", range(5))
def test_a_control_survives_a_crash_at_any_call(index: int, when: str, verb: Verb, all_: bool) -> None:
    it = ringing()
    it.crash_at = (index, when)
    try:
        it.controls().take(control(verb, all_=all_))
    except Crashed:
        it.crash_at = None
        it.controls().take(control(verb, all_=all_))
    assert [entry.outcome for entry in it.told] == [Outcome.DONE]
    paused = it.paused if all_ else it.policy.status.paused
    assert (paused is not None) is (verb is Verb.PAUSE)


def test_a_control_reads_again_when_the_policy_was_modified_and_comes_again_when_that_goes_on() -> None:
    it = ringing()
    it.failures["write status"] = [ConflictError("modified")]
    it.controls().take(control(Verb.PAUSE))
    assert it.policy.status.paused is not None
    it.failures["write status"] = [ConflictError("modified") for _ in range(5)]
    with pytest.raises(ConflictError):
        it.controls().take(control(Verb.RESUME, id="control-2"))


def test_a_control_of_a_policy_that_is_not_there_is_refused() -> None:
    it = ringing()
    gone = msgspec.structs.replace(control(Verb.PAUSE), name="gone")
    it.controls().take(gone)
    assert (it.told[0].outcome, it.told[0].reason) == (Outcome.REFUSED, "PolicyMissing")


def test_a_control_of_a_namespace_the_stack_does_not_name_is_refused() -> None:
    it = ringing()
    it.controls(allowed=lambda _namespace: False).take(control(Verb.PAUSE))
    assert it.told[0].reason == "NamespaceNotAllowed"
    assert it.policy.status.paused is None


def test_a_control_that_cannot_be_kept_is_told_and_comes_again() -> None:
    it = ringing()
    it.failures["pause"] = [UnavailableError("no answer")]
    with pytest.raises(UnavailableError):
        it.controls().take(control(Verb.PAUSE, all_=True))
    assert it.told[0].outcome is Outcome.FAILED
    it.controls().take(control(Verb.PAUSE, all_=True))
    assert it.paused is not None


def test_all_cannot_be_approved() -> None:
    it = ringing()
    it.controls().take(control(Verb.APPROVE, all_=True))
    assert it.told[0].outcome is Outcome.REFUSED


# ------------------------------------------------------------ hold
def test_a_size_set_by_hand_is_held_and_then_given_back() -> None:
    it = ringing(86.0)
    it.by_hand().take(request(replicas=10), owner="hand")
    assert it.writes == [(4, 10)]
    assert "policy web holds for 1h, until 10:00:00 UTC" in it.told[0].because
    it.by_alarm().take(alarm(), owner="a")
    it.follow_ups(START + 59 * MINUTE)
    assert size(it) == 10
    assert it.told[-1].reason == "OnHold"
    it.now = START + 61 * MINUTE
    it.value = Datapoint(30.0, it.now - 2 * MINUTE)
    it.resync().run()
    it.follow_ups(it.now + MINUTE)
    assert size(it) == 5


def test_a_hold_lasts_as_long_as_was_said() -> None:
    it = ringing()
    it.by_hand().take(request(replicas=10, hold_seconds=600), owner="hand")
    hold = it.policy.status.hold
    assert hold is not None
    assert (hold.by, hold.until, hold.replicas) == ("ana", START + 10 * MINUTE, 10)
    assert it.policy.status.scale_events[-1].change == 6


def test_resume_ends_a_hold() -> None:
    it = ringing()
    it.by_hand().take(request(replicas=3), owner="hand")
    it.by_alarm().take(alarm(at=START + SECOND), owner="a")
    it.now = START + 2 * MINUTE
    it.value = Datapoint(86.0, START + MINUTE)
    it.controls().take(control(Verb.RESUME))
    it.follow_ups(it.now + MINUTE)
    assert it.writes == [(4, 3), (3, 5)]


def test_a_hold_of_what_no_policy_governs_is_refused() -> None:
    it = ringing()
    other = msgspec.structs.replace(request(hold_seconds=600), name="other")
    it.by_hand().take(other, owner="hand")
    assert (it.told[0].outcome, it.told[0].reason) == (Outcome.REFUSED, "NotGoverned")
    assert it.writes == []


def test_a_dry_run_by_hand_holds_nothing() -> None:
    it = ringing()
    it.by_hand().take(request(dry_run=True), owner="hand")
    assert it.policy.status.hold is None
    assert it.writes == []


def test_an_annotation_holds_until_its_time() -> None:
    it = ringing()
    it.policy = msgspec.structs.replace(it.policy, held_until=START + 10 * MINUTE)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "OnHold"


# ------------------------------------------------------------ approval
def test_it_goes_to_the_limit_at_once_and_asks_for_more() -> None:
    it = ringing(300.0, approval=ASKS, max_replicas=20)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 8)]
    it.follow_ups(START + MINUTE)
    assert it.writes == [(4, 8)]
    question = it.policy.status.question
    assert question is not None
    assert question.wanted == 20
    asked = [e for e in it.told if e.outcome is Outcome.ASKED]
    assert len(asked) == 1
    assert f"`approve {question.id}`" in asked[0].summary
    assert "20 replicas are wanted" in asked[0].summary


def test_what_is_approved_is_done_by_the_next_look_and_ends() -> None:
    it = ringing(300.0, approval=ASKS, max_replicas=20)
    it.by_alarm().take(alarm(), owner="a")
    it.follow_ups(START + MINUTE)
    question = it.policy.status.question
    assert question is not None
    yes = msgspec.structs.replace(control(Verb.APPROVE, question=question.id), at=it.now)
    it.controls().take(yes)
    it.controls().take(yes)
    it.follow_ups(it.now + MINUTE)
    assert size(it) == 20
    assert [e.summary for e in it.told if e.action == "approve" and e.outcome is Outcome.DONE] == [
        "policy shop/web: approved"
    ]
    it.follow_ups(it.now + 2 * 60 * MINUTE)
    assert size(it) == 20  # an approval that ended takes nothing away at once
    ceiling = it.policy.status.ceiling
    assert ceiling is None


def test_a_question_expires_and_is_asked_again_while_more_is_wanted() -> None:
    it = ringing(300.0, approval=ASKS, max_replicas=20)
    it.by_alarm().take(alarm(), owner="a")
    first = it.policy.status.question or pytest.fail("nobody was asked")
    it.follow_ups(START + 35 * MINUTE)
    second = it.policy.status.question
    assert second is not None
    assert second.id != first.id
    it.controls().take(control(Verb.APPROVE, question=first.id))
    assert it.told[-1].reason == "QuestionGone"
    assert len([e for e in it.told if e.outcome is Outcome.ASKED]) == 2


def test_nobody_is_asked_for_what_is_not_wanted_any_more() -> None:
    it = ringing(300.0, approval=ASKS, max_replicas=20)
    it.by_alarm().take(alarm(), owner="a")
    it.now = START + 5 * MINUTE
    it.value = Datapoint(30.0, START + 3 * MINUTE)
    it.by_alarm().take(
        alarm(state=State.OK, at=it.now, value=30.0, measured_at=START + 3 * MINUTE), owner="b"
    )
    assert it.policy.status.question is None
    assert size(it) == 4


def test_an_expired_question_cannot_be_approved() -> None:
    it = ringing(300.0, approval=ASKS, max_replicas=20)
    it.by_alarm().take(alarm(), owner="a")
    question = it.policy.status.question or pytest.fail("nobody was asked")
    it.now = START + 31 * MINUTE
    it.controls().take(control(Verb.APPROVE, question=question.id))
    assert it.told[-1].reason == "QuestionExpired"


# ------------------------------------------------------------ dry run
def test_a_dry_run_policy_says_what_it_would_do_once_and_does_nothing() -> None:
    it = ringing(86.0, dry_run=True, behavior=DeclaredBehavior())
    it.by_alarm().take(alarm(), owner="a")
    it.follow_ups(START + 5 * MINUTE)
    assert it.writes == []
    (entry,) = it.told
    assert (entry.outcome, entry.reason) == (Outcome.HELD, "DryRun")
    assert entry.summary == "shop/web: would go 4 -> 6 replicas (dryRun, nothing changed)"
    assert it.policy.status.last_scale_time is None
    assert it.policy.status.scale_events == ()


def test_a_dry_run_survives_a_crash() -> None:
    it = ringing(86.0, dry_run=True)
    it.crash_at = (6, "after")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="a")
    it.crash_at, it.now = None, START + LEASE + SECOND
    it.by_alarm().take(alarm(), owner="b")
    assert it.writes == []
    assert len(it.told) == 1


# ------------------------------------------------------------ the messages
def test_controls_survive_their_queue() -> None:
    said = control(Verb.APPROVE, question="abc")
    assert decode(encode(said)) == said
