"""What the reading commands look at: one port for each subject, and the values that pass through them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bellhop.kubernetes.inventory import Node, Pod, Workload
from bellhop.ledger import Entry


class ClusterViews(Protocol):
    """What runs in the cluster (`bellhop.kubernetes.views.LightkubeViews`). namespace None: all of them. most: where
    a list ends. Raises the errors of `bellhop.kubernetes.errors`, UnavailableError."""

    def nodes(self, *, most: int) -> list[Node]: ...

    def pods(self, namespace: str | None, *, node: str = "", selector: str = "", most: int) -> list[Pod]:
        """Those on the node, of the label selector; "" is any."""

    def pod(self, namespace: str, name: str) -> Pod: ...

    def workloads(
        self, namespace: str | None, *, kind: str = "", name: str = "", most: int
    ) -> list[Workload]:
        """Those of the kind ("Deployment", "StatefulSet", "DaemonSet") and name; "" is any."""


class Logs(Protocol):
    """What containers wrote (`bellhop.kubernetes.views.LightkubeViews`)."""

    def log(self, pod: Pod, container: str, *, tail: int, since_seconds: int | None) -> str:
        """The last `tail` lines, as they were written: not redacted. Errors as those of `ClusterViews`."""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """A CloudWatch alarm. since: when it came into its state. watches: the metric and the threshold, or the rule of
    a composite one, in words. reason: CloudWatch's own. acts: how many actions its state ALARM has; 0 with
    actions disabled."""

    name: str
    state: str
    since: datetime
    watches: str
    reason: str
    description: str
    acts: int


class Alarms(Protocol):
    """CloudWatch's alarms (`alarm_views.CloudWatchAlarms`). Raises UnavailableError, ConfigError."""

    def alarms(self, *, state: str = "", name: str = "") -> tuple[list[AlarmView], bool]:
        """The alarms in the state, of that very name; "" is any. And whether there are more than these."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Approximate numbers of messages, as SQS has them. problem: why they could not be read, or ""."""

    name: str
    waiting: int = 0
    in_flight: int = 0
    delayed: int = 0
    problem: str = ""

    @property
    def dead_letters(self) -> bool:
        """Whether it is where messages go that failed: the template names them so, and a test holds it to that."""
        return self.name.removesuffix(".fifo").endswith("-dead-letters")


class Queues(Protocol):
    """Bellhop's own queues (`queue_depths.SqsQueues`)."""

    def depths(self) -> list[QueueDepth]:
        """All of them, in the template's order. Never raises for one that cannot be read: it says so."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a feed, as plain text. id: the same whenever it is read. link: https, or ""."""

    id: str
    title: str
    text: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What somebody read last in a channel. feed: its name. seen: ids, the newest last."""

    feed: str
    seen: tuple[str, ...] = ()


class Feeds(Protocol):
    """What `joke` and `fact` tell (`feeds.KeptFeeds`). who: platform, workspace, channel and user."""

    def items(self, feed: str) -> list[Item]:
        """Never empty, never raises: what is bundled stands in for a feed that cannot be read."""

    def context(self, who: str, *, now: datetime) -> Context | None:
        """What was kept in the last 20 minutes."""

    def keep(self, who: str, context: Context, *, now: datetime) -> None: ...


class Activity(Protocol):
    """The ledger (`ledger_reading.LedgerReading`)."""

    def newest(self, limit: int, *, subject: str | None = None) -> list[Entry]:
        """The newest 1 to 100 entries, of one subject ("shop/web") or of all."""


@dataclass(frozen=True, slots=True)
class Views:
    """All of them, as `Desk.views`."""

    cluster: ClusterViews
    alarms: Alarms
    logs: Logs
    queues: Queues
    feeds: Feeds
    activity: Activity
