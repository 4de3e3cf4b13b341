"""Processes that live as long as the local cloud: started in groups of their own, stopped with all they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: MiniStack ends its workers within 3 s of an interrupt; what takes longer than this is killed.
_PATIENCE_SECONDS = 8.0
_LOOK_EVERY_SECONDS = 0.05


class LocalCloudError(Exception):
    """The local cloud cannot start or go on. The message says what happened and what to do next."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process and the file that has all it says."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def require_running(self) -> None:
        """Raise LocalCloudError, with the end of its log, when it has ended."""
        if self.popen.poll() is not None:
            raise LocalCloudError(
                f"{self.name} ended with {self.popen.returncode}; the end of {self.log}:\n{tail(self.log)}"
            )

    def stop(self) -> None:
        """Interrupt the whole group, wait, and kill what is left of it."""
        _signal_group(self.popen.pid, signal.SIGINT)
        try:
            self.popen.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal_group(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


def start(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> Process:
    """Start `command` in `folder`, its output into `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parent.parent
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", "local.child", *command],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(root)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(name, popen, log)


def wait_for[T](
    look: Callable[[], T | None], what: str, *, seconds: float, process: Process | None = None
) -> T:
    """The first thing `look` finds that is not None or False.

    Raises LocalCloudError when it finds nothing in time, or when `process` ends before.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if process is not None:
            process.require_running()
        if time.monotonic() > deadline:
            hint = f" ({process.log})" if process else ""
            raise LocalCloudError(f"waited {seconds:g} s for {what} in vain{hint}")
        time.sleep(_LOOK_EVERY_SECONDS)


def run(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> None:
    """Run `command` to its end, its output into `log`. Raises LocalCloudError when it fails."""
    process = start(name, command, environment=environment, folder=folder, log=log)
    try:
        process.popen.wait()
    except BaseException:
        process.stop()
        raise
    if process.popen.returncode != 0:
        raise LocalCloudError(
            f"{name} failed with {process.popen.returncode}; the end of {log}:\n{tail(log)}"
        )


def tail(file: Path, lines: int = 25) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
