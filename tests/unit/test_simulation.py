"""Playing a policy over time: it settles where the load is carried, and keeps every promise on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bellhop.errors import InvalidInputError, RefusedError
from bellhop.scaling.decision import Size
from bellhop.scaling.evaluation import Bounds
from bellhop.scaling.playing import Played, play
from bellhop.scaling.policy import Policy, parse_policy
from bellhop.scaling.simulated_load import Load, Pods, Series, held, usual_spacing
from bellhop.scaling.simulation import as_text, simulate

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CPU = {"alarm": {"name": "web-cpu-high"}, "target": {"type": "Value", "value": 60}}
BACKLOG = {"alarm": {"pattern": "jobs-*"}, "target": {"type": "AverageValue", "averageValue": 100}}
STEPS = {
    "alarm": {"name": "jobs-old"},
    "threshold": 100,
    "steps": [
        {"type": "Pods", "value": 1, "lowerBound": 0, "upperBound": 50},
        {"type": "Pods", "value": 4, "lowerBound": 50},
    ],
}


def policy(*triggers: dict[str, Any], status: dict[str, Any] | None = None, **spec: Any) -> Policy:
    whole = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 100,
        "triggers": list(triggers or (CPU,)),
    } | spec
    metadata = {"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "1"}
    return parse_policy({"metadata": metadata, "spec": whole, "status": status})


def until(value: float | None, minutes: float, then: float | None) -> Series:
    return lambda at: value if at < NOON + minutes * MINUTE else then


def played(
    given: Policy, series: Series | float, *, pods: int = 4, minutes: int = 30, **options: Any
) -> Played:
    flat: Series = series if callable(series) else lambda _: series
    options = {"load": Load.SHARED} | options
    end = NOON + minutes * MINUTE
    return play(given, size=Size(pods, pods), series=flat, start=NOON, until=end, **options)


def changes(result: Played) -> list[tuple[int, int, int]]:
    """(seconds from the start, from, to)"""
    found = [(t.at - NOON, t.replicas, t.desired) for t in result.ticks if t.change]
    return [(int(passed.total_seconds()), before, after) for passed, before, after in found]


def test_a_sustained_load_settles_and_does_not_compound() -> None:
    assert changes(played(policy(), 86)) == [(60, 4, 6)]


@pytest.mark.parametrize("seconds", [0, 30, 120, 300])
def test_slow_pods_do_not_compound_either(seconds: int) -> None:
    assert changes(played(policy(), 86, pods_start_after=timedelta(seconds=seconds))) == [(60, 4, 6)]


def test_a_load_taken_as_it_is_grows_to_the_maximum() -> None:
    assert played(policy(), 86, load=Load.AS_IS).ticks[-1].desired == 100


def test_a_load_that_ends_goes_back_to_the_minimum_and_round_no_window() -> None:
    result = played(policy(), until(86, 10, 0))
    (up, *_), (down, before, after) = changes(result)[0], changes(result)[-1]
    assert (up, before, after) == (60, 6, 2)
    # Measured at 660 s for the first time; until then 6 was recommended, and that holds for 300 s.
    assert 645 + 300 <= down <= 660 + 315
    assert result.ticks[-1].desired == 2


def test_rates_hold_the_way_up_and_it_goes_on_to_its_end() -> None:
    slow = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}
    result = played(policy(BACKLOG, behavior=slow), 800, load=Load.AS_IS)
    assert changes(result) == [(60, 4, 5), (120, 5, 6), (180, 6, 7), (240, 7, 8)]
    assert [t.reason for t in result.ticks if t.change][:3] == ["ScaleUpLimit"] * 3


def test_missing_data_holds_until_there_is_some_again() -> None:
    result = played(
        policy(),
        lambda at: None if 5 <= (at - NOON) / MINUTE < 20 else 86.0 if at < NOON + 5 * MINUTE else 6.0,
    )
    missing = [t for t in result.ticks if t.reason == "MetricMissing"]
    assert missing
    assert {t.desired for t in missing} == {6}
    assert missing[-1].because == "web-cpu-high has no data (INSUFFICIENT_DATA): held"
    assert result.ticks[-1].desired == 2


def test_steps_are_taken_for_each_datapoint_measured_after_the_last_one() -> None:
    result = played(policy(STEPS), 180, load=Load.AS_IS, pods=2, minutes=6)
    assert changes(result) == [(60, 2, 6), (180, 6, 10), (300, 10, 14)]
    quiet = played(policy(STEPS), 100, load=Load.AS_IS, pods=2)
    assert changes(quiet) == []


def test_steps_for_low_values_ring_below_the_threshold() -> None:
    idle = {
        "alarm": {"name": "idle"},
        "threshold": 20,
        "steps": [{"type": "Pods", "value": -1, "upperBound": 0}],
    }
    fast = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    result = played(policy(idle, behavior=fast), 5, load=Load.AS_IS, minutes=10)
    assert result.ticks[-1].desired == 2
    assert changes(played(policy(idle, behavior=fast), 50, load=Load.AS_IS)) == []


def test_steps_without_a_threshold_need_one() -> None:
    bare = {key: value for key, value in STEPS.items() if key != "threshold"}
    with pytest.raises(InvalidInputError, match="threshold"):
        played(policy(bare), 180)
    assert changes(played(policy(bare), 180, threshold=100, load=Load.AS_IS, pods=2, minutes=2))


def test_a_pushed_alert_counts_once_for_each_value() -> None:
    alert: dict[str, Any] = {
        "alert": {"matchLabels": {"severity": "page"}},
        "target": {"type": "Value", "value": 60},
    }
    result = played(policy(alert), 86, load=Load.AS_IS, repeated_every=5 * MINUTE)
    assert changes(result) == [(60, 4, 6)]
    by_annotation = {**alert["alert"], "valueFrom": {"annotation": "cpu"}}
    assert changes(played(policy({**alert, "alert": by_annotation}), 86, load=Load.AS_IS)) == [(60, 4, 6)]


def test_an_alert_that_ends_asks_for_the_minimum_after_the_window() -> None:
    alert = {"alert": {"matchLabels": {"alertname": "Hot"}}, "target": {"type": "Value", "value": 60}}
    result = played(policy(alert), until(86, 5, 10), load=Load.AS_IS)
    assert changes(result)[0] == (60, 4, 6)
    assert changes(result)[-1][1:] == (6, 2)


def test_only_the_chosen_trigger_rings() -> None:
    both = policy(CPU, BACKLOG)
    assert changes(played(both, 800, trigger=1, load=Load.AS_IS, minutes=2)) == [(60, 4, 8)]
    with pytest.raises(InvalidInputError, match="there is no 2"):
        played(both, 800, trigger=2)


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(RefusedError, match="maxReplicas 1 is below"):
        played(policy(maxReplicas=1), 86)


def test_without_a_ready_pod_nothing_is_measured_and_nothing_changes() -> None:
    options: dict[str, Any] = {"start": NOON, "until": NOON + 5 * MINUTE, "load": Load.SHARED}
    result = play(
        policy(), size=Size(4, 0), series=lambda _: 86.0, pods_start_after=timedelta(hours=1), **options
    )
    assert [point.value for point in result.measured] == [None] * 5
    assert changes(result) == []


def test_bounds_of_the_target_hold() -> None:
    assert played(policy(), 500, bounds=Bounds(ceiling=7)).ticks[-1].desired == 7


def test_pods_that_are_not_ready_yet_go_first() -> None:
    pods = Pods(Size(2, 2), NOON, MINUTE)
    pods.resize(NOON, 5)
    assert pods.size == Size(5, 2)
    pods.resize(NOON, 3)
    pods.advance(NOON + MINUTE)
    assert pods.size == Size(3, 3)
    pods.resize(NOON + 2 * MINUTE, 1)
    assert [pods.ready_at(NOON + minutes * MINUTE) for minutes in (-1, 0, 1, 2)] == [2, 2, 3, 1]


def test_a_recorded_value_lasts_until_the_next_and_no_longer_than_usual() -> None:
    samples = [(NOON, 1.0), (NOON + MINUTE, 2.0), (NOON + 2 * MINUTE, None), (NOON + 5 * MINUTE, 3.0)]
    assert usual_spacing([at for at, _ in samples]) == MINUTE
    series = held(samples, MINUTE)
    asked: Sequence[float] = (-0.1, 0, 0.99, 1.5, 2, 4, 5.5, 6)
    assert [series(NOON + at * MINUTE) for at in asked] == [None, 1, 1, 2, None, None, 3, None]


# ------------------------------------------------------------ simulate


def test_simulate_starts_from_the_status_and_decides_at_once() -> None:
    now = NOON + timedelta(seconds=20)
    found = simulate(policy(status={"currentReplicas": 4}), 86, now=now)
    assert (found.now.at, found.now.replicas, found.now.desired) == (now, 4, 6)
    assert found.later == ()
    assert as_text(found) == [
        "if shop/web measured 86 now:",
        "  now 4 pods, 2 to 100 allowed",
        "  metric 86 of 60 over 4 pods: ratio 1.433; ceil(1.433 x 4) = 6",
        "  scaleUp window 0 s: 6",
        "  scaleUp at most 4 pods in 15 s or 100 % in 15 s, Max",
        "  decided: 6 (DesiredWithinRange)",
        "then, for 10 minutes:",
        "  stays at 6 replicas (WithinTolerance)",
        "assumed:",
        "  from 4 pods, as the status says, all of them ready",
        "  the load is shared: with more pods ready the metric falls",
        "  new pods are ready after 30s",
        "  web-cpu-high rings above 60",
    ]


def test_simulate_says_when_each_change_comes() -> None:
    found = simulate(policy(), 500, now=NOON + timedelta(seconds=20))
    assert [(t.at - found.now.at).total_seconds() for t in found.later] == [15, 30]
    text = as_text(found)
    assert any(line.startswith("  +15s  6 -> 12 (ScaleUpLimit): ") for line in text)
    assert "  stays at 17 replicas from +30s (WithinTolerance)" in text
    assert "  from 2 pods, minReplicas, since the status does not say how many there are" in text


def test_simulate_says_whether_it_has_settled() -> None:
    slow = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}
    now = NOON + timedelta(seconds=5)
    up = as_text(simulate(policy(behavior=slow, maxReplicas=500), 6000, now=now, minutes=1))
    assert "  still changing after 1 minute: 7 replicas" in up
    down = as_text(simulate(policy(status={"currentReplicas": 4}), 10, now=now))
    assert "  stays at 2 replicas from +5m 10s (TooFewReplicas)" in down


def test_simulate_goes_by_what_the_status_remembers() -> None:
    before = {
        "currentReplicas": 6,
        "recommendations": [{"at": "2026-11-20T11:58:00Z", "replicas": 6}],
        "scaleEvents": [{"at": "2026-11-20T11:59:55Z", "change": 2}],
        "lastScaleTime": "2026-11-20T11:59:55Z",
    }
    down = simulate(policy(status=before), 10, now=NOON)
    assert (down.now.desired, down.now.reason) == (6, "ScaleDownStabilized")
    # 6 pods since 5 s ago, 4 before: of 100 % in 15 s and 4 pods in 15 s the larger is 8.
    up = simulate(policy(status=before), 300, now=NOON)
    assert (up.now.desired, up.now.reason) == (8, "ScaleUpLimit")


def test_simulate_takes_the_rung_alarm_from_the_status() -> None:
    rung = {
        "currentReplicas": 4,
        "triggers": [
            {"source": "arn:aws:cloudwatch:eu-west-1:1:alarm:jobs-old", "name": "jobs-old", "state": "ALARM"}
            | {"at": "2026-11-20T11:50:00Z", "threshold": 100}
        ],
    }
    bare = {key: value for key, value in STEPS.items() if key != "threshold"}
    found = simulate(policy(bare, status=rung), 120, now=NOON)
    assert (found.now.desired, found.now.because) == (5, "metric 120, +20 from 100: step +1 pods asks for 5")


def test_simulate_never_approves_and_says_that_dry_run_is_left_out() -> None:
    given = policy(BACKLOG, approval={"above": 8}, dryRun=True)
    found = simulate(given, 1500, now=NOON)
    assert (found.last.desired, found.last.reason) == (8, "ApprovalNeeded")
    assert "nobody approves" in found.assumption
    assert "dryRun is left out" in found.assumption


def test_a_paused_policy_does_nothing_and_says_so() -> None:
    text = as_text(simulate(policy(paused=True), 500, now=NOON))
    assert text[1:4] == ["  the policy says paused: true", "  decided: 2 (Paused)", "then, for 10 minutes:"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_simulate_refuses_values_that_make_no_sense(value: float) -> None:
    with pytest.raises(InvalidInputError):
        simulate(policy(), value, now=NOON)


def test_simulate_refuses_no_time_and_too_much_of_it() -> None:
    for minutes in (0, 1441):
        with pytest.raises(InvalidInputError, match="minutes"):
            simulate(policy(), 86, now=NOON, minutes=minutes)


def test_the_text_stays_short_whatever_happens() -> None:
    slow = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}
    text = as_text(simulate(policy(behavior=slow), 3000, now=NOON, minutes=60))
    assert len(text) <= 25
    assert any("changes more" in line for line in text)


def test_simulating_changes_nothing() -> None:
    given = policy(status={"currentReplicas": 4})
    before = msgspec.json.encode(given)
    simulate(given, 500, now=NOON)
    assert msgspec.json.encode(given) == before
