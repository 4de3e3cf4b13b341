"""A cluster, a ledger, a clock and a CloudWatch in memory, with the API server's rules and a way to crash anywhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from bellhop.alarms.alarm import AlarmEvent, Alert, Datapoint, Metric, State
from bellhop.errors import BellhopError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry
from bellhop.scaling.behavior import DeclaredBehavior, DeclaredRules
from bellhop.scaling.decision import Size, TargetType
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Control, Evaluate, ScaleRequest, Verb
from bellhop.scaling.spec import AlarmMatch, MetricTarget, ScaleTargetRef, Spec, Trigger
from bellhop.scaling.status import Pause, Status
from bellhop.scaling.workload import Autoscaler, Remark, Workload
from by_alarm import AlarmScaler
from by_hand import HandScaler
from controls import Controls
from intents import Intent
from intents import State as IntentState
from looking import Looking
from reconcile import LEASE, Reconciler
from resync import Resync
from targets import Targets
from telling import Telling

#: A slot of every length in use begins then.
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
QUERY = {"Id": "value", "ReturnData": True}
CPU = Metric("CPUUtilization", 60, (QUERY,))


class Crashed(BaseException):
    """The process died here. Not an Exception: nothing may catch it."""


@dataclass
class World:
    """All that scaling touches. `calls` names every remote call in order.

    others: policies beside the one under test. value: what every metric reads. alarms: what DescribeAlarms
    answers, by name. sent: follow-ups on their way. crash_at: (index of a call, "before" or "after"). meddle:
    called after each call with its name, to play the others who write at the same time. failures: what a call of
    that name raises, once each.
    """

    policy: Policy
    workload: Workload | None
    now: datetime = START
    value: Datapoint | None = None
    others: list[Policy] = field(default_factory=list)
    autoscaled: list[Autoscaler] = field(default_factory=list)
    alarms: dict[str, AlarmEvent] = field(default_factory=dict)
    sent: list[Evaluate] = field(default_factory=list)
    paused: Pause | None = None
    remarks: dict[str, Remark] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    writes: list[tuple[int, int]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    crash_at: tuple[int, str] | None = None
    meddle: Callable[[str], None] = lambda _name: None
    failures: dict[str, list[BellhopError]] = field(default_factory=dict)

    # ------------------------------------------------------------ Cluster
    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        listed = [self.policy, *self.others]
        return self._call("list" if not fresh else "list again", lambda: (listed, []))

    def policy_now(self, namespace: str, name: str) -> Policy:
        found = [p for p in (self.policy, *self.others) if (p.namespace, p.name) == (namespace, name)]
        if not found:
            raise NotFoundError(f"policy {namespace}/{name} not found")
        return found[0]

    def write_status(self, policy: Policy, status: Status) -> Policy:
        def write() -> Policy:
            now = self.policy_now(policy.namespace, policy.name)
            if policy.resource_version != now.resource_version:
                raise ConflictError("the policy was modified")
            # Through JSON, as the API server keeps it.
            kept = msgspec.convert(msgspec.to_builtins(status), Status)
            written = msgspec.structs.replace(
                now, status=kept, resource_version=next_version(now.resource_version)
            )
            if now is self.policy:
                self.policy = written
            else:
                self.others[self.others.index(now)] = written
            return written

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

    def autoscalers(self, *, fresh: bool = False) -> list[Autoscaler]:
        return self._call("autoscalers", lambda: self.autoscaled)

    def remark(self, workload: Workload, remark: Remark, *, now: datetime) -> None:
        self._call("remark", lambda: self.remarks.setdefault(remark.id, remark))

    # ------------------------------------------------------------ CloudWatch
    def states(self, names: Collection[str]) -> list[AlarmEvent]:
        return self._call("alarms", lambda: [self.alarms[name] for name in names if name in self.alarms])

    def all(self) -> list[AlarmEvent]:
        return self._call("all alarms", lambda: list(self.alarms.values()))

    def newest(self, metrics: Sequence[Metric], *, now: datetime) -> list[Datapoint | None]:
        return self._call("metric", lambda: [self.value for _ in metrics])

    # ------------------------------------------------------------ NodeGroups
    def read(self, name: str) -> Workload:
        return self._call("read workload", self.workload_now)

    def resize_group(self, group: Workload, desired: int, *, token: str, raise_ceiling: bool) -> None:
        self.scale(group, desired)

    # ------------------------------------------------------------ FollowUps, Pauses, Ledger, Intents
    def send(self, order: Evaluate, *, now: datetime) -> None:
        self._call("follow up", lambda: self.sent.append(order))

    def get(self) -> Pause | None:
        return self.paused

    def put(self, pause: Pause | None) -> None:
        def write() -> None:
            self.paused = pause

        self._call("pause", write)

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

    # ------------------------------------------------------------ Time
    def follow_ups(self, until: datetime) -> int:
        """Deliver follow-ups when they are due, until that time. Answers how many were."""
        delivered = 0
        while due := sorted((o for o in self.sent if o.due <= until), key=lambda o: o.due):
            order = due[0]
            self.sent.remove(order)
            self.now = max(self.now, order.due)
            self.by_alarm().look_again(order, owner=f"follow-up-{self.now.isoformat()}")
            delivered += 1
        self.now = max(self.now, until)
        return delivered

    # ------------------------------------------------------------ Wiring
    def targets(self, allowed: Callable[[str], bool] = lambda _namespace: True) -> Targets:
        return Targets(_Cluster(self), _Groups(self), allowed, "infra")

    def by_alarm(self, *, allowed: Callable[[str], bool] = lambda _namespace: True) -> AlarmScaler:
        cluster = _Cluster(self)
        telling = Telling(self, cluster, lambda: self.now)
        reconciler = Reconciler(
            cluster=cluster,
            targets=self.targets(allowed),
            looking=Looking(self, self),
            pauses=self,
            follow_ups=self,
            telling=telling,
            clock=lambda: self.now,
        )
        return AlarmScaler(
            cluster=cluster,
            reconciler=reconciler,
            telling=telling,
            own_alarms="bellhop-",
            clock=lambda: self.now,
        )

    def by_hand(self, *, allowed: Callable[[str], bool] = lambda _namespace: True) -> HandScaler:
        return HandScaler(
            cluster=_Cluster(self),
            intents=self,
            ledger=self,
            targets=self.targets(allowed),
            lease=LEASE,
            clock=lambda: self.now,
        )

    def resync(self) -> Resync:
        return Resync(cluster=_Cluster(self), alarms=self, follow_ups=self, clock=lambda: self.now)

    def controls(self, *, allowed: Callable[[str], bool] = lambda _namespace: True) -> Controls:
        return Controls(
            cluster=_Cluster(self),
            pauses=self,
            follow_ups=self,
            resync=self.resync(),
            ledger=self,
            allowed=allowed,
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
    """The world as `bellhop.scaling.workload.Cluster`, where methods are called as fields of the world are."""

    def __init__(self, world: World) -> None:
        self._world = world

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        return self._world.policies(fresh=fresh)

    def policy(self, namespace: str, name: str) -> Policy:
        return self._world._call("read policy", lambda: self._world.policy_now(namespace, name))

    def write_status(self, policy: Policy, status: Status) -> Policy:
        return self._world.write_status(policy, status)

    def workload(self, namespace: str, kind: str, name: str) -> Workload:
        return self._world._call("read workload", self._world.workload_now)

    def scale(self, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        self._world.scale(workload, replicas, dry_run=dry_run)

    def autoscalers(self, *, fresh: bool = False) -> list[Autoscaler]:
        return self._world.autoscalers(fresh=fresh)

    def remark(self, workload: Workload, remark: Remark, *, now: datetime) -> None:
        self._world.remark(workload, remark, now=now)


class _Groups:
    """The world as `node_groups.NodeGroups`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def read(self, name: str) -> Workload:
        return self._world.read(name)

    def resize(self, group: Workload, desired: int, *, token: str, raise_ceiling: bool) -> None:
        self._world.resize_group(group, desired, token=token, raise_ceiling=raise_ceiling)


def next_version(version: str) -> str:
    return str(int(version) + 1)


#: No window for scaling down: most tests are about something else.
AT_ONCE = DeclaredBehavior(scale_down=DeclaredRules(stabilization_window_seconds=0))


def world(
    *,
    replicas: int = 4,
    ready: int | None = None,
    value: float | None = 86.0,
    behavior: DeclaredBehavior = AT_ONCE,
    **declared: object,
) -> World:
    """Deployment shop/web under a policy: 60 CPU, 2 to 12 replicas, alarm web-cpu-high. declared: other fields of
    its spec."""
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
        behavior=behavior,
    )
    spec = msgspec.structs.replace(spec, **declared)
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
    return AlarmEvent(arn(name), name, state, at, "Threshold Crossed", metric=CPU, datapoint=point)


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"


def alert(
    *,
    state: State = State.ALARM,
    began: datetime = START,
    received: datetime | None = None,
    value: str | None = "86",
    labels: dict[str, str] | None = None,
) -> AlarmEvent:
    """A pushed alert, firing or resolved, with its value in the annotation `value`."""
    labels = labels or {"alertname": "QueueDeep", "team": "shop"}
    annotations = {} if value is None else {"value": value}
    carried = Alert(labels, annotations, {}, received or began)
    return AlarmEvent("alert/8f78c9e05158455b", labels["alertname"], state, began, alert=carried)


def request(
    *, replicas: int = 6, id: str = "request-1", dry_run: bool = False, hold_seconds: int | None = None
) -> ScaleRequest:
    return ScaleRequest(
        id=id,
        namespace="shop",
        kind="Deployment",
        name="web",
        replicas=replicas,
        person="ana",
        correlation="c-1",
        at=START,
        dry_run=dry_run,
        asked_in=id,
        hold_seconds=hold_seconds,
    )


def control(verb: Verb, *, id: str = "control-1", all_: bool = False, question: str = "") -> Control:
    """A person's word on the policy shop/web, or on all."""
    named = {} if all_ else {"namespace": "shop", "name": "web"}
    return Control(
        id=id, verb=verb, person="ana", correlation="c-1", at=START, question=question, asked_in=id, **named
    )
