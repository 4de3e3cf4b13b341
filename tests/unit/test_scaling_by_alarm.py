"""Alarms to sizes: duplicates, lateness, races, crashes at every call, and everything that can be refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.alarms.alarm import AlarmEvent, Datapoint, State
from bellhop.errors import BellhopError, BusyError, UnavailableError
from bellhop.kubernetes.errors import ConflictError, ForbiddenError, InvalidError, UnauthorizedError
from bellhop.ledger import Outcome
from bellhop.scaling.behavior import DeclaredBehavior, DeclaredRules, Rate, RateType
from bellhop.scaling.decision import TargetType
from bellhop.scaling.spec import AlarmMatch, MetricTarget, Trigger
from bellhop.scaling.status import Phase
from reconcile import ATTEMPTS, LEASE
from tests.unit.scaling_world import START, Crashed, World, alarm, alert, request, world

MINUTE = timedelta(minutes=1)
_ANY = Rate(type=RateType.PODS, value=1000, period_seconds=1)
UNPACED = DeclaredBehavior(
    scale_up=DeclaredRules(policies=(_ANY,)),
    scale_down=DeclaredRules(policies=(_ANY,), stabilization_window_seconds=0),
)


def size(of: World) -> int:
    return of.workload_now().size.replicas


def undisturbed() -> list[str]:
    """Every call of one alarm that scales."""
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    return it.calls


CALLS = undisturbed()
SCALE, TELL, CLOSE = CALLS.index("scale"), CALLS.index("ledger"), len(CALLS) - 1


def test_an_alarm_scales_by_the_hpa_formula_and_says_why() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]
    (entry,) = it.told
    assert entry.outcome is Outcome.DONE
    assert entry.subject == "shop/web"
    assert entry.actor == "alarm web-cpu-high"
    assert entry.summary == "shop/web: 4 -> 6 replicas"
    assert entry.because == "CPUUtilization 86 of 60 over 4 pods asks for 6"
    last = it.policy.status.last_decision
    assert last is not None
    assert (last.phase, last.current, last.desired) == (Phase.DONE, 4, 6)
    assert it.policy.status.last_scale_time == START
    assert it.policy.status.desired_replicas == 6
    assert it.policy.status.observed_generation == 1


def test_an_applied_change_costs_five_calls_to_the_cluster_and_a_repeat_none() -> None:
    it = world()
    it.by_alarm().take(alarm(value=86.0), owner="a")
    kept = {"list", "autoscalers"}  # at most every 15 s
    cluster = [c for c in it.calls if c not in kept | {"ledger", "follow up"}]
    assert cluster == ["read workload", "write status", "scale", "remark", "write status"]
    assert "metric" not in it.calls
    assert "alarms" not in it.calls
    it.calls.clear()
    it.by_alarm().take(alarm(value=86.0), owner="b")
    assert it.calls == ["list"]


def test_a_look_that_changes_nothing_costs_two_calls_to_the_cluster() -> None:
    it = world()
    it.by_alarm().take(alarm(value=86.0), owner="a")
    it.alarms["web-cpu-high"] = alarm()
    it.calls.clear()
    it.follow_ups(START + timedelta(seconds=15))
    assert it.calls == [
        *("list", "list", "autoscalers", "read workload"),
        *("alarms", "metric", "follow up", "write status"),
    ]


def test_the_value_in_the_event_is_used_and_cloudwatch_is_not_asked() -> None:
    it = world(value=None)
    it.by_alarm().take(alarm(value=120.0), owner="a")
    assert it.writes == [(4, 8)]
    assert "metric" not in it.calls


def test_the_same_event_again_changes_and_tells_nothing() -> None:
    it = world()
    for owner in "abcde":
        it.by_alarm().take(alarm(), owner=owner)
    assert it.writes == [(4, 6)]
    assert len(it.told) == 1


def test_an_older_event_after_a_newer_one_is_left_aside() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    it.by_alarm().take(alarm(state=State.OK, at=START - MINUTE, value=10.0), owner="b")
    assert it.writes == [(4, 6)]
    assert len(it.told) == 1


def test_a_datapoint_counts_once() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    it.now += timedelta(seconds=30)
    stale = alarm(state=State.OK, at=START + timedelta(seconds=20), value=86.0, measured_at=START - MINUTE)
    it.by_alarm().take(stale, owner="b")
    assert it.writes == [(4, 6)]
    assert [e.reason for e in it.told] == ["DesiredWithinRange", "AwaitingMetric"]


def test_a_newer_datapoint_scales_on_and_back() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    it.now = START + 3 * MINUTE
    it.by_alarm().take(alarm(state=State.OK, at=it.now, value=20.0), owner="b")
    assert it.writes == [(4, 6), (6, 2)]


def test_holding_for_the_same_reason_again_is_not_written_again() -> None:
    it = world(value=61.0)
    it.by_alarm().take(alarm(), owner="a")
    it.by_alarm().take(alarm(state=State.OK, at=START + MINUTE), owner="b")
    assert [e.reason for e in it.told] == ["WithinTolerance"]
    assert [a.state for a in it.policy.status.triggers] == ["OK"]


def test_limits_hold_and_are_named() -> None:
    it = world()
    it.edit_policy(behavior=UNPACED)
    it.by_alarm().take(alarm(value=600.0), owner="a")
    assert it.writes == [(4, 12)]
    assert it.told[0].reason == "TooManyReplicas"
    assert "held at maxReplicas 12" in it.told[0].because


def test_a_metric_without_data_holds() -> None:
    it = world(value=None)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "MetricMissing"


def test_insufficient_data_is_not_a_reason_to_read_old_values() -> None:
    it = world()
    it.by_alarm().take(alarm(state=State.INSUFFICIENT_DATA), owner="a")
    assert it.writes == []
    assert "metric" not in it.calls


def test_no_ready_pod_holds_instead_of_going_to_the_minimum() -> None:
    it = world(ready=0)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "NoReadyPods"


def test_an_unknown_alarm_is_written_down_as_unmatched() -> None:
    it = world()
    it.by_alarm().take(alarm(name="nobody-knows"), owner="a")
    (entry,) = it.told
    assert (entry.outcome, entry.reason) == (Outcome.HELD, "NoPolicy")
    assert entry.subject == "alarm/nobody-knows"


def test_a_policy_applied_a_moment_before_its_alarm_is_found_in_a_fresh_list() -> None:
    it = world()
    known = it.policy
    it.policies = lambda *, fresh=False: ([known] if fresh else [], [])  # type: ignore[method-assign]
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(4, 6)]


def test_bellhops_own_alarms_never_reach_scaling() -> None:
    it = world()
    it.edit_policy(
        triggers=(
            Trigger(alarm=AlarmMatch(pattern="*"), target=MetricTarget(type=TargetType.VALUE, value=1.0)),
        )
    )
    it.by_alarm().take(alarm(name="bellhop-alarms-dead-letters"), owner="a")
    assert it.calls == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("index", range(len(CALLS)))
def test_a_crash_at_any_call_ends_right_after_the_redelivery(index: int, when: str) -> None:
    it = world()
    it.crash_at = (index, when)
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at = None
    it.now += LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(4, 6)]
    (entry,) = it.told
    assert (entry.outcome, entry.summary) == (Outcome.DONE, "shop/web: 4 -> 6 replicas")
    last = it.policy.status.last_decision
    assert last is not None
    assert (last.phase, last.desired) == (Phase.DONE, 6)
    assert [a.at for a in it.policy.status.triggers] == [START]


def test_the_ledger_says_that_an_attempt_ended_before_its_write() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="second")
    assert it.told[0].because.endswith("an earlier attempt ended before its write")


def test_the_ledger_says_that_the_write_was_found_done() -> None:
    it = world()
    it.crash_at = (SCALE, "after")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(4, 6)]
    assert it.told[0].because.endswith("written by an attempt that ended before it could tell")


def test_while_the_lease_lasts_nobody_else_acts() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at = None
    it.now += LEASE / 2
    with pytest.raises(BusyError) as busy:
        it.by_alarm().take(alarm(), owner="second")
    assert busy.value.retry_after == pytest.approx(LEASE.total_seconds() / 2 + 1)
    assert it.writes == []


def test_a_retry_decides_anew_on_what_is_there_then() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.resize(5)  # someone scaled by hand in between
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(5, 6)]  # the datapoint was measured over 4 pods
    assert it.told[0].summary == "shop/web: 5 -> 6 replicas"


def test_a_workload_made_again_under_its_name_was_not_scaled_by_the_lost_attempt() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.recreate(5)
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(5, 6)]
    assert [e.summary for e in it.told] == ["shop/web: 5 -> 6 replicas"]


def test_a_change_after_a_refusal_that_was_told_but_not_closed_is_told_too() -> None:
    it = world()
    there, it.workload = it.workload, None
    it.crash_at = (6, "before")  # after the entry, before the status
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    assert it.calls[4:] == ["ledger", "metric", "write status"]
    it.crash_at, it.workload = None, there
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told] == [Outcome.REFUSED, Outcome.DONE]


def test_a_change_after_a_failure_that_was_told_but_not_closed_is_told_too() -> None:
    it = world()
    it.failures["scale"] = [ForbiddenError("403")]
    it.crash_at = (CLOSE - 1, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    assert it.calls[SCALE:] == ["scale", "ledger", "remark", "write status"]
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="second")
    assert it.writes == [(4, 6)]
    assert [e.outcome for e in it.told] == [Outcome.FAILED, Outcome.DONE]


def test_every_change_is_told_when_somebody_scales_between_a_lost_close_and_its_redelivery() -> None:
    it = world()
    it.crash_at = (CLOSE, "before")  # told, not closed
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, it.now + LEASE + timedelta(seconds=1)
    it.resize(5)
    it.by_alarm().take(alarm(), owner="second")
    changes = [f"shop/web: {before} -> {after} replicas" for before, after in it.writes]
    assert [e.summary for e in it.told if e.outcome is Outcome.DONE] == changes


def test_another_event_supersedes_a_dangling_intent_and_says_so() -> None:
    it = world()
    it.crash_at = (SCALE, "before")
    with pytest.raises(Crashed):
        it.by_alarm().take(alarm(), owner="first")
    it.crash_at, it.now = None, START + 2 * MINUTE
    it.by_alarm().take(alarm(state=State.OK, at=it.now, value=30.0), owner="second")
    assert it.writes == [(4, 2)]
    assert [(e.outcome, e.summary) for e in it.told] == [
        (Outcome.SUPERSEDED, "shop/web: 4 -> 6 replicas"),
        (Outcome.DONE, "shop/web: 4 -> 2 replicas"),
    ]
    it.by_alarm().take(alarm(), owner="third")
    assert it.writes == [(4, 2)]


def test_a_rollout_that_touches_the_workload_makes_it_read_and_decide_again() -> None:
    it = world()
    touched: list[str] = []

    def meddle(name: str) -> None:
        if name == "write status" and not touched:
            touched.append(name)
            it.resize(5)

    it.meddle = meddle
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == [(5, 6)]
    assert [e.summary for e in it.told] == ["shop/web: 5 -> 6 replicas"]


def test_of_two_deliveries_at_once_one_wins_and_the_other_waits_for_it() -> None:
    it = world()
    others: list[BellhopError] = []

    def meddle(name: str) -> None:
        if name == "read workload" and not others:
            others.append(BusyError("placeholder", retry_after=0))
            it.by_alarm().take(alarm(), owner="other")

    it.meddle = meddle
    it.by_alarm().take(alarm(), owner="first")
    assert it.writes == [(4, 6)]
    assert len(it.told) == 1


def test_a_conflict_storm_is_told_and_delivered_again() -> None:
    it = world()
    it.failures["scale"] = [ConflictError("modified") for _ in range(ATTEMPTS)]
    with pytest.raises(BusyError):
        it.by_alarm().take(alarm(), owner="a")
    (entry,) = it.told
    assert (entry.outcome, entry.reason) == (Outcome.FAILED, "Conflict")
    it.now += LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="b")
    assert it.writes == [(4, 6)]


def test_a_missing_target_is_refused_once_and_not_retried() -> None:
    it = world()
    it.workload = None
    it.by_alarm().take(alarm(), owner="a")
    it.by_alarm().take(alarm(), owner="b")
    (entry,) = it.told
    assert (entry.outcome, entry.reason) == (Outcome.REFUSED, "TargetMissing")
    condition = it.policy.status.conditions[0]
    assert (condition.type, condition.status, condition.reason) == ("AbleToScale", "False", "TargetMissing")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ForbiddenError("403 forbidden"), "Forbidden"),
        (UnauthorizedError("401"), "Unauthorized"),
        (InvalidError("422"), "Invalid"),
    ],
)
@pytest.mark.parametrize("call", ["list", "autoscalers", "read workload", "write status", "scale"])
def test_a_refusing_cluster_is_told_and_not_retried(call: str, error: BellhopError, code: str) -> None:
    it = world()
    it.failures[call] = [error]
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    assert (it.told[0].outcome, it.told[0].reason) == (Outcome.FAILED, code)


@pytest.mark.parametrize("call", ["list", "autoscalers", "metric", "read workload", "write status", "scale"])
def test_an_unreachable_cluster_is_told_once_and_retried_until_it_answers(call: str) -> None:
    it = world()
    it.failures[call] = [UnavailableError("no answer"), UnavailableError("no answer")]
    for owner in "ab":
        with pytest.raises(UnavailableError):
            it.by_alarm().take(alarm(), owner=owner)
        it.now += LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="c")
    assert it.writes == [(4, 6)]
    assert [(e.outcome, e.reason) for e in it.told] == [
        (Outcome.FAILED, "Unavailable"),
        (Outcome.DONE, "DesiredWithinRange"),
    ]


def test_a_policy_that_contradicts_itself_is_refused_by_name() -> None:
    it = world()
    it.edit_policy(min_replicas=9, max_replicas=3)
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []
    (entry,) = it.told
    assert (entry.outcome, entry.reason) == (Outcome.REFUSED, "PolicyInvalid")
    assert "maxReplicas 3 is below minReplicas 9" in entry.because


def test_a_namespace_the_stack_does_not_allow_is_left_alone() -> None:
    it = world()
    it.by_alarm(allowed=lambda _namespace: False).take(alarm(), owner="a")
    assert it.writes == []
    assert it.told[0].reason == "NamespaceNotAllowed"


def test_an_unreadable_policy_is_told_once_and_does_not_stop_the_others() -> None:
    it = world()
    known = it.policy
    it.policies = lambda *, fresh=False: ([known], ["policy shop/bad: Expected int"])  # type: ignore[method-assign]
    it.by_alarm().take(alarm(), owner="a")
    it.by_alarm().take(alarm(state=State.OK, at=START + MINUTE), owner="b")
    assert [e.reason for e in it.told].count("PolicyInvalid") == 1
    assert it.writes == [(4, 6)]


def test_a_write_whose_answer_was_lost_is_not_made_twice() -> None:
    it = world()
    lost = UnavailableError("the connection died")

    def meddle(name: str) -> None:
        if name == "scale" and len(it.writes) == 1:
            raise lost

    it.meddle = meddle
    with pytest.raises(UnavailableError):
        it.by_alarm().take(alarm(), owner="a")
    it.meddle, it.now = lambda _name: None, it.now + LEASE + timedelta(seconds=1)
    it.by_alarm().take(alarm(), owner="b")
    assert it.writes == [(4, 6)]


def test_tolerance_is_the_policys() -> None:
    it = world(value=86.0)
    it.edit_policy(behavior=DeclaredBehavior(scale_up=DeclaredRules(tolerance=0.5)))
    it.by_alarm().take(alarm(), owner="a")
    assert it.writes == []


events = st.builds(
    alarm,
    state=st.sampled_from([State.ALARM, State.OK]),
    at=st.integers(0, 5).map(lambda minutes: START + minutes * MINUTE),
    value=st.sampled_from([10.0, 59.0, 86.0, 300.0]),
)


@settings(max_examples=200)
@given(deliveries=st.lists(st.tuples(events, st.integers(0, 9), st.booleans()), max_size=8))
def test_whatever_is_delivered_in_whatever_order_limits_hold_and_each_event_counts_once(
    deliveries: list[tuple[AlarmEvent, int, bool]],
) -> None:
    it = world()
    for number, (event, crash, crashes) in enumerate(deliveries):
        it.calls.clear()
        it.crash_at = (crash, "after") if crashes else None
        with suppress(Crashed, BusyError):
            it.by_alarm().take(event, owner=f"delivery-{number}")
        it.now += LEASE + timedelta(seconds=1)
    it.crash_at = None
    for event, _, _ in deliveries:
        it.now += LEASE + timedelta(seconds=1)
        it.by_alarm().take(event, owner="again")
    done = [e for e in it.told if e.outcome is Outcome.DONE]
    assert len(done) == len(it.writes)
    assert all(2 <= after <= 12 for _, after in it.writes)
    changes = [(e.cause, e.summary) for e in done]
    assert len(set(changes)) == len(changes)
    last = it.policy.status.last_decision
    assert last is None or last.phase is Phase.DONE


def test_requests_and_alarms_share_no_ids() -> None:
    it = world()
    it.by_alarm().take(alarm(), owner="a")
    it.by_hand().take(request(replicas=3), owner="b")
    assert it.writes == [(4, 6), (6, 3)]
    assert len(it.told) == 2


def test_the_datapoint_read_from_cloudwatch_is_what_decides() -> None:
    it = world()
    it.value = Datapoint(30.0, START)
    it.by_alarm().take(alarm(state=State.OK), owner="a")
    assert it.writes == [(4, 2)]


def test_one_event_of_a_message_that_fails_does_not_keep_the_others_back() -> None:
    it = world()
    it.failures["list"] = [UnavailableError("no answer")]
    with pytest.raises(UnavailableError):
        it.by_alarm().take_all([alarm(name="other"), alarm()], owner="a")
    assert it.writes == [(4, 6)]


def test_a_group_of_alerts_that_nobody_asked_for_lists_the_policies_anew_once_and_tells_each_once() -> None:
    it = world()
    for repeat in range(3):
        it.calls.clear()
        received = START + repeat * MINUTE
        group = [replace(alert(received=received), source=f"alert/{n}") for n in range(50)]
        it.by_alarm().take_all(group, owner=f"repeat-{repeat}")
        assert it.calls.count("list again") == 1
    assert [e.reason for e in it.told] == ["NoPolicy"] * 50
