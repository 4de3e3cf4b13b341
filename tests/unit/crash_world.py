"""A chat whose process can die at a named moment, and what each of its ends saw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast

from approvals import Proposal, State
from bellhop.chat.access import Risk, parse_access
from bellhop.chat.replies import Address
from bellhop.jobs import request as jobs
from bellhop.jobs.request import Asked, Cancel
from bellhop.ledger import Entry, entry_id
from bellhop.scaling.request import Request, encode
from registry import registered
from tests.unit.chat_world import (
    ADA,
    TEAM,
    WHEN,
    Chat,
    MemoryApprovals,
    MemoryDesk,
    MemoryLedger,
    MemoryReplies,
    MemoryResponder,
)
from tests.unit.test_scaling_commands import QUESTION, policy
from tests.unit.views_world import World, alarm_view, node, pod, workload
from views import Item, QueueDepth, Views

ABE, BEA = "U0ABE", "U0BEA"
#: Of the message whose handling dies.
ID = "m1"

_PERSONS = {
    name: {"ids": [f"slack:{TEAM}/{user}"], "roles": ["admin"]}
    for name, user in (("ada", ADA), ("abe", ABE), ("bea", BEA))
}


class Crashed(BaseException):
    """The process died here. Not an Exception: nothing may catch it."""


class Moment(Enum):
    """When it dies. The values are the documentation's words."""

    BEGUN = "before anything was done"
    VOTED = "`approve`: after the yes was counted"
    APPROVED = "`approve`: after there were enough"
    TAKEN = "`approve`: after it was marked as run, before it ran"
    DENIED = "`deny`: after it was marked as denied"
    HANDED = "after it was handed on, before the ledger has it"
    TOLD = "`approve`, `deny`: after the ledger has what was decided on, before it has who decided"
    RECORDED = "after the ledger has it, before the answer is kept"
    KEPT = "after the answer is kept, before answering was begun"
    ANSWERING = "after answering was begun, before the answer was posted"
    POSTED = "after the answer was posted, before that is kept"


class Fate:
    """Kills the process at one moment, once. None: it lives."""

    def __init__(self, moment: Moment | None = None) -> None:
        self._moment = moment

    def at(self, moment: Moment) -> None:
        if self._moment is moment:
            self._moment = None
            raise Crashed(moment.name)

    @property
    def met(self) -> bool:
        return self._moment is None


@dataclass
class _Replies(MemoryReplies):
    fate: Fate = field(default_factory=Fate)

    def keep(self, id: str, address: Address, *, asked_at: datetime) -> None:
        self.fate.at(Moment.BEGUN)
        super().keep(id, address, asked_at=asked_at)


@dataclass
class _Ledger(MemoryLedger):
    """written: every try, also of what is there."""

    fate: Fate = field(default_factory=Fate)
    written: list[Entry] = field(default_factory=list)

    def record(self, entry: Entry) -> bool:
        self.fate.at(Moment.HANDED)
        self.written.append(entry)
        new = super().record(entry)
        self.fate.at(Moment.RECORDED if entry.id == entry_id(ID, "command") else Moment.TOLD)
        return new


@dataclass
class _Approvals(MemoryApprovals):
    fate: Fate = field(default_factory=Fate)

    def put(self, proposal: Proposal, *, instead_of: Proposal | None) -> bool:
        written = super().put(proposal, instead_of=instead_of)
        match proposal.state:
            case State.OPEN if proposal.votes:
                self.fate.at(Moment.VOTED)
            case State.APPROVED:
                self.fate.at(Moment.APPROVED)
            case State.DONE:
                self.fate.at(Moment.TAKEN)
            case State.DENIED:
                self.fate.at(Moment.DENIED)
        return written


@dataclass
class _Responder(MemoryResponder):
    fate: Fate = field(default_factory=Fate)

    def _post(self, where: str, message: dict[str, Any]) -> None:
        self.fate.at(Moment.ANSWERING)
        super()._post(where, message)
        self.fate.at(Moment.POSTED)


@dataclass
class _Desk(MemoryDesk):
    """queued: what was handed on, as it is in the queues."""

    queued: list[str] = field(default_factory=list)

    def hand_to_scaling(self, request: Request) -> None:
        self.queued.append(encode(request))

    def hand_to_jobs(self, request: Asked | Cancel) -> None:
        self.queued.append(jobs.encode(request))


class Crashing:
    """A chat where `shop/web` has a policy with an open question, pods, an alarm and something in each feed, and
    where ada, abe and bea are admins. careful: every change needs another person's approval."""

    def __init__(self, *, careful: bool = False) -> None:
        changes = sorted({c.name for c in registered().values() if c.risk is not Risk.READ})
        document: dict[str, Any] = {"persons": _PERSONS}
        if careful:
            document["approval"] = {"required": [name for name in changes if name not in {"approve", "deny"}]}
        self.now = WHEN
        self.replies, self.ledger, self.approvals = _Replies(), _Ledger(), _Approvals()
        self.responder = _Responder()
        self.desk = _Desk(default_namespace="shop", found=([policy(status={"question": QUESTION})], []))
        vars(self.desk)["views"] = _views()
        access = json.dumps(document)
        self._chat = Chat(
            access=lambda: parse_access(access),
            desk=self.desk,
            ledger=self.ledger,
            replies=self.replies,
            approvals=self.approvals,
            responder=self.responder,
        )

    def chat(self, fate: Fate) -> Chat:
        """As a new process wires it, with what the others left behind."""
        for end in (self.replies, self.ledger, self.approvals, self.responder):
            end.fate = fate
        now = self.now
        return replace(self._chat, clock=lambda: now)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def answers(self) -> list[str]:
        return [str(message["text"]) for _, message in self.responder.posts]


def _views() -> Views:
    world = World()
    world.cluster.nodes_found = [node("ip-10-0-1-7.eu-west-1.compute.internal")]
    world.cluster.pods_found = [pod()]
    world.cluster.workloads_found = [workload()]
    world.cluster.written = {("web-1", "web"): "started\n"}
    world.alarms.found = [alarm_view("web-cpu-high")]
    world.queues.found = [QueueDepth("bellhop-commands.fifo")]
    # One of each: the next draw is another, which is as good.
    world.feeds.found = {feed: [Item(f"{feed}-1", f"The only {feed}.")] for feed in ("joke", "fact")}
    return cast(Views, world.chat().desk.views)
