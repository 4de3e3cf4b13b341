"""One look at one policy: who holds it, which alarm counts, bounds, approval, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.alarms.alarm import Datapoint, State
from bellhop.scaling.behavior import DeclaredBehavior, DeclaredRules, Rate, RateType, SelectPolicy
from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.evaluation import Bounds, Evaluation, evaluate
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Reading
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import (
    AlarmMatch,
    Approval,
    MetricTarget,
    NodeGroup,
    ScaleTargetRef,
    Spec,
    Trigger,
    WhenMetricMissing,
)
from bellhop.scaling.status import (
    Ceiling,
    Hold,
    PastChange,
    PastRecommendation,
    Pause,
    Source,
    Status,
)
from bellhop.scaling.steps import Step, StepType

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOW = T0 + timedelta(minutes=10)
WEB = ScaleTargetRef(kind="Deployment", name="web")
VALUE_100 = MetricTarget(type=TargetType.VALUE, value=100)
AT_ONCE = DeclaredBehavior(
    scale_up=DeclaredRules(policies=(Rate(type=RateType.PODS, value=1000, period_seconds=15),)),
    scale_down=DeclaredRules(stabilization_window_seconds=0),
)
FREE = Bounds()
#: As if the target had been looked at before, with nothing in any window.
SEEN = Status(recommendations=(PastRecommendation(at=T0 - timedelta(days=1), replicas=4),))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def policy(
    *,
    minimum: int = 1,
    maximum: int = 100,
    behavior: DeclaredBehavior = AT_ONCE,
    status: Status = SEEN,
    target: MetricTarget = VALUE_100,
    group: NodeGroup | None = None,
    above: int | None = None,
    missing: int | None = None,
    steps: tuple[Step, ...] = (),
    paused: bool = False,
) -> Policy:
    trigger = Trigger(alarm=AlarmMatch(pattern="*"), target=None if steps else target, steps=steps)
    spec = Spec(
        min_replicas=minimum,
        max_replicas=maximum,
        triggers=(trigger,),
        scale_target_ref=None if group else WEB,
        node_group=group,
        behavior=behavior,
        approval=None if above is None else Approval(above=above),
        when_metric_missing=WhenMetricMissing(replicas=missing),
        paused=paused,
    )
    return Policy(
        namespace="shop", name="web", uid="u", generation=1, resource_version="1", spec=spec, status=status
    )


def look(
    it: Policy,
    current: int | Size,
    values: Mapping[str, float | None] | None = None,
    *,
    ok: tuple[str, ...] = (),
    bounds: Bounds = FREE,
    paused: str = "",
) -> Evaluation:
    """values: by alarm, each just measured; of 4 pods with target 100, 300 asks for 12."""
    sources = {
        name: Source(source=f"arn:{name}", name=name, state="OK" if name in ok else "ALARM", at=T0)
        for name in values or {}
    }
    before = {source.source: source for source in it.status.triggers}
    before |= {source.source: source for source in sources.values() if source.source not in before}
    it = msgspec.structs.replace(
        it, status=msgspec.structs.replace(it.status, triggers=tuple(before.values()))
    )
    readings = [
        Reading(
            sources[name],
            it.spec.triggers[0],
            None if value is None else Datapoint(value, NOW),
            name,
            readable=True,
        )
        for name, value in (values or {}).items()
    ]
    size = Size(current, current) if isinstance(current, int) else current
    return evaluate(it, size, readings, NOW, bounds=bounds, paused=paused)


def outcome(found: Evaluation) -> tuple[int, Reason]:
    assert found.decision.because
    return found.decision.replicas, found.decision.reason


# ------------------------------------------------------------ the HPA's own cases
@pytest.mark.parametrize(
    ("size", "value", "target", "replicas"),
    [
        (Size(1, 1), 8600, MetricTarget(type=TargetType.VALUE, value=4400), 2),
        (Size(3, 1), 8600, MetricTarget(type=TargetType.VALUE, value=4400), 2),
        (Size(3, 3), 8600, MetricTarget(type=TargetType.VALUE, value=8888), 3),
        (Size(3, 3), 8600, MetricTarget(type=TargetType.AVERAGE_VALUE, average_value=2150), 4),
    ],
)
def test_one_metric_decides_as_the_hpas_does(
    size: Size, value: float, target: MetricTarget, replicas: int
) -> None:
    assert look(policy(target=target), size, {"m": value}).decision.replicas == replicas


def rates(*found: tuple[RateType, int, int], window: int | None = None) -> DeclaredRules:
    each = tuple(Rate(type=t, value=value, period_seconds=period) for t, value, period in found)
    return DeclaredRules(policies=each or None, stabilization_window_seconds=window)


def changed(*changes: tuple[float, int]) -> tuple[PastChange, ...]:
    return tuple(PastChange(at=ago(seconds), change=change) for seconds, change in changes)


def recommended(*past: tuple[float, int]) -> tuple[PastRecommendation, ...]:
    return tuple(PastRecommendation(at=ago(seconds), replicas=replicas) for seconds, replicas in past)


PODS, PERCENT = RateType.PODS, RateType.PERCENT


def test_the_hpas_rates_and_windows_hold() -> None:
    default = policy(maximum=1000, behavior=DeclaredBehavior())
    assert outcome(look(default, 10, {"m": 500})) == (20, Reason.SCALE_UP_LIMIT)
    both = DeclaredBehavior(scale_up=rates((PODS, 100, 60), (PERCENT, 100, 60)))
    assert outcome(look(policy(maximum=1000, behavior=both), 10, {"m": 5000})) == (110, Reason.SCALE_UP_LIMIT)
    down = DeclaredBehavior(scale_down=rates((PODS, 20, 60), (PERCENT, 1, 60), window=0))
    assert outcome(look(policy(behavior=down), 100, {"m": 2})) == (80, Reason.SCALE_DOWN_LIMIT)


def test_the_hpas_rates_count_what_was_added_in_their_period() -> None:
    slow = DeclaredBehavior(scale_up=rates((PODS, 5, 120)))
    status = msgspec.structs.replace(SEEN, scale_events=changed((100, 1), (60, 5), (10, 9)))
    it = policy(maximum=1000, behavior=slow, status=status)
    assert outcome(look(it, 100, {"m": 500})) == (100, Reason.SCALE_UP_LIMIT)


def test_the_hpas_window_holds_by_the_highest_of_it() -> None:
    window = DeclaredBehavior(scale_down=rates(window=180))
    status = Status(recommendations=recommended((180, 50), (120, 4), (60, 5)))
    found = look(policy(behavior=window, status=status), 100, {"m": 3})
    assert (outcome(found), found.recommendation) == ((5, Reason.DESIRED_WITHIN_RANGE), 3)


# ------------------------------------------------------------ who holds
def test_who_holds_it_is_named_in_this_order() -> None:
    hold = Hold(by="ida", until=NOW + timedelta(minutes=1), replicas=7)
    status = msgspec.structs.replace(SEEN, paused=Pause(by="ben", at=T0), hold=hold)
    it = msgspec.structs.replace(policy(status=status, paused=True), held_until=NOW + timedelta(hours=1))
    busy = Bounds(settling="node group UPDATING")
    found = [look(it, 4, {"m": 300}, bounds=busy, paused="by eva")]
    found.append(look(it, 4, {"m": 300}, bounds=busy))
    it = msgspec.structs.replace(it, spec=msgspec.structs.replace(it.spec, paused=False))
    found.append(look(it, 4, {"m": 300}, bounds=busy))
    it = msgspec.structs.replace(it, status=msgspec.structs.replace(status, paused=None))
    found.append(look(it, 4, {"m": 300}, bounds=busy))
    it = msgspec.structs.replace(it, status=SEEN)
    found.append(look(it, 4, {"m": 300}, bounds=busy))
    it = msgspec.structs.replace(it, held_until=None)
    found.append(look(it, 4, {"m": 300}, bounds=busy))
    assert [(one.decision.reason, one.decision.because) for one in found] == [
        (Reason.PAUSED, "all policies are paused: by eva"),
        (Reason.PAUSED, "the policy says paused: true"),
        (Reason.PAUSED, "paused by ben"),
        (Reason.ON_HOLD, "ida set 7, held until 2026-11-20 09:11:00 UTC"),
        (Reason.ON_HOLD, "annotation bellhop.dev/hold: held until 2026-11-20T10:10:00+00:00"),
        (Reason.SETTLING, "node group UPDATING"),
    ]
    assert {one.decision.replicas for one in found} == {4}
    assert look(it, 4, {"m": 300}).decision.replicas == 12


def test_what_is_held_computes_and_remembers_nothing() -> None:
    for found in (
        look(policy(paused=True), 4, {"m": 300}),
        look(policy(), 4, {"m": 300}, bounds=Bounds(settling="busy")),
    ):
        assert (found.recommendation, found.wanted, found.working) == (None, None, ())
        assert [source.counted_at for source in found.sources] == [None]


def test_even_limits_do_not_move_what_is_held() -> None:
    assert look(policy(minimum=3, maximum=9, paused=True), 20, {"m": 300}).decision.replicas == 20


@pytest.mark.parametrize(("left", "replicas"), [(1, 4), (0, 12), (-1, 12)])
def test_holds_end_by_themselves(left: int, replicas: int) -> None:
    until = NOW + timedelta(seconds=left)
    status = msgspec.structs.replace(SEEN, hold=Hold(by="ida", until=until, replicas=4))
    annotated = msgspec.structs.replace(policy(), held_until=until)
    assert look(policy(status=status), 4, {"m": 300}).decision.replicas == replicas
    assert look(annotated, 4, {"m": 300}).decision.replicas == replicas


# ------------------------------------------------------------ several alarms
def test_of_several_alarms_the_largest_counts_whatever_their_order() -> None:
    for values in ({"a": 200, "b": 300, "c": 50}, {"b": 300, "c": 50, "a": 200}):
        found = look(policy(), 4, values)
        assert (found.decision.replicas, found.decision.because) == (
            12,
            "b 300 of 100 over 4 pods asks for 12",
        )


def test_what_failed_blocks_only_the_way_down() -> None:
    assert look(policy(), 4, {"a": 300, "b": None}).decision.replicas == 12
    held = look(policy(), 4, {"a": 50, "b": None})
    assert (outcome(held), held.recommendation) == ((4, Reason.METRIC_MISSING), 4)
    assert held.decision.because == "b has no recent value: held"


def test_with_nothing_but_failures_the_size_is_held() -> None:
    assert outcome(look(policy(), 4, {"a": None, "b": None})) == (4, Reason.METRIC_MISSING)
    assert outcome(look(policy(), Size(4, 0), {"a": 86})) == (4, Reason.NO_READY_PODS)


def test_a_size_for_missing_metrics_may_go_down() -> None:
    assert look(policy(missing=2), 4, {"a": None}).decision.replicas == 2


def test_what_was_counted_is_remembered_and_other_sources_stay_in_place() -> None:
    gone = Source(source="arn:gone", name="gone", state="ALARM", at=T0)
    status = msgspec.structs.replace(SEEN, triggers=(gone,))
    found = look(policy(status=status), 4, {"a": 300, "b": None})
    assert [(s.name, s.counted_at, s.counted, s.recommended) for s in found.sources] == [
        ("gone", None, None, None),
        ("a", NOW, 300, 12),
        ("b", None, None, None),
    ]


# ------------------------------------------------------------ bounds
def test_the_targets_own_bounds_are_kept_within_the_policys() -> None:
    assert outcome(look(policy(), 4, {"m": 300}, bounds=Bounds(ceiling=9))) == (9, Reason.TOO_MANY_REPLICAS)
    assert look(policy(maximum=8), 4, {"m": 300}, bounds=Bounds(ceiling=9)).decision.replicas == 8
    assert outcome(look(policy(), 4, {"m": 1}, bounds=Bounds(floor=3))) == (3, Reason.TOO_FEW_REPLICAS)
    assert look(policy(minimum=2), 4, {"m": 1}, bounds=Bounds(floor=1)).decision.replicas == 2


def test_a_ceiling_below_the_minimum_is_not_passed() -> None:
    assert look(policy(minimum=5), 2, {"m": 300}, bounds=Bounds(ceiling=3)).decision.replicas == 3
    assert outcome(look(policy(minimum=5), 3, {"m": 1}, bounds=Bounds(ceiling=3)))[0] == 3


def test_limits_hold_without_any_alarm() -> None:
    assert outcome(look(policy(maximum=9), 20)) == (9, Reason.TOO_MANY_REPLICAS)
    assert outcome(look(policy(minimum=3), 2)) == (3, Reason.TOO_FEW_REPLICAS)


def test_a_workload_at_zero_is_left_alone_unless_zero_is_allowed() -> None:
    assert outcome(look(policy(), 0, {"m": 300})) == (0, Reason.SCALING_DISABLED)
    assert look(policy(minimum=0), 0, {"m": 300}).decision.replicas == 3


def test_a_node_group_never_shrinks_unless_it_may() -> None:
    careful = policy(group=NodeGroup(name="pool"))
    assert outcome(look(careful, 4, {"m": 50})) == (4, Reason.SCALE_DOWN_LIMIT)
    assert look(careful, 4, {"m": 300}).decision.replicas == 12
    assert look(policy(group=NodeGroup(name="pool", scale_down=True)), 4, {"m": 50}).decision.replicas == 2


@pytest.mark.parametrize("value", [1, 300])
def test_a_node_group_above_its_maximum_stays_unless_it_may_shrink(value: float) -> None:
    careful = policy(maximum=5, group=NodeGroup(name="pool"))
    assert look(careful, 8, {"m": value}, bounds=Bounds(ceiling=6)).decision.replicas == 8
    free = policy(maximum=5, group=NodeGroup(name="pool", scale_down=True))
    assert look(free, 8, {"m": value}).decision.replicas == 5


# ------------------------------------------------------------ approval
def test_it_goes_to_the_limit_at_once_and_says_what_more_is_wanted() -> None:
    found = look(policy(above=6), 4, {"m": 300})
    assert (outcome(found), found.wanted, found.recommendation) == ((6, Reason.APPROVAL_NEEDED), 12, 12)
    assert found.decision.because == "m 300 of 100 over 4 pods asks for 12; above 6 somebody must approve"


def test_what_is_wanted_is_no_more_than_the_maximum() -> None:
    assert look(policy(above=6, maximum=10), 4, {"m": 300}).wanted == 10
    assert look(policy(above=6), 4, {"m": 300}, bounds=Bounds(ceiling=8)).wanted == 8


def test_up_to_the_limit_nobody_is_asked() -> None:
    found = look(policy(above=12), 4, {"m": 300})
    assert (outcome(found), found.wanted) == ((12, Reason.DESIRED_WITHIN_RANGE), None)


def test_at_the_limit_more_is_still_wanted() -> None:
    found = look(policy(above=6), 6, {"m": 200})
    assert (outcome(found), found.wanted) == ((6, Reason.APPROVAL_NEEDED), 12)


@pytest.mark.parametrize(
    ("pods", "outcome_", "wanted"),
    [(1, (5, Reason.SCALE_UP_LIMIT), None), (2, (6, Reason.APPROVAL_NEEDED), 12)],
)
def test_while_rates_keep_it_below_the_limit_nobody_is_asked(
    pods: int, outcome_: tuple[int, Reason], wanted: int | None
) -> None:
    slow = DeclaredBehavior(scale_up=rates((PODS, pods, 15)))
    found = look(policy(above=6, behavior=slow), 4, {"m": 300})
    assert (outcome(found), found.wanted) == (outcome_, wanted)


@pytest.mark.parametrize(("left", "replicas", "wanted"), [(1, 12, None), (0, 6, 12)])
def test_once_approved_there_is_no_limit_until_that_ends(
    left: int, replicas: int, wanted: int | None
) -> None:
    ceiling = Ceiling(by="ida", until=NOW + timedelta(seconds=left))
    found = look(policy(above=6, status=msgspec.structs.replace(SEEN, ceiling=ceiling)), 4, {"m": 300})
    assert (found.decision.replicas, found.wanted) == (replicas, wanted)


def test_what_is_above_the_limit_already_is_not_taken_down() -> None:
    more = look(policy(above=6), 8, {"m": 200})
    assert (outcome(more), more.wanted) == ((8, Reason.APPROVAL_NEEDED), 16)
    same = look(policy(above=6), 8, {"m": 100})
    assert (outcome(same), same.wanted) == ((8, Reason.DESIRED_WITHIN_RANGE), None)
    less = look(policy(above=6), 8, {"m": 88})
    assert (less.decision.replicas, less.wanted) == (8, None)
    assert look(policy(above=6), 8, {"m": 50}).decision.replicas == 4


# ------------------------------------------------------------ windows and reasons
def test_first_sight_holds_a_scale_down_for_the_window_and_no_scale_up() -> None:
    default = DeclaredBehavior()
    first = policy(behavior=default, status=Status())
    found = look(first, 4, {"m": 50})
    assert (outcome(found), found.recommendation) == ((4, Reason.SCALE_DOWN_STABILIZED), 2)
    assert look(first, 4, {"m": 150}).decision.replicas == 6
    assert look(policy(behavior=default), 4, {"m": 50}).decision.replicas == 2
    assert look(policy(status=Status()), 4, {"m": 50}).decision.replicas == 2, "a window of 0 s holds nothing"


def test_windows_are_named_in_either_direction() -> None:
    slow = DeclaredBehavior(scale_up=rates(window=60), scale_down=rates(window=60))
    up = policy(behavior=slow, status=Status(recommendations=recommended((30, 4))))
    assert outcome(look(up, 4, {"m": 300})) == (4, Reason.SCALE_UP_STABILIZED)
    assert outcome(look(up, 4, {"m": 50})) == (4, Reason.SCALE_DOWN_STABILIZED)
    over = policy(behavior=slow, status=Status(recommendations=recommended((60, 4))))
    assert [look(over, 4, {"m": value}).decision.replicas for value in (150, 50)] == [6, 2]


def test_a_window_that_holds_only_a_part_is_said_and_not_the_reason() -> None:
    window = DeclaredBehavior(scale_down=rates(window=60))
    it = policy(behavior=window, status=Status(recommendations=recommended((30, 3))))
    found = look(it, 4, {"m": 50})
    assert outcome(found) == (3, Reason.DESIRED_WITHIN_RANGE)
    assert found.decision.because == "m 50 of 100 over 4 pods asks for 2, 3 by the stabilisation window"


def test_when_nothing_ever_rang_nothing_is_asked() -> None:
    found = look(policy(), 4)
    assert (outcome(found), found.recommendation) == ((4, Reason.NOTHING_RINGS), None)


def test_where_steps_lead_down_an_alarm_that_is_over_asks_for_nothing() -> None:
    steps = (
        Step(type=StepType.PODS, value=2, lower_bound=0),
        Step(type=StepType.PODS, value=-1, upper_bound=0),
    )
    found = look(policy(steps=steps), 4, {"m": 50}, ok=("m",))
    assert (outcome(found), found.recommendation) == ((4, Reason.NOTHING_RINGS), None)


def test_the_reason_for_holding_is_that_of_the_alarm_that_counts() -> None:
    assert outcome(look(policy(), 4, {"m": 105})) == (4, Reason.WITHIN_TOLERANCE)
    assert outcome(look(policy(missing=4), 4, {"m": None})) == (4, Reason.METRIC_MISSING)
    stale = msgspec.structs.replace(SEEN, last_scale_time=NOW)
    assert outcome(look(policy(status=stale), 4, {"m": 300})) == (4, Reason.AWAITING_METRIC)
    assert outcome(look(policy(), 4, {"m": 300}, ok=("m",))) == (4, Reason.DESIRED_WITHIN_RANGE)


def test_a_disabled_direction_is_named_as_a_rate() -> None:
    no_down = DeclaredBehavior(
        scale_down=DeclaredRules(select_policy=SelectPolicy.DISABLED, stabilization_window_seconds=0)
    )
    assert outcome(look(policy(behavior=no_down), 4, {"m": 50})) == (4, Reason.SCALE_DOWN_LIMIT)


# ------------------------------------------------------------ as properties
alarms = st.lists(
    st.tuples(st.none() | st.floats(-10, 1000), st.sampled_from(["ALARM", "OK"])), min_size=0, max_size=4
)


@given(
    alarms=alarms,
    size=st.integers(0, 60).flatmap(lambda n: st.builds(Size, st.just(n), st.integers(0, n))),
    limits=st.tuples(st.integers(0, 10), st.integers(1, 40)),
    ceiling=st.none() | st.integers(0, 50),
    above=st.none() | st.integers(0, 9),
)
def test_never_outside_the_limits_and_never_above_approval_but_for_what_was_there(
    alarms: list[tuple[float | None, str]],
    size: Size,
    limits: tuple[int, int],
    ceiling: int | None,
    above: int | None,
) -> None:
    minimum, span = limits
    above = None if above is None else minimum + above
    it = policy(minimum=minimum, maximum=minimum + span, above=above)
    values = {str(place): value for place, (value, _) in enumerate(alarms)}
    ok = tuple(str(place) for place, (_, state) in enumerate(alarms) if state == State.OK)
    found = look(it, size, values, ok=ok, bounds=Bounds(ceiling=ceiling))
    replicas, reason = outcome(found)
    top = minimum + span if ceiling is None else min(minimum + span, ceiling)
    if reason is not Reason.SCALING_DISABLED:
        assert min(minimum, top) <= replicas <= top
    if above is not None and top >= above:
        assert replicas <= max(above, size.replicas)
        assert found.wanted is None or replicas < found.wanted <= top
    if not any(state == "ALARM" for _, state in alarms) and minimum <= size.replicas:
        assert replicas <= size.replicas, "nothing rings, nothing grows"
    if any(value is None for value, _ in alarms) and size.replicas <= top:
        assert replicas >= size.replicas, "nothing shrinks while something is not known"
