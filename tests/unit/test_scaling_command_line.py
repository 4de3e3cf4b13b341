"""`python -m bellhop.scaling`: the fields as documented, bad lines answered in their place."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.scaling.__main__ import run

ROOT = Path(__file__).parents[2]
BASE = {"current": 10, "minReplicas": 1, "maxReplicas": 1000}


def answers(*lines: str) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    code = run(lines, out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def answer(**fields: object) -> dict[str, Any]:
    code, (only,) = answers(json.dumps(BASE | fields))
    assert code == 0, only
    return only


def test_the_documented_example_by_its_own_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bellhop.scaling"],
        input=json.dumps(BASE | {"desired": 50}),
        env={"PYTHONPATH": str(ROOT / "layers/shared"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    documented = (ROOT / "docs/scaling.md").read_text()
    assert done.stdout.strip() == json.dumps(json.loads(done.stdout), separators=(",", ":"))
    assert json.dumps(json.loads(done.stdout)) in documented


def test_everything_a_case_can_say() -> None:
    decided = answer(
        ready=9,
        behavior={
            "scaleUp": {"policies": [{"type": "Pods", "value": 5, "periodSeconds": 60}], "tolerance": 0.2},
            "scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 60},
        },
        metrics=[
            {"type": "Value", "value": 8600, "target": 4400, "name": "cpu"},
            {"type": "AverageValue", "value": 10, "target": 5},
        ],
        recommendations=[{"secondsAgo": 120, "replicas": 4}],
        scaleEvents=[{"secondsAgo": 30, "change": 2}],
    )
    assert decided["replicas"] == 13
    assert decided["reason"] == "ScaleUpLimit"
    assert "cpu 8600 of 4400 over 9 ready of 10 pods asks for 18" in decided["because"]


def test_what_behavior_does_not_say_is_autoscaling_v2s_default() -> None:
    assert answer(desired=50, behavior={"scaleUp": {"tolerance": 0.5}})["replicas"] == 20
    recent = [{"secondsAgo": 299, "replicas": 8}]
    assert answer(desired=2, behavior={"scaleUp": {}}, recommendations=recent)["replicas"] == 8


def test_a_metric_that_could_not_be_read_is_null() -> None:
    missing = {"type": "Value", "value": None, "target": 60}
    assert answer(metrics=[missing])["reason"] == "MetricMissing"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"desired": 5, "metrics": [{"type": "Value", "value": 1, "target": 1}]},
        {"desired": -1},
        {"desired": 5, "minReplicas": 2000},
        {"desired": 5, "current": "10"},
        {"desired": 5, "replicas": 3},
        {"metrics": []},
        {"metrics": [{"type": "Percent", "value": 1, "target": 1}]},
        {"metrics": [{"type": "Value", "value": 1, "target": 0}]},
        {"metrics": [{"type": "Value", "value": "many", "target": 1}]},
        {"desired": 5, "behavior": {"scaleUp": {"policies": []}}},
        {
            "desired": 5,
            "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]}},
        },
        {"desired": 5, "scaleEvents": [{"secondsAgo": -1, "change": 1}]},
    ],
)
def test_a_line_that_is_no_case_is_answered_with_what_is_wrong(fields: dict[str, object]) -> None:
    code, (only,) = answers(json.dumps(BASE | fields))
    assert code == 1
    assert list(only) == ["error"]
    assert only["error"]


def test_a_bad_line_does_not_stop_the_others_and_blank_ones_are_passed_over() -> None:
    good = json.dumps(BASE | {"desired": 10})
    code, found = answers(good, "{", "", "NaN", good)
    assert code == 1
    assert [("replicas" in each) for each in found] == [True, False, False, True]


@given(line=st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_no_line_is_an_exception(line: str) -> None:
    code, found = answers(line)
    assert code in {0, 1}
    assert len(found) == bool(line.strip())
