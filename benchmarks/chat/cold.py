"""Milliseconds from starting a process to its first acknowledgement: interpreter, imports, wiring, one event."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import ROOT
from benchmarks.chat.command import environment, signed_event, status
from benchmarks.chat.warm import PEER
from benchmarks.measuring import Sample
from benchmarks.results import Row

_QUICK, _FULL = 7, 25
_FILES = {"Bellhop": "our_door.py", PEER: "bolt_app.py"}
#: All that either side would ship. Nothing else is found: botocore also loads awscrt and OpenSSL where a development
#: environment has them.
_SHIPPED = (
    *("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"),
    *("slack_bolt", "slack_sdk"),
)


def measure(*, full: bool) -> Iterator[Row]:
    sides = list(_FILES)
    taken: dict[str, list[float]] = {side: [] for side in sides}
    with _packages() as packages:
        for side in sides:
            first_answer(side, packages)  # it compiles
        for round_ in range(_FULL if full else _QUICK):
            for side in sides if round_ % 2 == 0 else reversed(sides):
                taken[side].append(first_answer(side, packages) * 1e3)
    ours, peer = (Sample(tuple(taken[side])) for side in sides)
    case = "cold, process start to the first acknowledgement"
    ratio = ours.over(peer).median
    yield Row("chat", case, "ms", ours.median, ours.quartiles, peer=PEER, ratio=ratio)
    yield Row("chat", f"{case}: slack_bolt", "ms", peer.median, peer.quartiles)


@contextmanager
def _packages() -> Iterator[Path]:
    installed = Path(sysconfig.get_path("purelib"))
    with tempfile.TemporaryDirectory() as folder:
        for name in _SHIPPED:
            (Path(folder) / name).symlink_to(installed / name)
        yield Path(folder)


def first_answer(side: str, packages: Path) -> float:
    """Seconds. packages: a folder with them, which gets all bytecode: none in the source tree is read or written."""
    path = (ROOT / "layers/shared", ROOT / "functions/webhooks", packages)
    given = {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONPYCACHEPREFIX": str(packages / "bytecode")}
    # -S and -P: the path is as on Lambda, without what a development environment adds at start.
    command = [sys.executable, "-X", "frozen_modules=on", "-S", "-P"]
    file = Path(__file__).with_name(_FILES[side])
    event = json.dumps(signed_event())
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, str(file), event],
        env=environment() | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        line = process.stdout.readline()
        took = time.perf_counter() - began
        _, said = process.communicate(timeout=60)
    if not line or status(json.loads(line)) != 200:
        raise RuntimeError(f"{side}: {line or said}")
    return took
