"""A policy's status from step to step: slots, the intent and its end, questions, conditions, follow-ups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.decision import Decision, Size, TargetType
from bellhop.scaling.evaluation import Evaluation
from bellhop.scaling.policy import Policy
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import AlarmMatch, AlertMatch, Approval, MetricTarget, Spec, Trigger
from bellhop.scaling.status import (
    Ceiling,
    Condition,
    Hold,
    LastDecision,
    PastChange,
    PastReady,
    PastRecommendation,
    Phase,
    Question,
    Source,
    Status,
)
from bellhop.scaling.steps import Step, StepType
from bellhop.scaling.transitions import (
    closed,
    decided,
    for_target,
    is_decided,
    needs_follow_up,
    next_slot,
    refused,
    reopened,
    slot_at,
    taken_back,
)
from bellhop.scaling.workload import Workload

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CPU_60 = MetricTarget(type=TargetType.VALUE, value=60)
CPU = Trigger(alarm=AlarmMatch(name="cpu"), target=CPU_60)
PUSHED = Trigger(alert=AlertMatch(match_labels={"alertname": "queue"}), target=CPU_60)
NOTHING = Status()


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def policy(
    *,
    every: int = 15,
    status: Status = NOTHING,
    triggers: tuple[Trigger, ...] = (CPU, PUSHED),
    above: int | None = None,
    dry: bool = False,
) -> Policy:
    spec = Spec(
        max_replicas=20,
        triggers=triggers,
        evaluate_every_seconds=every,
        approval=None if above is None else Approval(above=above, expires_after="30m"),
        dry_run=dry,
    )
    return Policy(
        namespace="shop", name="web", uid="u", generation=7, resource_version="1", spec=spec, status=status
    )


def workload(replicas: int = 4, ready: int | None = None, uid: str = "w") -> Workload:
    size = Size(replicas, replicas if ready is None else ready)
    return Workload("shop", "Deployment", "web", uid, "1", size)


def found(
    replicas: int,
    reason: Reason = Reason.DESIRED_WITHIN_RANGE,
    *,
    recommendation: int | None = None,
    sources: tuple[Source, ...] = (),
    wanted: int | None = None,
) -> Evaluation:
    return Evaluation(Decision(replicas, reason, "because"), recommendation, sources, wanted, ("a line",))


def decide(it: Policy, evaluation: Evaluation, now: float = 0, target: Workload | None = None) -> Status:
    return decided(
        it,
        target or workload(),
        evaluation,
        cause="c",
        actor="alarm cpu",
        owner="me",
        now=at(now),
        lease_until=at(now + 20),
    )


def last(status: Status) -> LastDecision:
    assert status.last_decision is not None
    return status.last_decision


# ------------------------------------------------------------ slots
@given(every=st.integers(15, 900), seconds=st.floats(0, 10**7))
def test_every_moment_is_in_exactly_one_slot(every: int, seconds: float) -> None:
    it, now = policy(every=every), at(seconds)
    begin, end = slot_at(it, now), next_slot(it, now)
    assert begin <= now < end
    assert (end - begin).total_seconds() == every
    assert slot_at(it, begin) == begin
    assert slot_at(it, end) == end
    assert begin.tzinfo is UTC


@given(every=st.integers(15, 900), seconds=st.floats(0, 10**6), later=st.floats(0, 2000))
def test_a_slot_has_one_decision_and_the_next_one_its_own(every: int, seconds: float, later: float) -> None:
    it = policy(every=every)
    status = decide(it, found(4), seconds)
    it = msgspec.structs.replace(it, status=status)
    assert is_decided(it, at(seconds))
    assert is_decided(it, at(seconds + later)) == (at(seconds + later) < next_slot(it, at(seconds)))


def test_a_policy_that_was_never_looked_at_is_free() -> None:
    assert not is_decided(policy(), T0)


@given(
    before=st.integers(15, 900),
    after=st.integers(15, 900),
    seconds=st.floats(0, 10**6),
    later=st.floats(0, 4000),
)
def test_an_edited_interval_neither_blocks_for_long_nor_decides_twice_in_a_slot(
    before: int, after: int, seconds: float, later: float
) -> None:
    status = decide(policy(every=before), found(4), seconds)
    edited = policy(every=after, status=status)
    now = at(seconds + later)
    if slot_at(edited, now) == slot_at(edited, slot_at(policy(every=before), at(seconds))):
        assert is_decided(edited, now)
    if later >= after:
        assert not is_decided(edited, now), "at most one slot of the new length is waited"


# ------------------------------------------------------------ the intent
def test_a_decision_is_recorded_before_it_is_carried_out() -> None:
    source = Source(source="arn:cpu", name="cpu", state="ALARM", at=T0, recommended=6)
    status = decide(policy(), found(6, recommendation=7, sources=(source,)), 3, workload(4, 3))
    assert status == Status(
        observed_generation=7,
        current_replicas=4,
        desired_replicas=6,
        last_scale_time=at(3),
        slot=at(0),
        triggers=(source,),
        recommendations=(
            PastRecommendation(at=at(3), replicas=4),
            PastRecommendation(at=at(3), replicas=7),
        ),
        scale_events=(PastChange(at=at(3), change=2),),
        ready_pods=(PastReady(at=at(3), ready=3),),
        last_decision=LastDecision(
            cause="c",
            actor="alarm cpu",
            at=at(3),
            current=4,
            desired=6,
            reason="DesiredWithinRange",
            because="because",
            phase=Phase.PENDING,
            owner="me",
            lease_until=at(23),
            target_uid="w",
            working=("a line",),
        ),
    )


def test_a_decision_that_changes_nothing_is_no_change_of_size() -> None:
    before = Status(last_scale_time=at(-100))
    status = decide(policy(status=before), found(4))
    assert (status.last_scale_time, status.scale_events) == (at(-100), ())


def test_a_dry_run_decides_and_counts_no_change() -> None:
    status = decide(policy(dry=True), found(6))
    assert (last(status).desired, last(status).dry) == (6, True)
    assert (status.last_scale_time, status.scale_events) == (None, ())
    over = closed(status, applied=False, now=at(1))
    assert (over.current_replicas, over.desired_replicas, last(over).phase) == (4, 4, Phase.DONE)
    assert closed(status, applied=True, now=at(1)).current_replicas == 4, "whoever says it was applied"


@pytest.mark.parametrize(("left", "kept"), [(1, True), (0, False), (-1, False)])
def test_holds_and_approvals_that_ended_are_forgotten(left: int, kept: bool) -> None:
    hold, ceiling = Hold(by="ida", until=at(left), replicas=4), Ceiling(by="ida", until=at(left))
    status = decide(policy(status=Status(hold=hold, ceiling=ceiling)), found(4))
    assert (status.hold is not None, status.ceiling is not None) == (kept, kept)


def test_an_applied_decision_is_closed_with_its_size() -> None:
    over = closed(decide(policy(), found(6)), applied=True, now=at(1))
    assert (over.current_replicas, over.desired_replicas) == (6, 6)
    assert (last(over).phase, over.slot) == (Phase.DONE, at(0))
    assert over.scale_events == (PastChange(at=at(0), change=2),)


def test_a_decision_that_could_not_be_applied_leaves_no_change_behind() -> None:
    before = decide(policy(), found(6), 0)
    pending = decide(policy(status=closed(before, applied=True, now=at(1))), found(8), 10, workload(6))
    over = closed(pending, applied=False, now=at(11), refusal=("Forbidden", "not allowed"))
    assert (over.current_replicas, over.desired_replicas, last(over).phase) == (6, 6, Phase.DONE)
    assert over.scale_events == (PastChange(at=at(0), change=2),)
    assert (over.last_scale_time, over.slot) == (at(0), at(0)), "its slot has had its decision"


def test_a_change_that_was_never_made_is_taken_back_alone() -> None:
    earlier = Status(last_scale_time=at(-5), scale_events=(PastChange(at=at(-5), change=1),))
    status = taken_back(decide(policy(status=earlier), found(6)))
    assert (status.last_scale_time, status.scale_events) == (at(-5), earlier.scale_events)
    first = taken_back(decide(policy(), found(6)))
    assert (first.last_scale_time, first.scale_events) == (None, ())


def test_a_change_that_is_taken_back_leaves_the_time_of_the_last_one_however_old() -> None:
    first = closed(decide(policy(), found(6), 0), applied=True, now=at(1))
    quiet = closed(decide(policy(status=first), found(6), 3600, workload(6)), applied=True, now=at(3601))
    status = taken_back(decide(policy(status=quiet), found(8), 7200, workload(6)))
    assert status.last_scale_time == at(0)


def test_taking_back_a_decision_that_changed_nothing_takes_nothing() -> None:
    earlier = Status(last_scale_time=at(-500))
    status = decide(policy(status=earlier), found(4))
    assert taken_back(status) == status


def test_a_reopened_slot_is_free_and_its_change_gone() -> None:
    status = reopened(decide(policy(), found(6)))
    assert not is_decided(policy(status=status), at(1))
    assert (status.scale_events, status.last_scale_time, last(status).phase) == ((), None, Phase.PENDING)


@given(changes=st.lists(st.tuples(st.integers(1, 400), st.integers(1, 20), st.booleans()), max_size=12))
def test_what_is_remembered_of_changes_is_what_was_applied(changes: list[tuple[int, int, bool]]) -> None:
    it, now, current, applied = policy(), 0, 4, list[PastChange]()
    for seconds, desired, works in changes:
        now += seconds
        status = decide(it, found(desired), now, workload(current))
        status = closed(status, applied=works, now=at(now))
        it = msgspec.structs.replace(it, status=status)
        if works and desired != current:
            applied.append(PastChange(at=at(now), change=desired - current))
            current = desired
        assert status.current_replicas == current
        assert status.last_scale_time == (applied[-1].at if applied else None)
        assert [e for e in applied if e.at > at(now - 15)] == [
            e for e in status.scale_events if e.at > at(now - 15)
        ]


def test_of_a_target_that_was_made_again_nothing_is_remembered() -> None:
    source = Source(source="arn:cpu", name="cpu", state="ALARM", at=T0)
    status = decide(policy(), found(6, recommendation=6, sources=(source,)))
    it = policy(status=status)
    assert for_target(it, workload(uid="w")) is it
    other = for_target(it, workload(uid="other")).status
    assert (other.recommendations, other.scale_events, other.ready_pods) == ((), (), ())
    assert (other.last_scale_time, other.triggers, other.slot) == (None, (source,), at(0))
    assert for_target(policy(), workload()) == policy()


def test_a_look_that_could_not_decide_takes_its_slot_and_says_why() -> None:
    before = decide(policy(), found(6))
    status = refused(policy(status=before), code="TargetMissing", said="no web", now=at(31))
    assert (status.slot, status.told, status.observed_generation) == (at(30), "TargetMissing", 7)
    assert status.conditions == (
        Condition(
            type="AbleToScale",
            status="False",
            reason="TargetMissing",
            message="no web",
            last_transition_time=at(31),
        ),
    )
    last = status.last_decision
    assert last is not None
    assert last.phase is Phase.DONE  # one in hand that was never carried out is over
    assert status.scale_events == before.scale_events


# ------------------------------------------------------------ questions
def asked(wanted: int, now: float = 0, before: Status = NOTHING, above: int | None = 6) -> Question | None:
    evaluation = found(6, Reason.APPROVAL_NEEDED, wanted=wanted)
    return decide(policy(above=above, status=before), evaluation, now).question


def test_who_wants_more_asks_once_and_keeps_asking_for_what_is_wanted_now() -> None:
    first = asked(12)
    assert first is not None
    assert (first.wanted, first.asked_at, first.expires_at) == (12, at(0), at(1800))
    second = asked(9, 1799.9, Status(question=first))
    assert second == msgspec.structs.replace(first, wanted=9)


def test_a_question_that_expired_is_asked_anew() -> None:
    first = asked(12)
    second = asked(12, 1800, Status(question=first))
    assert first is not None
    assert second is not None
    assert (second.asked_at, second.expires_at) == (at(1800), at(3600))
    assert second.id != first.id
    assert len(second.id) == 8


def test_what_is_wanted_no_more_is_asked_no_more() -> None:
    open = Status(question=asked(12))
    assert decide(policy(above=6, status=open), found(6), 15).question is None
    assert asked(12, 15, open, above=None) is None, "nor what needs no approval since the policy was edited"


def test_a_question_stays_open_while_its_target_settles() -> None:
    """A node group settles for minutes after the very change that the question goes with."""
    open = Status(question=asked(12))
    settling = found(6, Reason.SETTLING)
    assert decide(policy(above=6, status=open), settling, 15).question == open.question
    assert decide(policy(above=6, status=open), settling, 1800).question is None
    assert decide(policy(status=open), settling, 15).question is None
    assert decide(policy(above=6), settling, 15).question is None


# ------------------------------------------------------------ conditions
def conditions(status: Status) -> dict[str, tuple[str, str, datetime]]:
    assert len({c.type for c in status.conditions}) == len(status.conditions), "each once"
    return {c.type: (c.status, c.reason, c.last_transition_time) for c in status.conditions}


@pytest.mark.parametrize(
    ("reason", "active", "limited"),
    [
        (reason, reason not in inactive, reason in limited)
        for inactive in [
            {"Paused", "OnHold", "ScalingDisabled", "MetricMissing", "NothingRings"},
        ]
        for limited in [
            {"TooManyReplicas", "TooFewReplicas", "ScaleUpLimit", "ScaleDownLimit", "ApprovalNeeded"},
        ]
        for reason in Reason
    ],
)
def test_conditions_say_what_the_hpas_say(reason: Reason, active: bool, limited: bool) -> None:
    status = closed(decide(policy(), found(4, reason)), applied=True, now=at(1))
    assert conditions(status) == {
        "AbleToScale": ("True", reason, at(1)),
        "ScalingActive": (str(active), reason, at(1)),
        "ScalingLimited": (str(limited), reason, at(1)),
    }


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    first = closed(decide(policy(), found(4)), applied=True, now=at(1))
    second = closed(
        decide(policy(status=first), found(4, Reason.SCALE_UP_LIMIT), 15), applied=True, now=at(16)
    )
    assert conditions(second) == {
        "AbleToScale": ("True", "ScaleUpLimit", at(1)),
        "ScalingActive": ("True", "ScaleUpLimit", at(1)),
        "ScalingLimited": ("True", "ScaleUpLimit", at(16)),
    }


def test_a_refusal_is_able_to_scales_and_not_the_others() -> None:
    status = closed(
        decide(policy(), found(6)), applied=False, now=at(1), refusal=("Forbidden", "may not patch")
    )
    assert [(c.type, c.status, c.reason, c.message) for c in status.conditions] == [
        ("AbleToScale", "False", "Forbidden", "may not patch"),
        ("ScalingActive", "True", "DesiredWithinRange", "because"),
        ("ScalingLimited", "False", "DesiredWithinRange", "because"),
    ]
    again = closed(decide(policy(status=status), found(6), 15), applied=True, now=at(16))
    assert conditions(again)["AbleToScale"] == ("True", "DesiredWithinRange", at(16))


# ------------------------------------------------------------ follow-ups
RINGS = Source(source="arn:cpu", name="cpu", state="ALARM", at=T0)
OVER = msgspec.structs.replace(RINGS, state="OK")
UNKNOWN = msgspec.structs.replace(RINGS, state="INSUFFICIENT_DATA")
STRANGER = Source(source="arn:disk", name="disk", state="ALARM", at=T0)
ALERT = Source(
    source="alert/f", name="queue", state="ALARM", at=T0, labels={"alertname": "queue"}, received_at=T0
)
WITHIN = Reason.DESIRED_WITHIN_RANGE
ENDED = 5 * 3600


@pytest.mark.parametrize(
    ("source", "reason", "replicas", "recommendation", "now", "again"),
    [
        *((RINGS, reason, 4, 4, 0, False) for reason in (Reason.PAUSED, Reason.ON_HOLD)),
        *((RINGS, reason, 0, 4, 0, False) for reason in (Reason.SCALING_DISABLED, Reason.NOTHING_RINGS)),
        (None, Reason.SETTLING, 4, None, 0, True),
        (RINGS, WITHIN, 2, 2, 0, True),
        (RINGS, Reason.METRIC_MISSING, 2, 2, 0, True),
        (OVER, WITHIN, 3, 3, 0, True),
        (OVER, WITHIN, 2, 2, 0, False),
        (OVER, Reason.SCALE_DOWN_STABILIZED, 3, 2, 0, True),
        (OVER, Reason.TOO_FEW_REPLICAS, 2, 1, 0, False),
        (OVER, Reason.TOO_FEW_REPLICAS, 2, 0, 0, False),
        (UNKNOWN, Reason.METRIC_MISSING, 4, 4, 0, False),
        (UNKNOWN, Reason.SCALE_UP_LIMIT, 4, 8, 0, True),
        (UNKNOWN, Reason.SCALE_DOWN_STABILIZED, 4, 2, 0, True),
        (STRANGER, WITHIN, 4, 4, 0, False),
        (ALERT, WITHIN, 2, 2, ENDED - 1, True),
        (ALERT, WITHIN, 2, 2, ENDED, False),
        (ALERT, WITHIN, 3, 3, ENDED, True),
        (None, WITHIN, 4, None, 0, False),
    ],
)
def test_somebody_looks_again_as_long_as_that_may_change_something(
    source: Source | None, reason: Reason, replicas: int, recommendation: int | None, now: int, again: bool
) -> None:
    sources = () if source is None else (source,)
    evaluation = found(replicas, reason, recommendation=recommendation, sources=sources)
    assert needs_follow_up(policy(), evaluation, 2, at(now)) is again


def test_where_steps_lead_down_an_alarm_that_is_over_needs_no_look() -> None:
    down = msgspec.structs.replace(CPU, target=None, steps=(Step(type=StepType.PODS, value=-1),))
    evaluation = found(4, WITHIN, recommendation=4, sources=(OVER,))
    assert not needs_follow_up(policy(triggers=(down,)), evaluation, 2, T0)
    waits = found(4, WITHIN, recommendation=3, sources=(OVER,))
    assert needs_follow_up(policy(triggers=(down,)), waits, 2, T0)
