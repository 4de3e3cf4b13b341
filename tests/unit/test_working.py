"""A decision's arithmetic in lines, as somebody would check it by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bellhop.alarms.alarm import Datapoint
from bellhop.scaling.behavior import Behavior, Rate, RateType, Recommendation, Rules, ScaleEvent, SelectPolicy
from bellhop.scaling.decision import Case, Decision, Size, TargetType, decide
from bellhop.scaling.evaluation import evaluate
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Proposal, Reading
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import AlarmMatch, Approval, MetricTarget, ScaleTargetRef, Spec, Trigger
from bellhop.scaling.status import PastChange, PastRecommendation, Source, Status
from bellhop.scaling.working import lines

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CPU = Trigger(alarm=AlarmMatch(name="cpu"), target=MetricTarget(type=TargetType.VALUE, value=60))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def worked(
    value: float,
    size: Size,
    *,
    recommended: tuple[tuple[float, int], ...] = ((86_400, 4),),
    changes: tuple[tuple[float, int], ...] = (),
    above: int | None = None,
) -> tuple[str, ...]:
    """The lines of a whole look at a policy of 2 to 12 with the default behaviour."""
    status = Status(
        recommendations=tuple(PastRecommendation(at=ago(seconds), replicas=n) for seconds, n in recommended),
        scale_events=tuple(PastChange(at=ago(seconds), change=n) for seconds, n in changes),
    )
    spec = Spec(
        min_replicas=2,
        max_replicas=12,
        triggers=(CPU,),
        scale_target_ref=ScaleTargetRef(kind="Deployment", name="web"),
        approval=None if above is None else Approval(above=above),
    )
    it = Policy(
        namespace="shop", name="web", uid="u", generation=1, resource_version="1", spec=spec, status=status
    )
    source = Source(source="arn:cpu", name="cpu", state="ALARM", at=ago(90))
    reading = Reading(source, CPU, Datapoint(value, ago(0)), "CPUUtilization", readable=True)
    return evaluate(it, size, [reading], NOW).working


def rules(
    *found: tuple[RateType, int, int], window: int = 0, select: SelectPolicy = SelectPolicy.MAX
) -> Rules:
    each = tuple(Rate(type=t, value=value, period_seconds=period) for t, value, period in found)
    return Rules(stabilization_window_seconds=window, policies=each, select_policy=select)


def of_case(
    current: int, desired: int, *, up: Rules | None = None, down: Rules | None = None, **history: object
) -> tuple[str, ...]:
    default = Behavior()
    by = Behavior(scale_up=up or default.scale_up, scale_down=down or default.scale_down)
    recommended = history.get("recommended", ())
    changes = history.get("changes", ())
    assert isinstance(recommended, tuple)
    assert isinstance(changes, tuple)
    case = Case(
        Size(current, current),
        1,
        100,
        by,
        desired=desired,
        recommendations=[Recommendation(seconds_ago=ago, replicas=n) for ago, n in recommended],
        scale_events=[ScaleEvent(seconds_ago=ago, change=n) for ago, n in changes],
    )
    return lines(case, [proposal("a")], decide(case))


def proposal(name: str, *, working: str = "") -> Proposal:
    source = Source(source=f"arn:{name}", name=name, state="ALARM", at=NOW)
    return Proposal(source, f"{name} says", 6, working=working)


def test_a_way_up_is_written_out() -> None:
    assert worked(86, Size(4, 4)) == (
        "now 4 pods, 2 to 12 allowed",
        "CPUUtilization 86 of 60 over 4 pods: ratio 1.433; ceil(1.433 x 4) = 6",
        "scaleUp window 0 s: 6",
        "scaleUp at most 4 pods in 15 s or 100 % in 15 s, Max",
        "decided: 6 (DesiredWithinRange)",
    )


def test_a_way_up_that_the_rates_hold_says_what_was_added_already() -> None:
    assert worked(600, Size(4, 3), changes=((10, 3), (14.9, -1), (15, 50))) == (
        "now 3 ready of 4 pods, 2 to 12 allowed",
        "CPUUtilization 600 of 60 over 3 ready of 4 pods: ratio 10.000; ceil(10.000 x 3) = 30",
        "scaleUp window 0 s: 30",
        "scaleUp at most 4 pods in 15 s or 100 % in 15 s, Max; +2 in the last 15 s already",
        "decided: 6 (ScaleUpLimit)",
    )


def test_a_way_down_that_the_window_holds_is_written_out() -> None:
    assert worked(15, Size(8, 8), recommended=((299, 8), (120, 5), (15, 4))) == (
        "now 8 pods, 2 to 12 allowed",
        "CPUUtilization 15 of 60 over 8 pods: ratio 0.250; ceil(0.250 x 8) = 2",
        "scaleDown window 300 s: highest recommendation 8, so 8",
        "decided: 8 (ScaleDownStabilized)",
    )


def test_a_way_down_as_far_as_the_window_lets_it() -> None:
    assert worked(15, Size(8, 8), recommended=((300, 8), (120, 5), (15, 4))) == (
        "now 8 pods, 2 to 12 allowed",
        "CPUUtilization 15 of 60 over 8 pods: ratio 0.250; ceil(0.250 x 8) = 2",
        "scaleDown window 300 s: highest recommendation 5, so 5",
        "scaleDown at most 100 % in 15 s",
        "decided: 5 (DesiredWithinRange)",
    )


def test_staying_needs_no_window_and_no_rate() -> None:
    assert worked(63, Size(4, 4)) == (
        "now 4 pods, 2 to 12 allowed",
        "CPUUtilization 63 of 60 over 4 pods: ratio 1.050 is within 0.9 to 1.1: stays",
        "decided: 4 (WithinTolerance)",
    )


def test_without_approval_is_said_after_what_was_decided() -> None:
    assert worked(150, Size(4, 4), above=6)[-2:] == (
        "decided: 8 (ScaleUpLimit)",
        "without approval: 6 (ApprovalNeeded)",
    )


def test_a_window_up_takes_the_lowest_of_what_is_inside() -> None:
    up = rules((RateType.PODS, 4, 15), window=60)
    found = of_case(4, 9, up=up, recommended=((60, 2), (59, 5), (10, 7)))
    assert found[2:4] == (
        "scaleUp window 60 s: lowest recommendation 5, so 5",
        "scaleUp at most 4 pods in 15 s",
    )


def test_a_disabled_direction_is_said() -> None:
    down = rules((RateType.PODS, 4, 15), select=SelectPolicy.DISABLED)
    assert of_case(4, 2, down=down)[2:] == (
        "scaleDown window 0 s: 2",
        "scaleDown is disabled: 4",
        "decided: 4 (ScaleDownLimit)",
    )


def test_what_was_removed_is_said_with_its_sign() -> None:
    down = rules((RateType.PODS, 4, 15), (RateType.PERCENT, 50, 60), select=SelectPolicy.MIN)
    found = of_case(10, 2, down=down, changes=((59, -2), (60, -9)))
    assert found[3] == "scaleDown at most 4 pods in 15 s or 50 % in 60 s, Min; -2 in the last 60 s already"


def two(count: int) -> tuple[str, ...]:
    case = Case(Size(4, 4), 1, 100, Behavior(), desired=6)
    return lines(case, [proposal(f"m{place}") for place in range(count)], decide(case))


def test_of_several_alarms_each_is_written_out_and_then_the_largest() -> None:
    assert two(2)[1:4] == ("m0 says", "m1 says", "the largest: 6")
    assert "the largest: 6" not in two(1)


@pytest.mark.parametrize(("count", "said"), [(8, None), (9, "and 1 more"), (50, "and 42 more")])
def test_many_alarms_are_counted_and_not_written_out(count: int, said: str | None) -> None:
    found = two(count)
    assert len([line for line in found if line.endswith("says")]) == 8
    assert [line for line in found if "more" in line] == ([said] if said else [])
    assert len(found) <= 14


def test_the_working_goes_before_the_sentence() -> None:
    case = Case(Size(4, 4), 1, 100, Behavior(), desired=4)
    decision = Decision(4, Reason.WITHIN_TOLERANCE, "")
    assert lines(case, [proposal("m", working="6 x 7")], decision) == (
        "now 4 pods, 1 to 100 allowed",
        "6 x 7",
        "decided: 4 (WithinTolerance)",
    )


def test_lines_survive_the_api_server() -> None:
    found = worked(86, Size(4, 4))
    assert msgspec.json.decode(msgspec.json.encode(found), type=tuple[str, ...]) == found
