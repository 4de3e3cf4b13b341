"""The newest requests served, for tests that ask who did what."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.cluster.answers import Json
    from local.cluster.paths import RequestInfo
    from local.cluster.rbac import User

KEPT = 5_000


class Records:
    """A bounded list of {time, user, groups, verb, path, status}, oldest first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Json] = deque(maxlen=KEPT)

    def add(self, time: str, user: User | None, info: RequestInfo, path: str, status: int) -> None:
        """Note one request. `user` is None when nobody was identified; status 0: it was never answered."""
        who = {"user": user.name, "groups": list(user.groups)} if user else {"user": "", "groups": []}
        with self._lock:
            self._kept.append({"time": time, **who, "verb": info.verb, "path": path, "status": status})

    def listed(self) -> list[Json]:
        """All that is kept."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._kept.clear()
