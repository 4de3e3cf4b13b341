"""What `make build` made: complete, and with bytecode that stays valid whatever times the files have."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from local.environment import ROOT

BUILD = ROOT / ".aws-sam/build"
HANDLERS = {
    "ApiFunction": "api",
    "CommandsFunction": "commands",
    "NotificationsFunction": "notifications",
    "ScalingFunction": "scaling",
    "WebhooksFunction": "webhooks",
}
#: Imports the handler with nothing but the layer and the function on the path, and names every file compiled.
PROBE = """
import json, sys
layer, function, module = sys.argv[1:]
compiled = []
def heard(event, arguments):
    if event == "compile" and str(arguments[1]).endswith(".py"):
        compiled.append(str(arguments[1]))
sys.addaudithook(heard)
sys.path[:0] = [function, layer]
__import__(module)
outside = [m.__file__ for m in list(sys.modules.values()) if "site-packages" in str(getattr(m, "__file__", ""))]
print(json.dumps({"compiled": compiled, "outside": outside, "modules": len(sys.modules)}))
"""


@pytest.fixture(scope="module")
def opt(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer, read-only, its files' times as a zip's: the same for all, older than any source."""
    assert cloud.deployment.root == ROOT
    return installed(BUILD / "SharedLayer", tmp_path_factory.mktemp("opt") / "layer")


def installed(built: Path, where: Path) -> Path:
    shutil.copytree(built, where)
    for path in (*where.rglob("*"), where):
        os.utime(path, (315532800, 315532800))
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return where


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("function", sorted(HANDLERS))
def test_a_function_from_the_built_artifact_compiles_nothing(
    function: str, opt: Path, tmp_path: Path
) -> None:
    task = installed(BUILD / function, tmp_path / "task")
    before = files(opt) | files(task)
    probe = subprocess.run(
        [sys.executable, "-S", "-E", "-c", PROBE, str(opt / "python"), str(task), HANDLERS[function]],
        env={"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert probe.returncode == 0, probe.stderr
    seen = json.loads(probe.stdout)
    assert seen["compiled"] == []
    assert seen["outside"] == []  # all of it came from the artifact or the standard library
    assert files(opt) | files(task) == before


def test_the_probe_sees_what_is_compiled(opt: Path, tmp_path: Path) -> None:
    (tmp_path / "fresh.py").write_text("x = 1\n")
    probe = subprocess.run(
        [sys.executable, "-S", "-E", "-B", "-c", PROBE, str(opt / "python"), str(tmp_path), "fresh"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(probe.stdout)["compiled"] == [str(tmp_path / "fresh.py")]


def test_no_development_tool_is_in_the_layer(opt: Path) -> None:
    shipped = {path.name.partition("-")[0].lower() for path in (opt / "python").glob("*.dist-info")}
    assert {"boto3", "lightkube", "msgspec", "requests", "aws_lambda_powertools"} <= shipped
    assert not shipped & {
        "pytest",
        "moto",
        "mypy",
        "ruff",
        "aws_sam_cli",
        "hypothesis",
        "trustme",
        "slack_sdk",
    }
