"""Looking again: follow-ups that are lost, early or late, and the schedule that re-arms what was missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from bellhop.alarms.alarm import Datapoint, State
from bellhop.errors import BusyError, UnavailableError
from bellhop.ledger import Outcome
from bellhop.scaling.request import Evaluate, Verb
from bellhop.scaling.spec import AlarmMatch
from reconcile import LEASE
from tests.unit.scaling_world import START, Crashed, World, alarm, arn, control, world

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def resynced(it: World) -> None:
    it.resync().run()
    it.follow_ups(it.now)


def test_a_policy_applied_while_its_alarm_rings_is_served() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    resynced(it)
    assert it.writes == [(4, 6)]
    assert it.told[0].actor == "alarm web-cpu-high"


def test_so_is_one_whose_pattern_its_alarm_fits() -> None:
    it = world()
    trigger = msgspec.structs.replace(it.policy.spec.triggers[0], alarm=AlarmMatch(pattern="web-*"))
    it.edit_policy(triggers=(trigger,))
    it.alarms["web-cpu-high"] = alarm()
    resynced(it)
    assert it.writes == [(4, 6)]


def test_so_is_one_whose_alarm_is_named_by_its_arn() -> None:
    it = world()
    trigger = msgspec.structs.replace(it.policy.spec.triggers[0], alarm=AlarmMatch(arn=arn("web-cpu-high")))
    it.edit_policy(triggers=(trigger,))
    it.alarms["web-cpu-high"] = alarm()
    resynced(it)
    assert it.writes == [(4, 6)]


def test_an_edited_policy_is_looked_at() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent.clear()
    it.now += MINUTE
    it.edit_policy(min_replicas=8)
    resynced(it)
    assert it.writes == [(4, 6), (6, 8)]


def test_a_lost_follow_up_is_sent_again() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent.clear()
    it.now = START + 5 * MINUTE
    it.value = Datapoint(90.0, START + 3 * MINUTE)
    resynced(it)
    assert it.writes == [(4, 6), (6, 9)]


def test_a_follow_up_that_could_not_be_sent_is_made_good_by_the_resync() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.failures["follow up"] = [UnavailableError("ScalingQueue: AccessDenied")]
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]
    assert it.sent == []
    it.now = START + 5 * MINUTE
    it.value = Datapoint(90.0, START + 3 * MINUTE)
    resynced(it)
    assert it.writes == [(4, 6), (6, 9)]


def test_a_change_of_state_that_never_arrived_is_noticed() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent.clear()
    it.now = START + 10 * MINUTE
    it.alarms["web-cpu-high"] = alarm(state=State.OK, at=START + 9 * MINUTE)
    it.value = Datapoint(20.0, START + 8 * MINUTE)
    resynced(it)
    assert it.writes == [(4, 6), (6, 2)]


@pytest.mark.parametrize("index", range(3, 11))
def test_what_a_crash_left_is_brought_to_its_end_without_any_redelivery(index: int) -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.crash_at = (index, "after")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="a")
    it.crash_at = None
    it.sent.clear()
    it.now += LEASE + 5 * MINUTE
    resynced(it)
    it.follow_ups(it.now + MINUTE)
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told if e.summary.endswith("4 -> 6 replicas")].count(Outcome.DONE) == 1


def test_nothing_is_looked_at_when_nothing_rings() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm(state=State.OK)
    it.policy = msgspec.structs.replace(
        it.policy, status=msgspec.structs.replace(it.policy.status, observed_generation=1)
    )
    assert it.resync().run() == 0
    assert it.sent == []


def test_while_follow_ups_run_the_resync_adds_none() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.follow_ups(START + 5 * MINUTE)
    assert len(it.sent) == 1
    assert it.resync().run() == 0


def test_duplicated_follow_ups_do_not_multiply() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent *= 8
    it.follow_ups(START + 2 * MINUTE)
    assert len(it.sent) == 1
    assert it.writes == [(4, 6)]


def test_an_early_follow_up_waits_for_its_slot() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    (order,) = it.sent
    it.now = START + 12 * SECOND
    with pytest.raises(BusyError) as busy:
        it.by_alarm().look_again(order, owner="b")
    assert busy.value.retry_after == 3


def test_an_event_in_a_slot_that_has_its_decision_is_remembered_and_looked_at_in_the_next() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    it.now = START + 5 * SECOND
    newer = alarm(at=it.now, value=120.0, measured_at=START + 2 * SECOND)
    it.alarms["web-cpu-high"] = replace(newer, datapoint=None)
    it.by_alarm().take(newer, owner="b")
    assert it.writes == [(4, 6)]
    source = it.policy.status.triggers[0]
    assert (source.value, source.counted) == (120.0, 86.0)
    it.follow_ups(START + 15 * SECOND)
    assert it.writes == [(4, 6), (6, 8)]  # measured when 4 were ready


def test_a_deleted_alarm_asks_for_nothing_any_more_and_that_is_said_once() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.alarms.clear()
    it.follow_ups(START + 10 * MINUTE)
    assert it.writes == [(4, 6)]
    assert [e.reason for e in it.told].count("AlarmDeleted") == 1
    assert it.policy.status.triggers == ()
    assert it.sent == []


def test_a_policy_deleted_meanwhile_is_no_error() -> None:
    it = world()
    order = Evaluate(namespace="shop", name="gone", uid="x", due=START)
    it.by_alarm().look_again(order, owner="a")
    assert it.told == []


def test_a_policy_made_again_under_its_name_is_not_looked_at_for_the_one_before() -> None:
    it = world()
    order = Evaluate(namespace="shop", name="web", uid="another", due=START)
    it.by_alarm().look_again(order, owner="a")
    assert it.writes == []


def test_a_shorter_interval_counts_from_the_next_look() -> None:
    it = world(evaluate_every_seconds=900)
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    assert it.sent[0].due == START + 15 * MINUTE
    it.now = START + MINUTE
    it.edit_policy(evaluate_every_seconds=15)
    resynced(it)
    it.value = Datapoint(90.0, START + 2 * MINUTE)
    it.follow_ups(START + 3 * MINUTE + 15 * SECOND)
    assert it.writes == [(4, 6), (6, 9)]


def test_what_fails_for_long_is_told_once_an_hour() -> None:
    it = world()
    it.alarms["web-cpu-high"] = alarm()
    for minutes in range(0, 50, 5):
        it.now = START + minutes * MINUTE
        it.failures["read workload"] = [UnavailableError("no answer")]
        it.resync().run()
        with pytest.raises(UnavailableError):
            it.follow_ups(it.now)
    assert [e.reason for e in it.told] == ["Unavailable"]


def test_a_target_that_stays_missing_is_told_once() -> None:
    it = world()
    it.workload = None
    it.alarms["web-cpu-high"] = alarm()
    for minutes in range(0, 50, 5):
        it.now = START + minutes * MINUTE
        resynced(it)
    assert [e.reason for e in it.told] == ["TargetMissing"]


def test_a_clock_that_is_ahead_does_not_silence_what_follows() -> None:
    it = world()
    it.by_alarm().take(alarm(at=START + 600 * MINUTE, value=86.0, measured_at=START - MINUTE), owner="a")
    it.now = START + 5 * MINUTE
    it.by_alarm().take(
        alarm(state=State.OK, at=it.now, value=20.0, measured_at=START + 3 * MINUTE), owner="b"
    )
    assert it.writes == [(4, 6), (6, 2)]


@pytest.mark.parametrize("every", [15, 900])
def test_a_pause_that_ends_soon_after_its_alarm_rang_is_over_within_a_slot(every: int) -> None:
    it = world(evaluate_every_seconds=every)
    it.alarms["web-cpu-high"] = alarm()
    it.controls().take(control(Verb.PAUSE, all_=True))
    it.by_alarm().take(alarm(), owner="a")
    it.now = START + 5 * SECOND
    it.controls().take(control(Verb.RESUME, id="control-2", all_=True))
    assert [order.due for order in it.sent] == [START + every * SECOND]
    it.follow_ups(START + every * SECOND)
    assert it.writes == [(4, 6)]


def test_a_lost_follow_up_of_a_long_slot_is_noticed_by_the_next_resync() -> None:
    it = world(evaluate_every_seconds=900)
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent.clear()
    it.now = START + 17 * MINUTE
    it.value = Datapoint(90.0, START + 15 * MINUTE)
    resynced(it)
    assert it.writes == [(4, 6), (6, 9)]


def test_a_change_seen_by_the_resync_in_a_decided_slot_waits_for_the_next() -> None:
    it = world(evaluate_every_seconds=900)
    it.alarms["web-cpu-high"] = alarm()
    it.by_alarm().take(alarm(), owner="a")
    it.sent.clear()
    it.now = START + 5 * MINUTE
    it.alarms["web-cpu-high"] = alarm(state=State.OK, at=START + 4 * MINUTE)
    it.value = Datapoint(20.0, START + 3 * MINUTE)
    it.resync().run()
    it.follow_ups(START + 15 * MINUTE)
    assert it.writes == [(4, 6), (6, 2)]
