"""A cluster, a ledger, a clock and a CloudWatch in memory, with the API server's rules and a way to crash anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Datapoint, Metric, State
from bellhop.errors import BellhopError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry
from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.policy import (
    AlarmMatch,
    MetricTarget,
    Policy,
    ScaleTargetRef,
    Spec,
    Status,
    Trigger,
)
from bellhop.scaling.request import ScaleRequest
from bellhop.scaling.workload import Workload
from by_alarm import LEASE, AlarmScaler
from by_hand import HandScaler
from intents import Intent
from intents import State as IntentState

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CPU = Metric("Shop", "CPUUtilization", (), 60, "Average")


class Crashed(BaseException):
    """The process died here. Not an Exception: nothing may catch it."""


@dataclass
class World:
    """All that scaling touches. `calls` names every remote call in order.

    crash_at: (index of a call, "before" or "after"). meddle: called after each call with its name, to play the
    others who write at the same time. failures: what a call of that name raises, once each.
    """

    policy: Policy
    workload: Workload | None
    now: datetime = START
    value: Datapoint | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    writes: list[tuple[int, int]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    crash_at: tuple[int, str] | None = None
    meddle: Callable[[str], None] = lambda _name: None
    failures: dict[str, list[BellhopError]] = field(default_factory=dict)

    # ------------------------------------------------------------ Cluster
    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        return self._call("list" if not fresh else "list again", lambda: ([self.policy], []))

    def policy_now(self) -> Policy:
        return self.policy

    def write_status(self, policy: Policy, status: Status) -> Policy:
        def write() -> Policy:
            if policy.resource_version != self.policy.resource_version:
                raise ConflictError("the policy was modified")
            # Through JSON, as the API server keeps it.
            kept = msgspec.convert(msgspec.to_builtins(status), Status)
            self.policy = msgspec.structs.replace(
                self.policy, status=kept, resource_version=next_version(self.policy.resource_version)
            )
            return self.policy

        return self._call("write status", write)

    def workload_now(self) -> Workload:
        if self.workload is None:
            raise NotFoundError('deployments.apps "web" not found')
        return self.workload

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        def write() -> None:
            current = self.workload_now()
            if workload.resource_version != current.resource_version:
                raise ConflictError("the workload was modified")
            if not dry_run:
                self.writes.append((current.size.replicas, replicas))
                self.resize(replicas)

        self._call("scale", write)

    # ------------------------------------------------------------ Metrics, Ledger, Intents
    def newest(self, metric: Metric, *, now: datetime) -> Datapoint | None:
        return self._call("metric", lambda: self.value)

    def record(self, entry: Entry) -> bool:
        return self._call("ledger", lambda: self.entries.setdefault(entry.id, entry) is entry)

    def find(self, id: str) -> Intent | None:
        return self._call("find intent", lambda: self.intents.get(id))

    def claim(self, intent: Intent, *, instead_of: Intent | None) -> bool:
        def put() -> bool:
            if self.intents.get(intent.id) != instead_of:
                return False
            self.intents[intent.id] = intent
            return True

        return self._call("claim intent", put)

    def finish(self, intent: Intent) -> None:
        def put() -> None:
            if self.intents.get(intent.id) == intent:
                self.intents[intent.id] = msgspec.structs.replace(intent, state=IntentState.DONE)

        self._call("finish intent", put)

    # ------------------------------------------------------------ What others do
    def resize(self, replicas: int, *, ready: int | None = None) -> None:
        """Somebody, perhaps Bellhop, sets the workload's size; all pods are ready at once if not said."""
        before = self.workload_now()
        self.workload = replace(
            before,
            size=Size(replicas, replicas if ready is None else ready),
            resource_version=next_version(before.resource_version),
        )

    def recreate(self, replicas: int) -> None:
        """The workload is deleted and made again under its name."""
        before = self.workload_now()
        self.workload = replace(
            before,
            uid=f"{before.uid}-again",
            size=Size(replicas, replicas),
            resource_version=next_version(before.resource_version),
        )

    def edit_policy(self, **changes: object) -> None:
        """Its owner edits the policy's spec."""
        spec = msgspec.structs.replace(self.policy.spec, **changes)
        self.policy = msgspec.structs.replace(
            self.policy,
            spec=spec,
            generation=self.policy.generation + 1,
            resource_version=next_version(self.policy.resource_version),
        )

    # ------------------------------------------------------------ Wiring
    def by_alarm(self, *, allowed: Callable[[str], bool] = lambda _namespace: True) -> AlarmScaler:
        return AlarmScaler(
            cluster=_Cluster(self),
            metrics=self,
            ledger=self,
            allowed=allowed,
            own_alarms="bellhop-",
            clock=lambda: self.now,
        )

    def by_hand(self, *, allowed: Callable[[str], bool] = lambda _namespace: True) -> HandScaler:
        return HandScaler(
            cluster=_Cluster(self),
            intents=self,
            ledger=self,
            allowed=allowed,
            lease=LEASE,
            clock=lambda: self.now,
        )

    @property
    def told(self) -> list[Entry]:
        return list(self.entries.values())

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


class _Cluster:
    """The world as `bellhop.scaling.workload.Cluster`, where two methods are called as fields of the world are."""

    def __init__(self, world: World) -> None:
        self._world = world

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        return self._world.policies(fresh=fresh)

    def policy(self, namespace: str, name: str) -> Policy:
        return self._world._call("read policy", self._world.policy_now)

    def write_status(self, policy: Policy, status: Status) -> Policy:
        return self._world.write_status(policy, status)

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        return self._world._call("read workload", self._world.workload_now)

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        self._world.scale(workload, replicas, dry_run=dry_run)


def next_version(version: str) -> str:
    return str(int(version) + 1)


def world(*, replicas: int = 4, ready: int | None = None, value: float | None = 86.0) -> World:
    """Deployment shop/web under a policy: 60 CPU, 2 to 12 replicas, alarm web-cpu-high."""
    spec = Spec(
        scale_target_ref=ScaleTargetRef(kind="Deployment", name="web"),
        min_replicas=2,
        max_replicas=12,
        triggers=(
            Trigger(
                alarm=AlarmMatch(name="web-cpu-high"),
                target=MetricTarget(type=TargetType.VALUE, value=60.0),
            ),
        ),
    )
    return World(
        policy=Policy(
            namespace="shop", name="web", uid="policy-1", generation=1, resource_version="100", spec=spec
        ),
        workload=Workload(
            "shop", "Deployment", "web", "web-1", "200", Size(replicas, replicas if ready is None else ready)
        ),
        value=None if value is None else Datapoint(value, START - timedelta(seconds=60)),
    )


def alarm(
    *,
    state: State = State.ALARM,
    at: datetime = START,
    name: str = "web-cpu-high",
    value: float | None = None,
    measured_at: datetime | None = None,
) -> AlarmEvent:
    """A change of the alarm's state; with `value`, the sender's form carried the datapoint."""
    point = None if value is None else Datapoint(value, measured_at or at - timedelta(seconds=60))
    arn = f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"
    return AlarmEvent(arn, name, state, at, "Threshold Crossed", metric=CPU, datapoint=point)


def request(*, replicas: int = 6, id: str = "request-1", dry_run: bool = False) -> ScaleRequest:
    return ScaleRequest(
        id=id,
        namespace="shop",
        kind="Deployment",
        name="web",
        replicas=replicas,
        person="ana",
        correlation="c-1",
        dry_run=dry_run,
        asked_in=id,
    )
