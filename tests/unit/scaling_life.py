"""A workload under load, minute by minute: pods that need time, CloudWatch's datapoints and alarm, follow-ups."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bellhop.alarms.alarm import Datapoint, State
from bellhop.errors import BellhopError, BusyError
from bellhop.scaling.decision import Size
from tests.unit.scaling_world import START, Crashed, World, alarm

STEP = timedelta(seconds=5)
PERIOD = timedelta(seconds=60)


@dataclass
class Change:
    """One write of a size."""

    at: datetime
    before: int
    after: int


@dataclass
class Life:
    """load: by time, in units of which each pod shows load / ready. pods_after: until new pods are ready.

    copies: how often each event is delivered. crashes: how likely a delivery dies at some call.
    """

    world: World
    load: Callable[[datetime], float]
    pods_after: timedelta = timedelta(0)
    threshold: float = 60.0
    copies: int = 1
    crashes: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    changes: list[Change] = field(default_factory=list)
    state: State = State.OK
    _seen: int = 0
    _measured: list[float] = field(default_factory=list)
    _starting: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.world.workload_now().size.replicas

    def live(self, length: timedelta) -> None:
        """Let time pass."""
        until = self.world.now + length
        while self.world.now < until:
            self._pods()
            self._measure()
            self._deliver()
            self.world.now += STEP

    def _pods(self) -> None:
        now, size = self.world.now, self.size
        ready = [count for at, count in self._starting if at <= now]
        workload = self.world.workload_now()
        if ready and min(ready[-1], size) != workload.size.ready:
            # A pod that becomes ready changes the workload's resourceVersion too.
            self.world.resize(size, ready=min(ready[-1], size))

    def _measure(self) -> None:
        now, workload = self.world.now, self.world.workload_now()
        self._measured.append(self.load(now) / max(1, workload.size.ready))
        if now > START and (now - START) % PERIOD == timedelta(0):
            value = sum(self._measured) / len(self._measured)
            self._measured.clear()
            self.world.value = Datapoint(value, now - PERIOD)
            state = State.ALARM if value > self.threshold else State.OK
            event = alarm(state=state, at=now, value=value, measured_at=now - PERIOD)
            if state is not self.state:
                self.state = state
                self.world.alarms[event.name] = replace(event, datapoint=None)
                for _ in range(self.copies):
                    self._take(lambda: self.world.by_alarm().take(event, owner=self._owner()))

    def _deliver(self) -> None:
        for order in [order for order in self.world.sent if order.due <= self.world.now]:
            self.world.sent.remove(order)
            for _ in range(self.copies):
                self._take(lambda: self.world.by_alarm().look_again(order, owner=self._owner()))  # noqa: B023
        if (self.world.now - START) % timedelta(minutes=5) == timedelta(0):
            self.world.resync().run()

    def _take(self, deliver: Callable[[], None]) -> None:
        before = self.world.workload_now().size
        if self.chance.random() < self.crashes:
            at = len(self.world.calls) + self.chance.randrange(12)
            self.world.crash_at = (at, self.chance.choice(["before", "after"]))
        try:
            deliver()
        except (Crashed, BusyError):
            pass  # the queue has it still; here the resync finds what was left
        except BellhopError:
            raise
        finally:
            self.world.crash_at = None
        self._note(before)

    def _note(self, before: Size) -> None:
        for was, is_ in self.world.writes[self._seen :]:
            self.changes.append(Change(self.world.now, was, is_))
            # New pods need their time; those that go, go at once.
            self.world.resize(is_, ready=min(before.ready, is_))
            self._starting = [(at, count) for at, count in self._starting if count <= is_]
            self._starting.append((self.world.now + self.pods_after, is_))
        self._seen = len(self.world.writes)

    def _owner(self) -> str:
        return f"invocation-{len(self.world.calls)}-{self.chance.random()}"
