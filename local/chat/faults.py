"""Faults that tests order: the next calls to some path fail as Slack's servers sometimes do."""

import re
from dataclasses import dataclass, replace
from threading import Lock

from local.chat.exchange import Answer, Json, json_answer


@dataclass(frozen=True, slots=True)
class Fault:
    """The next `times` calls whose path matches `path` (anywhere in it) answer `status`."""

    path: re.Pattern[str]
    status: int
    times: int = 1
    retry_after: int = 1

    def as_json(self) -> Json:
        return {
            "path": self.path.pattern,
            "status": self.status,
            "times": self.times,
            "retry_after": self.retry_after,
        }

    def answer(self) -> Answer:
        if self.status == 429:
            headers = {"Retry-After": str(self.retry_after)}
            return json_answer({"ok": False, "error": "ratelimited"}, 429, headers)
        return json_answer({"ok": False, "error": "internal_error"}, self.status)


def parse_fault(wanted: Json | None) -> Fault:
    """The fault that a control call asks for. Raises ValueError with what to correct."""
    if wanted is None:
        raise ValueError("the body must be a JSON object")
    unknown = wanted.keys() - {"path", "status", "times", "retry_after"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    status, times, retry_after = (
        wanted.get("status"),
        wanted.get("times", 1),
        wanted.get("retry_after", 1),
    )
    if not isinstance(status, int) or not (status == 429 or 500 <= status <= 599):
        raise ValueError("status must be 429 or 500 to 599")
    if not isinstance(times, int) or times < 1 or not isinstance(retry_after, int) or retry_after < 0:
        raise ValueError("times must be 1 or more and retry_after 0 or more, both whole numbers")
    try:
        path = re.compile(str(wanted.get("path", "")))
    except re.error as wrong:
        raise ValueError(f"path is no regular expression: {wrong}") from None
    return Fault(path, status, times, retry_after)


class Faults:
    """The faults still to come, in the order they were asked for. Safe to use from many threads."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._pending.append(fault)

    def take(self, path: str) -> Fault | None:
        """The first fault for this path, counted down by one; None when the call may go on."""
        with self._lock:
            for index, fault in enumerate(self._pending):
                if fault.path.search(path):
                    left = replace(fault, times=fault.times - 1)
                    self._pending[index : index + 1] = [left] if left.times else []
                    return fault
        return None

    def pending(self) -> list[Fault]:
        with self._lock:
            return list(self._pending)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()
