"""`python -m local.cluster` as a process: ready signal, token file, signals, refusals to start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cluster.running import write_certificate

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "local.cluster"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    certificate, key, ca_file = write_certificate(tmp_path)
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('admin-token,admin,1,"system:masters"\nlimited-token,bellhop,2\n')
    return {"certificate": str(certificate), "key": str(key), "ca": str(ca_file), "tokens": str(tokens)}


@pytest.fixture
def cluster(files: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    arguments = [
        "--certificate",
        files["certificate"],
        "--key",
        files["key"],
        "--token-file",
        files["tokens"],
    ]
    arguments += ["--control-port", "0", "--ready-file", str(tmp_path / "ready.json")]
    with subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_it_says_where_it_listens_once_it_does(
    cluster: tuple[subprocess.Popen[str], dict[str, Any]], files: dict[str, str], tmp_path: Path
) -> None:
    _, ready = cluster
    with requests.Session() as session:
        session.trust_env = False
        session.verify = files["ca"]
        version = session.get(f"{ready['url']}/version", timeout=10)
        session.headers["Authorization"] = "Bearer admin-token"
        namespaces = session.get(f"{ready['url']}/api/v1/namespaces", timeout=10)
        session.headers["Authorization"] = "Bearer limited-token"
        forbidden = session.get(f"{ready['url']}/api/v1/namespaces", timeout=10)

    assert version.json()["minor"] == "21"
    assert [each["metadata"]["name"] for each in namespaces.json()["items"]] == ["default", "kube-system"]
    assert 'User "bellhop" cannot list resource "namespaces"' in forbidden.json()["message"]
    assert requests.get(f"{ready['controlUrl']}/faults", timeout=10).json() == []
    assert ready["url"].endswith(f":{ready['port']}")
    assert json.loads((tmp_path / "ready.json").read_text()) == ready


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(
    cluster: tuple[subprocess.Popen[str], dict[str, Any]], number: signal.Signals
) -> None:
    process, _ = cluster

    process.send_signal(number)

    assert process.wait(5) == 0


def test_a_signal_ends_it_while_it_holds_a_request(
    cluster: tuple[subprocess.Popen[str], dict[str, Any]], files: dict[str, str]
) -> None:
    process, ready = cluster
    faults = f"{ready['controlUrl']}/faults"
    requests.post(faults, json={"path": "^/version$", "action": "hold-before"}, timeout=10)
    with ThreadPoolExecutor(1) as pool, requests.Session() as session:
        session.trust_env = False
        asked = pool.submit(session.get, f"{ready['url']}/version", verify=files["ca"], timeout=20)
        ends = time.monotonic() + 5
        while requests.get(faults, timeout=10).json()[0]["held"] == 0:
            assert time.monotonic() < ends

        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0
        assert isinstance(asked.exception(10), requests.ConnectionError)


def test_a_taken_port_is_said_so(files: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--certificate", files["certificate"], "--key", files["key"], "--port", port]
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
        )

    assert done.returncode == 2
    assert "cannot start" in done.stderr


def test_help_names_every_flag() -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )

    for flag in ("--certificate", "--token-file", "--sts-endpoint", "--pod-start-seconds", "--control-port"):
        assert flag in done.stdout


def test_its_port_can_be_taken_again_at_once(
    cluster: tuple[subprocess.Popen[str], dict[str, Any]], files: dict[str, str]
) -> None:
    process, ready = cluster
    with requests.Session() as session:
        session.trust_env = False
        session.get(f"{ready['url']}/version", timeout=10, verify=files["ca"])
        # The server ends first, with the connection open: its end of it lingers for a minute.
        process.send_signal(signal.SIGINT)
        process.wait(10)
    socket.create_server(("127.0.0.1", ready["port"])).close()
