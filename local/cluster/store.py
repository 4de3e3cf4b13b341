"""Objects in memory under one rising resourceVersion, and the log of changes that watches read."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.cluster.pod_logs import PodLogs

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json
    from local.cluster.kinds import Key

LOG_LENGTH = 5_000
FIRST_REVISION = 200  # a fresh server has made objects of its own before it answers the first client


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log: what an object was and what it became."""

    revision: int
    type: str  # ADDED, MODIFIED, DELETED
    key: Key
    before: Json | None
    item: Json


def utc_now() -> datetime:
    """The clock that is used unless a test passes its own."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time prints it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """Thread-safe. Objects carry neither apiVersion nor kind: those belong to the version asked for.

    A read-modify-write holds `lock` around all of it. What goes in and comes out is a copy.
    """

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.revision = FIRST_REVISION
        self.closed = False
        self.logs = PodLogs()
        self._items: dict[Key, dict[tuple[str, str], Json]] = {}
        self._log: deque[Change] = deque(maxlen=LOG_LENGTH)

    def get(self, key: Key, namespace: str, name: str) -> Json | None:
        """One object; namespace is empty for cluster-scoped kinds."""
        with self.lock:
            return deepcopy(self._items.get(key, {}).get((namespace, name)))

    def all(self, key: Key, namespace: str = "") -> list[Json]:
        """All objects of a resource, in one namespace or (empty) in all, ordered as etcd orders them."""
        with self.lock:
            items = sorted(self._items.get(key, {}).items(), key=lambda entry: "/".join(entry[0]))
            return [deepcopy(item) for (where, _), item in items if not namespace or where == namespace]

    def add(self, key: Key, item: Json) -> Json:
        """Store a new object, giving it uid, creationTimestamp and resourceVersion."""
        item = deepcopy(item)
        item["metadata"]["uid"] = str(uuid.uuid4())
        item["metadata"]["creationTimestamp"] = timestamp(self.now())
        return self._keep(key, item)

    def replace(self, key: Key, item: Json) -> Json:
        """Store a changed object under the next resourceVersion."""
        return self._keep(key, deepcopy(item))

    def remove(self, key: Key, namespace: str, name: str) -> Json | None:
        """Take an object out; None when it was not there."""
        with self.lock:
            item = self._items.get(key, {}).pop((namespace, name), None)
            if item is None:
                return None
            self.revision += 1
            gone = deepcopy(item)
            gone["metadata"]["resourceVersion"] = str(self.revision)
            self._log.append(Change(self.revision, "DELETED", key, item, gone))
            self.changed.notify_all()
            return deepcopy(gone)

    def resources(self) -> list[Key]:
        """Every resource that holds or has held an object."""
        with self.lock:
            return list(self._items)

    def changes_since(self, revision: int, key: Key) -> list[Change]:
        """The log after `revision`, oldest first, for one resource."""
        with self.lock:
            return [change for change in self._log if change.revision > revision and change.key == key]

    def forgotten(self, revision: int) -> bool:
        """Whether the log no longer reaches back to `revision` (a watch from there is 410 Gone)."""
        with self.lock:
            return len(self._log) == LOG_LENGTH and revision < self._log[0].revision - 1

    def close(self) -> None:
        """Wake everyone who waits for a change, for good."""
        with self.lock:
            self.closed = True
            self.changed.notify_all()

    def _keep(self, key: Key, item: Json) -> Json:
        where = (item["metadata"].get("namespace", ""), item["metadata"]["name"])
        with self.lock:
            items = self._items.setdefault(key, {})
            before = items.get(where)
            self.revision += 1
            item["metadata"]["resourceVersion"] = str(self.revision)
            items[where] = item
            self._log.append(Change(self.revision, "MODIFIED" if before else "ADDED", key, before, item))
            self.changed.notify_all()
            return deepcopy(item)
