"""Faults that tests order: requests held before or after they are applied, or answered with a status."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json

LOOK_EVERY = 0.05  # seconds between two looks at whether a held request's client is still there


class Action(StrEnum):
    """What a fault does to the request it meets."""

    HOLD_BEFORE = "hold-before"
    HOLD_AFTER = "hold-after"
    STATUS = "status"


@dataclass(slots=True)
class Fault:
    """One order. `times` counts down as requests meet it; None never ends."""

    action: Action
    method: str = ""
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    status: int = 503
    reason: str = "ServiceUnavailable"
    message: str = "the stand-in was told to fail here"
    times: int | None = 1
    id: int = 0
    met: int = 0
    held: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def shown(self) -> Json:
        """As GET /faults lists it."""
        return {
            "id": self.id,
            "action": str(self.action),
            "method": self.method,
            "path": self.path.pattern,
            "status": self.status,
            "reason": self.reason,
            "times": self.times,
            "met": self.met,
            "held": self.held,
        }


def parse_fault(order: Json) -> Fault:
    """A fault from its JSON. Raises ValueError with what is wrong."""
    known = {"action", "method", "path", "status", "reason", "message", "times"}
    if unknown := sorted(set(order) - known):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    try:
        pattern = re.compile(order.get("path", ""))
    except (re.error, TypeError) as error:
        raise ValueError(f"path is no regular expression: {error}") from error
    times = order.get("times", 1)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError("times is a positive integer, or null for ever")
    rest = {name: order[name] for name in ("status", "reason", "message") if name in order}
    return Fault(
        Action(order.get("action", "")), order.get("method", "").upper(), pattern, times=times, **rest
    )


class Faults:
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._made = 0

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        with self._lock:
            self._made += 1
            fault.id = self._made
            self._faults.append(fault)
            return fault

    def meet(self, method: str, path: str) -> Fault | None:
        """The first fault in force for this request, used up by one."""
        with self._lock:
            for fault in self._faults:
                spent = fault.times is not None and fault.met >= fault.times
                if not spent and fault.method in {"", method} and fault.path.search(path):
                    fault.met += 1
                    return fault
        return None

    def hold(self, fault: Fault, client_is_gone: Callable[[], bool]) -> bool:
        """Block until the fault is released or the client hangs up. True: go on; False: nobody waits."""
        with self._lock:
            fault.held += 1
        try:
            while not fault.released.wait(LOOK_EVERY):
                if client_is_gone():
                    return False
            return not client_is_gone()
        finally:
            with self._lock:
                fault.held -= 1

    def listed(self) -> list[Json]:
        """All faults since the last clear, spent ones too, with how many requests each holds now."""
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def clear(self) -> None:
        """Release what is held and forget all faults."""
        with self._lock:
            for fault in self._faults:
                fault.released.set()
            self._faults.clear()
