"""A thousand policies: finding those an alarm is for, reading them from the cluster, and the memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from bellhop.alarms.alarm import AlarmEvent, Alert, State
from bellhop.scaling.policy import Policy, parse_policy
from benchmarks import ROOT
from benchmarks.measuring import collector_off, interleaved
from benchmarks.results import LEAST_TO_MOST, Row
from benchmarks.scaling.api_server import ApiServer, api_server
from benchmarks.scaling.function import environment, loaded_function
from benchmarks.scaling.objects import arn, as_read, mixed_policies
from by_alarm import AlarmScaler

_COUNT = 1000
_MATCHING_BUDGET_MS = 5.0
_MEMORY_BUDGET_MB = 128.0
_BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class _KeptPolicies:
    """What matching needs of a cluster: a list that is there."""

    def __init__(self, policies: list[Policy]) -> None:
        self._policies = policies

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:  # noqa: ARG002  the port's
        return self._policies, []


def measure(*, full: bool) -> Iterator[Row]:
    manifests = mixed_policies(_COUNT)
    resources = [as_read(manifest, i) for i, manifest in enumerate(manifests)]
    yield _held(resources)
    with api_server() as server:
        for manifest in manifests:
            server.create(manifest)
        with loaded_function(server) as function:
            scaler: AlarmScaler = function.services().by_alarm
            yield from _matched(scaler, resources, rounds=40 if full else 12)
            yield from _listed(scaler, resources, rounds=15 if full else 5)
        yield from _whole_process(server, runs=5 if full else 2)


def _matched(scaler: AlarmScaler, resources: list[dict[str, Any]], *, rounds: int) -> Iterator[Row]:
    """As the function matches, but with a list that is there: reading it is measured apart."""
    kept = _KeptPolicies([parse_policy(resource) for resource in resources])
    last = _COUNT - 1
    events = {
        "an alarm that is for none (looked for twice)": (0, _alarm("nobodys-alarm")),
        "an alarm that is for the last": (1, _alarm(f"web-{last}-cpu-high")),
        "an alert that is for the last": (1, _alert(f"web-{last}")),
    }
    work: dict[str, Callable[[], object]] = {}
    with mock.patch.object(scaler, "_cluster", kept):
        for name, (expected, event) in events.items():
            matched, _ = scaler._matching(event)
            if len(matched) != expected:
                raise RuntimeError(f"{name}: {[policy.name for policy in matched]}")
            work[name] = lambda event=event: scaler._matching(event)  # type: ignore[misc]
        taken_by = interleaved(work, rounds=rounds)
    for name, sample in taken_by.items():
        taken = sample.times(1e3)
        case = f"matching 1,000 policies, {name}"
        yield Row("scaling", case, "ms", taken.median, taken.quartiles, budget=_MATCHING_BUDGET_MS)


def _held(resources: list[dict[str, Any]]) -> Row:
    """What the parsed policies hold, as Python counts it."""
    texts = [json.dumps(resource) for resource in resources]
    with collector_off():
        tracemalloc.start()
        kept = [parse_policy(json.loads(text)) for text in texts]
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    megabytes = held / 2**20
    return Row("scaling", f"{len(kept):,} parsed policies hold", "MiB", megabytes, (megabytes, megabytes))


def _listed(scaler: AlarmScaler, resources: list[dict[str, Any]], *, rounds: int) -> Iterator[Row]:
    cluster = scaler._cluster
    found, problems = cluster.policies(fresh=True)
    if len(found) != _COUNT:
        raise RuntimeError(f"{len(found)} policies were read: {problems}")
    work: dict[str, Callable[[], object]] = {
        "parse": lambda: [parse_policy(resource) for resource in resources],
        "list": lambda: cluster.policies(fresh=True),
    }
    taken = interleaved(work, rounds=rounds)
    parsed, listed = taken["parse"].times(1e3), taken["list"].times(1e3)
    yield Row("scaling", "parsing 1,000 policies", "ms", parsed.median, parsed.quartiles)
    yield Row(
        "scaling",
        "listing and parsing 1,000 policies from the stand-in",
        "ms",
        listed.median,
        listed.quartiles,
        peer="parsing alone",
        ratio=listed.over(parsed).median,
    )


def _whole_process(server: ApiServer, *, runs: int) -> Iterator[Row]:
    found = [_in_a_process_of_its_own(server) for _ in range(runs)]
    if any(one["policies"] != _COUNT for one in found):
        raise RuntimeError(f"policies that were not read: {found}")
    figures = {
        "function wired, nothing read: resident": ([one["before"]["VmRSS"] for one in found], None),
        "function with 1,000 policies read: resident": ([one["after"]["VmRSS"] for one in found], None),
        "function with 1,000 policies read: peak resident": (
            [one["after"]["VmHWM"] for one in found],
            _MEMORY_BUDGET_MB,
        ),
    }
    for case, (kilobytes, budget) in figures.items():
        values = sorted(value / 1024 for value in kilobytes)
        middle = values[len(values) // 2]
        yield Row("scaling", case, "MiB", middle, (values[0], values[-1]), budget=budget, note=LEAST_TO_MOST)


def _in_a_process_of_its_own(server: ApiServer) -> dict[str, Any]:
    folders = (ROOT / "layers/shared", ROOT / "functions/scaling")
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("memory.py"))],
        cwd="/",
        env={**environment(server), "PYTHONPATH": ":".join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _alarm(name: str) -> AlarmEvent:
    return AlarmEvent(arn(name), name, State.ALARM, _BEGAN)


def _alert(service: str) -> AlarmEvent:
    labels = {"alertname": "QueueDeep", "service": service, "env": "prod", "severity": "page"}
    alert = Alert(labels, {"value": "86"}, {}, _BEGAN)
    return AlarmEvent("alert/8f78c9e05158455b", "QueueDeep", State.ALARM, _BEGAN, alert=alert)
