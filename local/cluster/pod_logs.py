"""pods/log: what a test has given a container to have written, answered as the kubelet's log is."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from local.cluster.answers import bad_request
from local.cluster.messages import TEXT, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.cluster.answers import Json

type _Where = tuple[str, str, str]  # namespace, pod, container


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and when it was written."""

    at: datetime
    text: str


class PodLogs:
    """Lines by container. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[_Where, list[Line]] = {}

    def write(self, order: Json, now: datetime) -> int:
        """Take {namespace, pod, container, text, secondsAgo}; the last is 0 if not said. How many lines there are
        then. Raises ValueError for anything else."""
        if wrong := sorted({*order, "secondsAgo"} ^ {"namespace", "pod", "container", "text", "secondsAgo"}):
            raise ValueError(f"missing or unknown: {', '.join(wrong)}")
        where = (str(order["namespace"]), str(order["pod"]), str(order["container"]))
        at = now - timedelta(seconds=float(order.get("secondsAgo", 0)))
        with self._lock:
            lines = self._lines.setdefault(where, [])
            lines += [Line(at, text) for text in str(order["text"]).splitlines()]
            return len(lines)

    def read(self, where: _Where) -> list[Line]:
        """All that the container has written."""
        with self._lock:
            return list(self._lines.get(where, ()))


def log_answer(logs: PodLogs, pod: Json, query: Mapping[str, str], now: datetime) -> Answer:
    """GET pods/NAME/log. Raises ApiError 400 as the API server does (registry/core/pod/strategy.go)."""
    metadata = pod["metadata"]
    container = _container(metadata["name"], [each["name"] for each in pod["spec"]["containers"]], query)
    lines = logs.read((metadata.get("namespace", ""), metadata["name"], container))
    if since := _number(query, "sinceSeconds"):
        lines = [line for line in lines if line.at >= now - timedelta(seconds=since)]
    tail = _number(query, "tailLines")
    if tail is not None:
        lines = lines[-tail:] if tail else []
    stamped = query.get("timestamps") == "true"
    text = "".join(f"{_stamp(line) if stamped else ''}{line.text}\n" for line in lines)
    body = text.encode()
    limit = _number(query, "limitBytes")
    return Answer(200, body if limit is None else body[:limit], TEXT)


def _container(pod: str, names: list[str], query: Mapping[str, str]) -> str:
    wanted = query.get("container", "")
    if wanted and wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {pod}")
    if not wanted and len(names) > 1:
        raise bad_request(
            f"a container name must be specified for pod {pod}, choose one of: [{' '.join(names)}]"
        )
    return wanted or names[0]


def _number(query: Mapping[str, str], name: str) -> int | None:
    given = query.get(name, "")
    return int(given) if given.isascii() and given.isdigit() else None


def _stamp(line: Line) -> str:
    return line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ")
