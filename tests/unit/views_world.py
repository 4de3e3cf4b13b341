"""What the reading commands look at, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bellhop.kubernetes.errors import NotFoundError
from bellhop.kubernetes.inventory import Node, Pod, Workload, image_in
from bellhop.ledger import Entry
from tests.unit.chat_world import WHEN, Chat, MemoryDesk
from views import AlarmView, Context, Item, QueueDepth, Views


def pod(name: str = "web-1", **fields: Any) -> Pod:
    given: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "node": "ip-10-0-1-23.eu-west-1.compute.internal",
        "state": "Running",
        "ready": 1,
        "containers": 1,
        "restarts": 0,
        "created_at": WHEN - timedelta(hours=3),
        "owner": "deployment/web",
        "main": "web",
        "images": (image_in("web", "example.com/web:1.2.3"),),
        "over": False,
    }
    return Pod(**(given | fields))


def node(name: str, **fields: Any) -> Node:
    given: dict[str, Any] = {
        "state": "Ready",
        "instance_type": "m7g.large",
        "zone": "eu-west-1a",
        "version": "v1.33.1",
        "created_at": WHEN - timedelta(days=12),
    }
    return Node(name, **(given | fields))


def workload(name: str = "deployment/web", **fields: Any) -> Workload:
    given: dict[str, Any] = {
        "namespace": "shop",
        "selector": "app=web",
        "images": (image_in("web", "example.com/web:1.2.3"),),
    }
    return Workload(name=name, **(given | fields))


def alarm_view(name: str, **fields: Any) -> AlarmView:
    given: dict[str, Any] = {
        "state": "OK",
        "since": WHEN - timedelta(minutes=90),
        "watches": "Shop CPUUtilization Average > 60, 1 of 1 periods of 60 s",
        "reason": "",
        "description": "",
        "acts": 1,
    }
    return AlarmView(name, **(given | fields))


@dataclass
class MemoryCluster:
    """asked: what was listed. written: by pod and container."""

    nodes_found: list[Node] = field(default_factory=list)
    pods_found: list[Pod] = field(default_factory=list)
    workloads_found: list[Workload] = field(default_factory=list)
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def nodes(self, *, most: int) -> list[Node]:
        return self.nodes_found[:most]

    def pods(self, namespace: str | None, *, node: str = "", selector: str = "", most: int) -> list[Pod]:
        self.asked.append({"namespace": namespace, "node": node, "selector": selector})
        return [p for p in self.pods_found if namespace in {None, p.namespace}][:most]

    def pod(self, namespace: str, name: str) -> Pod:
        for found in self.pods_found:
            if (found.namespace, found.name) == (namespace, name):
                return found
        raise NotFoundError(f"pod {namespace}/{name}: 404")

    def workloads(
        self, namespace: str | None, *, kind: str = "", name: str = "", most: int
    ) -> list[Workload]:
        def fits(each: Workload) -> bool:
            its_kind, _, its_name = each.name.partition("/")
            here = namespace in {None, each.namespace}
            return here and kind.lower() in {"", its_kind} and name in {"", its_name}

        return [each for each in self.workloads_found if fits(each)][:most]

    def log(self, pod: Pod, container: str, *, tail: int, since_seconds: int | None) -> str:
        self.asked.append({"tail": tail, "since": since_seconds})
        lines = self.written.get((pod.name, container), "").splitlines(keepends=True)
        return "".join(lines[-tail:])


@dataclass
class MemoryAlarms:
    found: list[AlarmView] = field(default_factory=list)
    unread: bool = False

    def alarms(self, *, state: str = "", name: str = "") -> tuple[list[AlarmView], bool]:
        return [a for a in self.found if state in {"", a.state} and name in {"", a.name}], self.unread


@dataclass
class MemoryQueues:
    found: list[QueueDepth] = field(default_factory=list)

    def depths(self) -> list[QueueDepth]:
        return self.found


@dataclass
class MemoryFeeds:
    found: dict[str, list[Item]] = field(default_factory=dict)
    contexts: dict[str, Context] = field(default_factory=dict)

    def items(self, feed: str) -> list[Item]:
        return self.found[feed]

    def context(self, who: str, *, now: datetime) -> Context | None:
        return self.contexts.get(who)

    def keep(self, who: str, context: Context, *, now: datetime) -> None:
        self.contexts[who] = context


@dataclass
class MemoryActivity:
    entries: list[Entry] = field(default_factory=list)

    def newest(self, limit: int, *, subject: str | None = None) -> list[Entry]:
        return [e for e in self.entries if subject in {None, e.subject}][:limit]


@dataclass
class World:
    """A chat whose desk has views, and the parts of them."""

    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    alarms: MemoryAlarms = field(default_factory=MemoryAlarms)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    feeds: MemoryFeeds = field(default_factory=MemoryFeeds)
    activity: MemoryActivity = field(default_factory=MemoryActivity)

    def chat(self, **more: Any) -> Chat:
        views = Views(self.cluster, self.alarms, self.cluster, self.queues, self.feeds, self.activity)
        desk = MemoryDesk(default_namespace="shop")
        vars(desk)["views"] = views
        return Chat(desk=desk, **more)

    def ask(self, text: str, **fields: Any) -> str:
        return self.chat().ask(text, **fields)
