"""`make replay`: what a file must be, what the figures are, and the same picture each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.replay.__main__ import main
from local.replay.faults import FileError
from local.replay.policy_file import read_policy, rehearsed
from local.replay.series_file import read_series

ROOT = Path(__file__).parents[2]
SERIES = ROOT / "local/replay/series"
POLICY = """\
apiVersion: bellhop.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: jobs, namespace: shop}
spec:
  scaleTargetRef: {kind: Deployment, name: jobs}
  maxReplicas: 10
  evaluateEverySeconds: 60
  triggers:
    - alarm: {name: backlog}
      target: {type: AverageValue, averageValue: 10}
"""
TINY = "time,value\n0,30\n60,30\n120,30\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return written(tmp_path / "policy.yaml", POLICY)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# ------------------------------------------------------------ series


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.csv: is empty"),
        ("\n \n", "s.csv: is empty"),
        ("time,value\n", "s.csv: has no value"),
        ("time,value\n0,\n60,\n", "s.csv: has no value"),
        ("at,value\n0,1\n", "s.csv:1: the columns must be time,value: found at,value"),
        ("time,value,unit\n0,1,x\n", "s.csv:1: the columns must be time,value: found time,value,unit"),
        ("time,value\n0,1\n60\n", "s.csv:3: has 1 cells, not 2"),
        ("time,value\n0,1\n60,nan\n", "s.csv:3: value nan is not finite"),
        ("time,value\n0,1\n60,-inf\n", "s.csv:3: value -inf is not finite"),
        ("time,value\n0,1e999\n", "s.csv:2: value 1e999 is not"),
        ("time,value\n0,-1\n", "s.csv:2: value -1 is negative"),
        ("time,value\n0,1.2k\n", "s.csv:2: value `1.2k` is not a number"),
        ("time,value\n0,1_000\n", "s.csv:2: value `1_000` is not a number"),
        ("time,value\n60,1\n0,1\n", "s.csv:3: time 0 is before the one above"),
        ("time,value\n60,1\n60,2\n", "s.csv:3: time 60 is there twice"),
        (
            "time,value\n0,1\n2026-11-20T12:00:00Z,1\n",
            "s.csv:3: times are RFC 3339 here and seconds in line 2",
        ),
        (
            "time,value\n2026-11-20T12:00:00Z,1\n0,1\n",
            "s.csv:3: times are seconds here and RFC 3339 in line 2",
        ),
        ("time,value\n2026-11-20T12:00:00,1\n", "s.csv:2: time `2026-11-20T12:00:00` has no offset"),
        ("time,value\nnoon,1\n", "s.csv:2: time `noon` is neither RFC 3339"),
        ("time,value\n-5,1\n", "s.csv:2: time -5 is not from 0"),
        ("time,value\n,1\n", "s.csv:2: has no time"),
        (
            "time,value\n0001-01-01T00:00:00+10:00,1\n",
            "s.csv:2: time `0001-01-01T00:00:00+10:00` is not of the",
        ),
        ("time,value\n2026-01-01T00:00:00Z,1\n2026-03-01T00:00:00Z,1\n", "s.csv:3: is more than 31 days"),
        ('time,value\n0,"1\n', "s.csv:2: is not CSV"),
    ],
)
def test_a_bad_csv_is_refused_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "s.csv", text)
    with pytest.raises(FileError) as error:
        read_series(path)
    assert str(error.value).startswith(f"{tmp_path}/{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "s.json:1: is not a list"),
        ("[]", "s.json: has no value"),
        ('[\n{"time": 0, "value": 1},\n{"time": 60}\n]', "s.json:3: is not an object of exactly"),
        ('[\n{"time": 0, "value": 1, "unit": "s"}]', "s.json:2: is not an object of exactly"),
        ('[{"time": 0, "value": NaN}]', "s.json:1: value nan is not finite"),
        ('[{"time": 0, "value": true}]', "s.json:1: `true` is neither a text nor a number"),
        ('[\n\n{"time": 0, "value": "many"}]', "s.json:3: value `many` is not a number"),
        ('[{"time": 0, "value": 1}\n{"time": 1, "value": 1}]', "s.json:2: is not JSON: expected , or ]"),
        ('[{"time": 0, "value": 1}', "s.json:1: is not JSON"),
        ('[{"time": 0, "value": 1}] x', "s.json:1: is not JSON: something follows"),
        ('[\n{"time": 0, "value": }]', "s.json:2: is not JSON: Expecting value"),
        (f'[{{"time": 0, "value": 1{"0" * 400}}}]', "s.json:1: value inf is not finite"),
        (f'[{{"time": 0, "value": 1{"0" * 5000}}}]', "s.json:1: is not JSON that makes sense"),
    ],
)
def test_a_bad_json_is_refused_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "s.json", text)
    with pytest.raises(FileError) as error:
        read_series(path)
    assert str(error.value).startswith(f"{tmp_path}/{said}")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(b"time,value\n0,\xff\n")
    for name, said in (("s.csv", "is not UTF-8"), ("none.csv", "no such file"), ("s.txt", "neither .csv")):
        if name == "s.txt":
            written(tmp_path / name, TINY)
        with pytest.raises(FileError, match=said):
            read_series(tmp_path / name)


def test_times_come_as_rfc_3339_or_as_seconds_and_no_value_is_none(tmp_path: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    rows = "\ufeffvalue,time\r\n1.5,2026-11-20T13:00:00+01:00\r\n\r\n,2026-11-20T12:01:00Z\r\n"
    found = read_series(written(tmp_path / "s.csv", rows))
    assert found.samples == ((noon, 1.5), (noon + timedelta(minutes=1), None))
    assert not found.counted
    text = '[{"time": 0.5, "value": "2"}, {"time": "60", "value": null}]'
    seconds = read_series(written(tmp_path / "s.json", text))
    zero = datetime.fromtimestamp(0, UTC)
    assert seconds.samples == ((zero + timedelta(seconds=0.5), 2.0), (zero + timedelta(minutes=1), None))
    assert seconds.counted


def test_values_below_zero_are_for_steps(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "time,value\n0,-4\n")
    assert read_series(path, negative=True).samples[0][1] == -4


# ------------------------------------------------------------ policy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml: has no ScalingPolicy"),
        ("a: [\n", "p.yaml:2: is not YAML"),
        ("kind: ConfigMap\n", "p.yaml: has no ScalingPolicy"),
        (
            POLICY.replace("maxReplicas: 10", "maxReplicas: 0"),
            "p.yaml: policy shop/jobs: maxReplicas 0 is below",
        ),
        (POLICY.replace("maxReplicas: 10", "maxReplicas: ten"), "p.yaml: policy shop/jobs: Expected `int`"),
        (POLICY.replace("v1alpha1", "v9"), "p.yaml: jobs: apiVersion bellhop.dev/v9 is not"),
        (POLICY[: POLICY.index("spec:")], "p.yaml: jobs has no spec"),
        (f"{POLICY}---\n{POLICY.replace('name: jobs, ', 'name: more, ')}", "p.yaml: has several policies"),
    ],
)
def test_a_bad_policy_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path / "p.yaml", text)
    with pytest.raises(FileError) as error:
        read_policy(path)
    assert str(error.value).startswith(f"{tmp_path}/{said}")


def test_of_several_policies_one_is_chosen_by_name(tmp_path: Path) -> None:
    other = POLICY.replace("name: jobs, ", "name: more, ")
    path = written(tmp_path / "p.yaml", f"kind: ConfigMap\n---\n{POLICY}---\n{other}")
    assert read_policy(path, "more").name == "more"
    with pytest.raises(FileError, match="has no ScalingPolicy named less; it has jobs, more"):
        read_policy(path, "less")


def test_what_keeps_a_policy_from_acting_is_left_out_and_said(tmp_path: Path) -> None:
    text = (
        f"{POLICY}  dryRun: true\n  paused: true\n  approval: {{above: 4}}\nstatus: {{currentReplicas: 9}}\n"
    )
    policy, remarks = rehearsed(read_policy(written(tmp_path / "p.yaml", text)))
    assert (policy.spec.dry_run, policy.spec.paused, policy.status.current_replicas) == (False, False, None)
    assert [remark.split()[0] for remark in remarks] == ["dryRun", "paused", "nobody"]


# ------------------------------------------------------------ the command


def test_the_figures_are_those_computed_by_hand(
    tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = written(tmp_path / "tiny.csv", TINY)
    assert main([str(policy), str(series), "-o", str(tmp_path / "tiny.svg"), "--table"]) == 0
    # A minute with 1 replica, until the first datapoint is there; two with 3: 7 minutes, 0.1167 hours.
    assert capsys.readouterr().out.splitlines() == [
        "shop/jobs: tiny.csv as as-is load, from 1 replica",
        "length            3m",
        "replica-hours     0.1",
        "scale-ups         1",
        "scale-downs       0",
        "changes per hour  20.00",
        "lowest, highest   1, 3 replicas",
        "over target       60 s (33.3%)",
        "without a value   0 s",
        "",
        f"{'time':<20} {'metric':>10} {'from':>5} {'to':>5}  reason",
        f"{'0:01:00':<20} {'30':>10} {'1':>5} {'3':>5}  DesiredWithinRange: metric 30 of 10 over 1 pod asks for 3",
        "",
        f"picture           {tmp_path}/tiny.svg",
    ]


def test_the_same_picture_is_the_same_bytes(tmp_path: Path, policy: Path) -> None:
    series = written(tmp_path / "tiny.csv", TINY)
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        assert main([str(policy), str(series), "-o", str(tmp_path / name)]) == 0
    svg, png = (tmp_path / "a.svg").read_bytes(), (tmp_path / "a.png").read_bytes()
    assert (svg, png) == ((tmp_path / "b.svg").read_bytes(), (tmp_path / "b.png").read_bytes())
    assert svg.startswith(b"<?xml")
    assert b"<dc:date>" not in svg
    assert png.startswith(b"\x89PNG")


def test_the_picture_is_named_after_the_series(
    tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    series = written(tmp_path / "tiny.csv", TINY)
    monkeypatch.chdir(tmp_path / "here")
    assert main([str(policy), str(series)]) == 0
    assert (tmp_path / "here/tiny.svg").exists()


@pytest.mark.parametrize("name", ["web-cpu.csv", "queue-depth.json"])
def test_what_is_shipped_plays(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    series = SERIES / name
    out = tmp_path / "out.svg"
    assert main([str(series.with_suffix(".yaml")), str(series), "-o", str(out)]) == 0
    assert "scale-ups         0" not in capsys.readouterr().out
    assert out.stat().st_size < 300_000


def test_a_load_that_is_shared_is_drawn_with_what_was_recorded(tmp_path: Path) -> None:
    sizes = []
    for load in ("shared", "as-is"):
        out = tmp_path / f"{load}.svg"
        arguments = [
            str(SERIES / "web-cpu.yaml"),
            str(SERIES / "web-cpu.csv"),
            "--load",
            load,
            "-o",
            str(out),
        ]
        assert main(arguments) == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] != sizes[1]


def test_a_file_that_cannot_be_used_ends_with_1(
    tmp_path: Path, policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = written(tmp_path / "s.csv", "time,value\n0,x\n")
    out = tmp_path / "out.svg"
    assert main([str(policy), str(series), "-o", str(out)]) == 1
    assert capsys.readouterr().err == f"{series}:2: value `x` is not a number\n"
    assert not out.exists()
    good = written(tmp_path / "g.csv", TINY)
    assert main([str(policy), str(good), "--trigger", "3", "-o", str(out)]) == 1
    assert main([str(policy), str(good), "-o", str(tmp_path / "none/out.svg")]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--load", "heavy"],
        ["-o", "out.pdf"],
        ["--trigger", "-1"],
        ["--start-replicas", "many"],
        ["--pods-start-after", "soon"],
        ["--period", "2h"],
        ["--threshold", "nan"],
    ],
)
def test_a_wrong_command_line_ends_with_2(wrong: list[str]) -> None:
    files = ["p.yaml", "s.csv"] if wrong else []
    with pytest.raises(SystemExit) as end:
        main([*files, *wrong])
    assert end.value.code == 2
