"""`make run`: the local cloud, a demo, and then it stays up until ctrl-C."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

from local import demo
from local.cloud import LocalCloud
from local.environment import ROOT, local_cloud
from local.ports import Ports
from local.processes import LocalCloudError
from local.seeding import ALARM

_FOLDER = ROOT / ".bellhop"
#: How often chat and the processes are looked at while the cloud is up.
_LOOK_EVERY_SECONDS = 0.3


class _Stopped(Exception):  # noqa: N818  a request, not an error
    """Someone asked the local cloud to stop."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--no-demo", action="store_true", help="do not play the demo")
    parser.add_argument("--exit", action="store_true", help="stop after the demo instead of staying up")
    options = parser.parse_args()
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stop))
    begun = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {step}", flush=True)

    try:
        with _only_one(_FOLDER), local_cloud(_FOLDER, Ports.chosen(), progress) as cloud:
            if not options.no_demo:
                progress("playing the demo")
                demo.play(cloud, _show)
            progress("up")
            if not options.exit:
                print(_what_to_try(cloud), flush=True)
                _stay_up(cloud, stop)
    except LocalCloudError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except _Stopped:
        pass
    print("stopped; nothing is left running", flush=True)
    return 0


def _stay_up(cloud: LocalCloud, stop: Event) -> None:
    """Until told to stop: show what chat shows, and end when a part of the cloud does."""
    with (cloud.folder / "logs/chat.log").open() as chat:
        chat.seek(0, os.SEEK_END)
        while not stop.wait(_LOOK_EVERY_SECONDS):
            print(chat.read(), end="", flush=True)
            for process in cloud.processes:
                process.require_running()


def _stopper(stop: Event) -> signal._HANDLER:
    def handle(_number: int, _frame: FrameType | None) -> None:
        # Once is enough: stopping must not be stopped half-way.
        if not stop.is_set():
            stop.set()
            raise _Stopped

    return handle


def _show(step: demo.Step) -> None:
    print(f"          | {step.seconds:6.2f} s | {step.what}", flush=True)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; a second local cloud is told where the first one is."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalCloudError(f"the local cloud is up already{_where(folder)}") from None
        yield
        (folder / "local.json").unlink(missing_ok=True)


def _where(folder: Path) -> str:
    try:
        state = json.loads((folder / "local.json").read_text())
    except (OSError, ValueError):
        return ", or just starting or stopping"
    return f" (process {state['pid']}, {state['aws_url']}): use it, or end it with ctrl-C there"


def _what_to_try(cloud: LocalCloud) -> str:
    aws = (
        f"AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-west-1 "
        f"aws --endpoint-url {cloud.aws_url} cloudwatch"
    )
    kubectl = f"kubectl --kubeconfig {_short(cloud.kubeconfig)}"
    curl = f"curl -H 'Host: {cloud.door_host}' -H \"Authorization: Bearer $(cat {_short(cloud.folder)}/api-token)\""
    return f"""
Things to try, from another terminal:
  make chat                                          type `help`, `policies`, `scale web 3 -n shop`
  {aws} put-metric-data --namespace Shop --metric-name CPUUtilization --value 20
                                                     it ends; web shrinks, if this minute began after the last change
  {aws} set-alarm-state --alarm-name {ALARM} --state-value ALARM --state-reason trying
                                                     rings by hand; a value that counted already changes nothing
  {kubectl} get bsp,deploy -A
  {kubectl} describe bsp -n shop web
  {curl} '{cloud.aws_url}/activity?limit=5'
  {cloud.chat_url}                              what the team sees (its certificate is this run's own)
  logs: {_short(cloud.folder)}/logs
ctrl-C ends everything."""


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
