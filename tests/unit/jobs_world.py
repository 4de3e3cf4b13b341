"""A cluster, a queue, a ledger and a state table in memory for jobs, with a way to crash anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from bellhop.errors import BellhopError, BusyError
from bellhop.jobs.cluster import (
    Evicted,
    EvictionAnswer,
    Hindrance,
    Node,
    Pod,
    Restartable,
    Rollout,
)
from bellhop.jobs.request import Cancel, Cordon, Drain, Request, Restart, Step, decode, encode
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry
from cancelling import Cancelling
from cordoning import Cordoning
from draining import Draining
from job import Job
from job_entries import JobTelling
from nodes import Nodes
from restarting import Restarting
from stepping import LoggedProgress, Stepping

START = datetime(2026, 11, 20, 9, 0, 0, 250_000, tzinfo=UTC)
#: JobsQueue's, in template.yaml.
VISIBILITY = timedelta(seconds=90)
RECEIVES = 5


class Crashed(BaseException):
    """The process died here. Not an Exception: nothing may catch it."""


@dataclass
class Message:
    """On its way in the queue. due: when it is delivered next."""

    body: str
    due: datetime
    received: int = 0


@dataclass
class Budget:
    """Says no until then, and then lets so many go in each step."""

    until: datetime


@dataclass
class World:
    """All that jobs touch. `calls` names every remote call in order.

    rollout_takes: from restart to completion. ends_in: seconds a pod takes to end. budgets: by pod. crash_at: (index
    of a call, "before" or "after"). meddle: called after each call with its name. failures: what a call of that name
    raises, once each. writes: what was changed in the cluster.
    """

    workload: Restartable | None = None
    node: Node | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    now: datetime = START
    rollout_takes: timedelta = timedelta(seconds=25)
    stalls: bool = False
    ends_in: timedelta = timedelta(seconds=3)
    budgets: dict[str, Budget] = field(default_factory=dict)
    gone_at: dict[str, datetime] = field(default_factory=dict)
    complete_at: datetime | None = None
    queue: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    crash_at: tuple[int, str] | None = None
    crashes: int = 0
    meddle: Callable[[str], None] = lambda _name: None
    failures: dict[str, list[BellhopError]] = field(default_factory=dict)
    nodes_allowed: bool = True
    namespaces: Callable[[str], bool] = lambda _namespace: True

    # ------------------------------------------------------------ Jobs, Steps, Ledger
    def find(self, id: str) -> Job | None:
        return self._call("find job", lambda: self.jobs.get(id))

    def write(self, job: Job, *, instead_of: Job | None) -> bool:
        def put() -> bool:
            kept = self.jobs.get(job.id)
            if (kept and kept.version) != (instead_of and instead_of.version):
                return False
            # Through JSON, as the table keeps it.
            self.jobs[job.id] = msgspec.json.decode(msgspec.json.encode(job), type=Job)
            return True

        return self._call("write job", put)

    def send(self, step: Step, *, seconds: int) -> None:
        due = self.now + timedelta(seconds=seconds)
        self._call("send step", lambda: self.queue.append(Message(encode(step), due)))

    def record(self, entry: Entry) -> bool:
        return self._call("ledger", lambda: self.entries.setdefault(entry.id, entry) is entry)

    # ------------------------------------------------------------ The queue
    def ask(self, request: Request) -> None:
        self.queue.append(Message(encode(request), self.now))

    def deliver(self, message: Message) -> None:
        """As SQS and `process_batch` do: done and gone, or again after a while, or dead."""
        self.now = max(self.now, message.due)
        message.received += 1
        try:
            self.take(decode(message.body))
        except Crashed:
            self.crash_at, self.crashes = None, self.crashes + 1
            message.due = self.now + VISIBILITY
        except BusyError as busy:
            message.due = self.now + timedelta(seconds=busy.retry_after)
        except BellhopError as error:
            if not error.retryable:
                raise
            message.due = self.now + VISIBILITY
        else:
            self.queue.remove(message)
            return
        if message.received >= RECEIVES:
            self.queue.remove(message)
            self.dead.append(message)

    def run(self, *, at_most: int = 500, until: datetime | None = None) -> None:
        """Deliver what is due, in order, until nothing is left (or nothing before `until`)."""
        for _ in range(at_most):
            due = sorted(
                (m for m in self.queue if until is None or m.due <= until), key=lambda message: message.due
            )
            if not due:
                self.now = max(self.now, until or self.now)
                return
            self.deliver(due[0])
        raise AssertionError(f"no end after {at_most} deliveries")

    def take(self, request: Request) -> None:
        match request:
            case Step():
                self.stepping().step(request)
            case Cancel():
                Cancelling(self, self, self.telling()).take(request)
            case _:
                self.stepping().take(request)

    # ------------------------------------------------------------ Wiring
    def telling(self) -> JobTelling:
        return JobTelling(self, lambda: self.now)

    def stepping(self) -> Stepping:
        cluster = _Cluster(self)
        nodes = Nodes(cluster, self.nodes_allowed)
        return Stepping(
            jobs=self,
            steps=self,
            workers={
                Restart: Restarting(cluster, self.namespaces),
                Cordon: Cordoning(cluster, nodes),
                Drain: Draining(cluster, nodes, lambda: self.now),
            },
            telling=self.telling(),
            progress=LoggedProgress(),
            clock=lambda: self.now,
        )

    @property
    def told(self) -> list[Entry]:
        return list(self.entries.values())

    @property
    def reasons(self) -> list[str]:
        return [f"{entry.action} {entry.outcome} {entry.reason}" for entry in self.told]

    @property
    def evicted(self) -> list[str]:
        return [write.removeprefix("evict ") for write in self.writes if write.startswith("evict ")]

    def _call[T](self, name: str, act: Callable[[], T]) -> T:
        index = len(self.calls)
        self.calls.append(name)
        if self.crash_at == (index, "before"):
            raise Crashed
        if failures := self.failures.get(name):
            raise failures.pop(0)
        result = act()
        self.meddle(name)
        if self.crash_at == (index, "after"):
            raise Crashed
        return result

    # ------------------------------------------------------------ What others do
    def touch_workload(self, **changes: object) -> None:
        """Somebody, perhaps Bellhop, writes the workload."""
        assert self.workload is not None
        version = str(int(self.workload.resource_version) + 1)
        self.workload = replace(self.workload, resource_version=version, **changes)  # type: ignore[arg-type]

    def cordoned(self, on: bool) -> None:
        assert self.node is not None
        self.node = replace(self.node, unschedulable=on)

    def add(self, *pods: Pod) -> None:
        self.pods |= {str(pod): pod for pod in pods}

    def settle(self) -> None:
        """What ends by itself until now."""
        for name in [name for name, at in self.gone_at.items() if at <= self.now]:
            del self.gone_at[name]
            self.pods.pop(name, None)


class _Cluster:
    """The world as `bellhop.jobs.cluster.Cluster`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def workload(self, namespace: str, kind: str, name: str) -> Restartable:
        def read() -> Restartable:
            world, found = self._world, self._world.workload
            if found is None or (found.namespace, found.kind, found.name) != (namespace, kind, name):
                raise NotFoundError(f'{kind.lower()} "{name}" not found')
            done = world.complete_at is None or world.now >= world.complete_at
            if world.stalls and not done:
                return replace(found, rollout=Rollout(done=False, stalled=True, said="over its deadline"))
            return replace(
                found, rollout=Rollout(done=done, said="3 of 3 pods new" if done else "1 of 3 pods new")
            )

        return self._world._call("read workload", read)

    def restart(self, workload: Restartable, at: str, *, dry_run: bool = False) -> None:
        def patch() -> None:
            world = self._world
            if world.workload is None:
                raise NotFoundError("not found")
            if world.workload.resource_version != workload.resource_version:
                raise ConflictError("the workload was modified")
            if not dry_run:
                world.writes.append(f"restart {at}")
                world.complete_at = world.now + world.rollout_takes
                world.touch_workload(restarted_at=at)

        self._world._call("restart", patch)

    def node(self, name: str) -> Node:
        def read() -> Node:
            if self._world.node is None or self._world.node.name != name:
                raise NotFoundError(f'nodes "{name}" not found')
            return self._world.node

        return self._world._call("read node", read)

    def cordon(self, node: Node, *, on: bool, dry_run: bool = False) -> None:
        def patch() -> None:
            world = self._world
            if world.node is None:
                raise NotFoundError("not found")
            if world.node.uid != node.uid:
                raise ConflictError("another node")
            if not dry_run:
                world.writes.append("cordon" if on else "uncordon")
                world.cordoned(on)

        self._world._call("cordon", patch)

    def pods(self, node: str) -> list[Pod]:
        def read() -> list[Pod]:
            self._world.settle()
            return list(self._world.pods.values())

        return self._world._call("list pods", read)

    def evict(self, pod: Pod, *, grace_seconds: int | None) -> EvictionAnswer:
        def post() -> EvictionAnswer:
            world, found = self._world, self._world.pods.get(str(pod))
            if found is None:
                return EvictionAnswer(Evicted.GONE)
            if found.uid != pod.uid:
                return EvictionAnswer(Evicted.NOT_NOW, "another pod")
            budget = world.budgets.get(str(pod))
            if budget is not None and world.now < budget.until:
                return EvictionAnswer(Evicted.NOT_NOW, "its budget says no")
            if not found.leaving:
                world.writes.append(f"evict {pod}")
                world.pods[str(pod)] = replace(found, leaving=True)
                world.gone_at[str(pod)] = world.now + world.ends_in
            return EvictionAnswer(Evicted.LEAVING)

        return self._world._call("evict", post)


def pod(name: str, namespace: str = "shop", **fields: object) -> Pod:
    """A ReplicaSet's pod, if the fields do not say otherwise."""
    made = Pod(namespace, name, f"{name}-uid", controller="ReplicaSet")
    return replace(made, **fields)  # type: ignore[arg-type]


def workload_world(*, hindrance: Hindrance | None = None, restarted_at: str = "") -> World:
    """Deployment shop/web."""
    target = Restartable(
        "shop", "Deployment", "web", "web-1", "100", restarted_at, Rollout(done=True, said=""), hindrance
    )
    return World(workload=target)


def node_world(*pods: Pod) -> World:
    """Node n1 with these pods."""
    world = World(node=Node("n1", "n1-uid", unschedulable=False))
    world.add(*pods)
    return world


def restart(id: str = "r-1", *, at: datetime = START, dry_run: bool = False) -> Restart:
    return Restart(
        id=id,
        namespace="shop",
        kind="Deployment",
        name="web",
        person="ana",
        correlation="c",
        at=at,
        dry_run=dry_run,
        asked_in="reply-1",
    )


def cordon(id: str = "k-1", *, on: bool = True, dry_run: bool = False) -> Cordon:
    return Cordon(id=id, node="n1", on=on, person="ana", correlation="c", at=START, dry_run=dry_run)


def drain(id: str = "d-1", **fields: object) -> Drain:
    made = Drain(id=id, node="n1", person="ana", correlation="c", at=START, asked_in="reply-1")
    return msgspec.structs.replace(made, **fields)


def cancel(job: str, id: str = "x-1", person: str = "ben") -> Cancel:
    return Cancel(id=id, job=job, person=person, correlation="c", at=START)
