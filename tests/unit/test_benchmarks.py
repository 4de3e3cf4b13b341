"""The benchmarks' own arithmetic, budgets and file of results. Nothing is timed here."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from bellhop.scaling.policy import parse_policy
from benchmarks import ROOT
from benchmarks.__main__ import SUBJECTS, main
from benchmarks.chat.command import signed_event, status
from benchmarks.chat.warm import BARE, PEER, WHOLE, sides
from benchmarks.measuring import Sample, collector_off, interleaved
from benchmarks.results import Row, Run, merge, read, table
from benchmarks.scaling.objects import as_read, mixed_policies
from benchmarks.scaling.reaction import polling_delay
from local.processes import LocalCloudError


def row(case: str = "case", *, median: float = 2.0, budget: float | None = None, subject: str = "one") -> Row:
    return Row(subject, case, "ms", median, (1.0, 3.0), budget=budget)


def run(subject: str, *rows: Row) -> Run:
    return Run(subject, "quick", "2026-11-20T12:00:00+00:00", "2 cores", rows)


# ------------------------------------------------------------ samples
def test_a_sample_tells_its_median_quartiles_and_range() -> None:
    sample = Sample((5.0, 1.0, 3.0, 2.0, 4.0))
    assert (sample.median, sample.quartiles, sample.range) == (3.0, (2.0, 4.0), (1.0, 5.0))


def test_a_single_value_is_its_own_spread() -> None:
    assert Sample((2.5,)).quartiles == (2.5, 2.5)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert Sample(tuple(range(100, 0, -1))).percentile(share) == value


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was four times as slow in the second round: for both, so that the ratio is the same.
    ours, peer = Sample((1.0, 4.0, 1.0)), Sample((2.0, 8.0, 3.0))
    assert peer.over(ours).values == (2.0, 2.0, 3.0)


def test_a_sample_in_another_unit() -> None:
    assert Sample((0.5, 2.0)).times(1e3).values == (500.0, 2000.0)


# ------------------------------------------------------------ measuring
def test_every_round_runs_all_and_begins_with_another_one() -> None:
    called: list[str] = []
    ticks = itertools.count()
    found = interleaved(
        {name: lambda name=name: called.append(name) for name in "ab"},  # type: ignore[misc]
        rounds=3,
        least_seconds=0,
        clock=lambda: float(next(ticks)),
    )
    warming, rounds = called[:4], called[4:]
    assert warming == ["a", "a", "b", "b"]
    assert rounds == ["a", "b", "b", "a", "a", "b"]
    assert {name: sample.values for name, sample in found.items()} == {"a": (1.0,) * 3, "b": (1.0,) * 3}


def test_what_is_quick_is_called_often_enough_and_told_for_one_call() -> None:
    now, calls = 0.0, 0

    def act() -> None:
        nonlocal now, calls
        now += 0.25
        calls += 1

    found = interleaved({"quick": act}, rounds=2, least_seconds=1.0, clock=lambda: now)
    assert found["quick"].values == (0.25, 0.25)
    assert calls == 2 + 2 * 4


def test_the_collector_is_off_and_as_it_was_afterwards() -> None:
    assert gc.isenabled()
    with collector_off():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_delay_of_polling_is_uniform() -> None:
    found = [polling_delay(interval, share) for interval in (15, 30) for share in (0.5, 0.99)]
    assert found == pytest.approx([7.5, 14.85, 15.0, 29.7])


# ------------------------------------------------------------ results
@pytest.mark.parametrize(("budget", "ok"), [(None, True), (2.0, True), (1.99, False)])
def test_a_budget_is_kept_up_to_its_value(budget: float | None, ok: bool) -> None:
    assert row(budget=budget).ok is ok
    assert row(budget=budget).document()["ok"] is ok


def test_results_of_other_subjects_are_kept_and_the_subjects_own_replaced(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    other = run("two", row(subject="two"))
    merge(file, [run("one", row("old")), other])
    merge(file, [run("one", row("new", budget=5.0))])
    assert read(file) == {"one": run("one", row("new", budget=5.0)), "two": other}


def test_the_table_shows_what_missed_its_budget_and_what_has_none() -> None:
    lines = table([row("kept", budget=2.0), row("missed", budget=1.0), row("free")]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [line[0] for line in cells[2:]] == ["kept", "missed", "free"]
    assert [line[6:8] for line in cells[2:]] == [["2", "yes"], ["1", "NO"], ["", ""]]
    assert len({len(line) for line in lines}) == 1


# ------------------------------------------------------------ the command
def test_a_missed_budget_is_exit_code_1_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    rows = [row("kept", budget=2.0), row("missed", budget=1.0)]
    assert main(["--out", str(file)], {"one": lambda _full: rows}) == 1
    assert "missed: missed: 2 ms, budget 1" in capsys.readouterr().err
    assert read(file)["one"].rows == tuple(rows)


def test_only_the_subjects_that_are_named_are_run(tmp_path: Path) -> None:
    ran: list[tuple[str, bool]] = []

    def subject(name: str, full: bool) -> Iterator[Row]:
        ran.append((name, full))
        yield row(subject=name)

    subjects = {name: lambda full, name=name: subject(name, full) for name in ("one", "two")}
    out = ["--out", str(tmp_path / "results.json")]
    assert main(["two", "--full", *out], subjects) == 0
    assert main(out, subjects) == 0
    assert ran == [("two", True), ("one", False), ("two", False)]


def test_an_unknown_subject_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["nothing"])
    assert left.value.code == 2
    assert "no such subject: nothing; there is scaling" in capsys.readouterr().err


def test_without_a_local_cloud_nothing_is_kept(tmp_path: Path) -> None:
    def away(_full: bool) -> list[Row]:
        raise LocalCloudError("port 4566 is taken")

    file = tmp_path / "results.json"
    assert main(["--out", str(file)], {"one": away}) == 2
    assert not file.exists()


# ------------------------------------------------------------ what is measured
def test_the_thousand_policies_are_sound_and_mixed() -> None:
    parsed = [parse_policy(as_read(manifest, i)) for i, manifest in enumerate(mixed_policies(8))]
    assert [policy.problem() for policy in parsed] == [None] * 8
    alarms = [t.alarm for policy in parsed for t in policy.spec.triggers if t.alarm is not None]
    assert sum(alarm.name is not None for alarm in alarms) == 4
    assert sum(alarm.pattern is not None for alarm in alarms) == 4
    assert sum(alarm.arn is not None for alarm in alarms) == 4
    assert sum(t.alert is not None for policy in parsed for t in policy.spec.triggers) == 4


def test_the_door_and_its_peer_acknowledge_what_is_signed_and_refuse_what_is_not() -> None:
    with sides() as answering:
        found = {
            side: (status(answer(signed_event())), status(answer(signed_event("another secret"))))
            for side, answer in answering.items()
        }
    assert found == dict.fromkeys((BARE, WHOLE, PEER), (200, 401))


def test_the_newest_figures_are_those_the_page_shows() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text()
    kept = read(ROOT / "benchmarks/results.json")
    assert kept.keys() <= SUBJECTS.keys()
    for newest in kept.values():
        assert [row.case for row in newest.rows if f"| {row.case} |" not in page] == []
