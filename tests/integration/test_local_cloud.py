"""The parts of the local cloud that keep it tidy: processes, ports, the lock, the routes it adds."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import __main__ as runner
from local.deployment import routes
from local.ports import LOOPBACK, Ports
from local.processes import LocalCloudError, Process, run, start, wait_for

ENVIRONMENT = {"PATH": os.environ["PATH"]}
#: Starts a grandchild, says both ids, and waits; with "deaf", ignores interrupts.
FAMILY = """
import os, signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def family(folder: Path, *arguments: str) -> tuple[Process, list[int]]:
    command = [sys.executable, "-c", FAMILY, *arguments]
    process = start("family", command, environment=ENVIRONMENT, folder=folder, log=folder / "log")

    def said() -> list[int] | None:
        return [int(word) for word in process.log.read_text().split()] or None

    return process, wait_for(said, "the family's ids", seconds=10, process=process)


def test_stopping_a_process_stops_all_it_started(tmp_path: Path) -> None:
    process, ids = family(tmp_path)
    assert all(is_alive(one) for one in ids)
    process.stop()
    wait_for(lambda: not any(is_alive(one) for one in ids), "the whole family to be gone", seconds=5)


def test_what_ignores_the_interrupt_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.processes._PATIENCE_SECONDS", 0.3)
    process, ids = family(tmp_path, "deaf")
    process.stop()
    wait_for(lambda: not any(is_alive(one) for one in ids), "the whole family to be gone", seconds=5)


def test_what_was_started_ends_when_its_runner_is_killed_outright(tmp_path: Path) -> None:
    started = (
        "import sys, time; from pathlib import Path; from local.processes import start\n"
        "p = start('x', [sys.executable, '-c', 'import time; time.sleep(600)'],"
        " environment={}, folder=Path('.'), log=Path(sys.argv[1]))\n"
        "print(p.popen.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", started, str(tmp_path / "log")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as killed:
        assert killed.stdout is not None
        child = int(killed.stdout.readline())
        # It has become the command once its wrapper is through with telling the kernel.
        command_line = Path(f"/proc/{child}/cmdline")
        wait_for(lambda: "local.child" not in command_line.read_text(), "the command", seconds=10)
        killed.send_signal(signal.SIGKILL)
    wait_for(lambda: not is_alive(child), "the orphan to end", seconds=10)


def test_a_command_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"]
    with pytest.raises(LocalCloudError, match=r"probe failed with 3(.|\n)*what went wrong"):
        run("probe", command, environment=ENVIRONMENT, folder=tmp_path, log=tmp_path / "log")


def test_waiting_ends_when_the_process_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('gone')"]
    process = start("probe", command, environment=ENVIRONMENT, folder=tmp_path, log=tmp_path / "log")
    with pytest.raises(LocalCloudError, match=r"probe ended with 0(.|\n)*gone"):
        wait_for(lambda: None, "nothing", seconds=30, process=process)


def test_a_taken_port_is_named_with_the_way_to_choose_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.ports._PATIENCE_SECONDS", 0.0)
    with socket.create_server((LOOPBACK, 0)) as taken:
        ports = Ports(aws=taken.getsockname()[1], cluster=0, control=0, chat=0)
        with pytest.raises(LocalCloudError, match=r"\(aws\): free it, or set BELLHOP_PORT_AWS"):
            ports.require_free()


def test_ports_are_chosen_by_the_environment_and_checked() -> None:
    assert Ports.chosen({"BELLHOP_PORT_CHAT": "9000"}) == Ports(chat=9000)
    for wrong in ("0", "70000", "http"):
        with pytest.raises(LocalCloudError, match="BELLHOP_PORT_CHAT"):
            Ports.chosen({"BELLHOP_PORT_CHAT": wrong})


def test_a_second_local_cloud_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with runner._only_one(tmp_path):
        (tmp_path / "local.json").write_text('{"pid": 4711, "aws_url": "http://127.0.0.1:4566"}')
        again = "import sys; from pathlib import Path; from local.__main__ import _only_one\n"
        again += "with _only_one(Path(sys.argv[1])): pass"
        second = subprocess.run(
            [sys.executable, "-c", again, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode != 0
        assert "up already (process 4711, http://127.0.0.1:4566)" in second.stderr
    with runner._only_one(tmp_path):
        assert not (tmp_path / "local.json").exists()


def test_routes_are_read_from_the_processed_template() -> None:
    def operation(function: str) -> dict[str, object]:
        uri = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${{{function}.Arn}}/invocations"
        return {"x-amazon-apigateway-integration": {"uri": {"Fn::Sub": uri}}}

    paths = {
        "/health": {"get": operation("ApiFunction")},
        "/slack/commands": {"post": operation("WebhooksFunction")},
    }
    resources = {
        "HttpApi": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"paths": paths}}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
    }
    assert list(routes(resources)) == [
        ("GET /health", "ApiFunction"),
        ("POST /slack/commands", "WebhooksFunction"),
    ]
