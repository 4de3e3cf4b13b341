"""Drain: look whether every pod may go, cordon the node, then evict pods as their budgets allow until none is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bellhop import durations
from bellhop.errors import BellhopError, RefusedError, UnavailableError
from bellhop.jobs.cluster import Cluster, Evicted, Pod
from bellhop.jobs.request import Asked, Drain
from bellhop.ledger import Outcome
from evictable import Sorted, hindrance, sort
from job import Ending, Job, Stage
from nodes import Nodes
from turns import Later, Milestone, Onward, Reason, Turn, failure

PAUSE_SECONDS = 5
#: Evictions asked for in one step, and for how long: the function has 15 s, and each call may take 3.
EVICTIONS = 25
_EVICTING = timedelta(seconds=6)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Draining:
    """clock: UTC now."""

    cluster: Cluster
    nodes: Nodes
    clock: Callable[[], datetime]

    def lasting(self, asked: Asked) -> timedelta:
        return timedelta(seconds=asked.timeout_seconds if isinstance(asked, Drain) else 0)

    def turn(self, job: Job, now: datetime) -> Turn:
        asked = _asked(job)
        node = self.nodes.find(asked.node, job.uid)
        match job.stage:
            case Stage.ASKED:
                found = sort(self.cluster.pods(node.name), asked)
                if found.refused:
                    raise RefusedError(Reason.NOT_EVICTABLE, _why_not(found.refused, asked))
                if asked.dry_run:
                    self.cluster.cordon(node, on=True, dry_run=True)
                    said = f"to be evicted: {_count(found.evict)}{_names(found.evict)}"
                    return _ending(job, Outcome.HELD, Reason.DRY_RUN, said, now)
                return Onward(msgspec.structs.replace(job, stage=Stage.CHANGING, uid=node.uid))
            case Stage.CHANGING:
                self.cluster.cordon(node, on=True)
                said = f"{asked.person} asked to drain it, within {durations.say(job.until - job.started)}"
                milestone = Milestone(
                    Reason.NODE_CORDONED, f"{asked.subject}: cordoned; its pods are being evicted", said
                )
                return Onward(msgspec.structs.replace(job, stage=Stage.UNDER_WAY), milestone)
            case Stage.UNDER_WAY:
                if not node.unschedulable:
                    said = "somebody uncordoned the node, so pods come back to it"
                    return _ending(job, Outcome.HELD, Reason.NODE_UNCORDONED, said, now)
                found = sort(self.cluster.pods(node.name), asked)
                return ended(job, found, now) or self._evict(job, found)

    def _evict(self, job: Job, found: Sorted) -> Turn:
        asked, begun = _asked(job), self.clock()
        evicted, held, said = 0, 0, ""
        for pod in chosen(found.evict, job.number):
            if self.clock() - begun > _EVICTING:
                break
            try:
                answer = self.cluster.evict(pod, grace_seconds=asked.grace_seconds)
            except UnavailableError as error:
                said = str(error)
                break
            if answer.evicted is Evicted.NOT_NOW:
                held, said = held + 1, f"{pod}: {answer.said}"
            else:
                evicted += 1
        progress = f"{_count(found.remaining)} left: {evicted + len(found.leaving)} ending, {held} held back"
        progress = f"{progress} ({said})" if said else progress
        return Later(msgspec.structs.replace(job, progress=progress), PAUSE_SECONDS)

    def called_off(self, job: Job, now: datetime) -> Ending:
        by = job.called_off.person if job.called_off else "somebody"
        said = f"{by} stopped it; {job.progress}" if job.progress else f"{by} stopped it"
        return _ending(job, Outcome.HELD, Reason.CANCELLED, said, now)

    def failed(self, job: Job, error: BellhopError, now: datetime) -> Ending:
        return _ending(job, *failure(job, error, Reason.NODE_MISSING), str(error), now)


def ended(job: Job, found: Sorted, now: datetime) -> Ending | None:
    """How the drain ends with these pods on the node; None while there is something to evict or wait for. Pure."""
    asked = _asked(job)
    if not found.remaining:
        took = durations.say(timedelta(seconds=round((now - job.started).total_seconds())))
        said = f"{asked.person} asked; no pod is left but those that belong to the node, after {took}"
        return _ending(job, Outcome.DONE, Reason.NODE_DRAINED, said, now)
    if not found.evict and not found.leaving:
        said = f"came onto the node meanwhile: {_why_not(found.refused, asked)}"
        return _ending(job, Outcome.FAILED, Reason.NOT_EVICTABLE, said, now)
    if now >= job.until:
        left = found.remaining
        said = f"{_count(left)} left after {durations.say(job.until - job.started)}{_names(left)}"
        said = f"{said}; {job.progress}" if job.progress else said
        return _ending(job, Outcome.FAILED, Reason.DRAIN_TIMED_OUT, said, now)
    return None


def chosen(pods: Sequence[Pod], step: int) -> list[Pod]:
    """The pods to ask for in a step. Each step begins further on, so that those whose budgets say no do not keep
    the others from their turn."""
    if len(pods) <= EVICTIONS:
        return list(pods)
    first = step * EVICTIONS % len(pods)
    return [*pods[first:], *pods[:first]][:EVICTIONS]


def _why_not(pods: Sequence[Pod], drain: Drain) -> str:
    told = "; ".join(f"{pod} {hindrance(pod, drain)}" for pod in pods[:_NAMED])
    return f"{told}; and {len(pods) - _NAMED} more" if len(pods) > _NAMED else told


def _count(pods: Sequence[Pod]) -> str:
    return "1 pod" if len(pods) == 1 else f"{len(pods)} pods"


def _names(pods: Sequence[Pod]) -> str:
    if not pods:
        return ""
    more = f" and {len(pods) - _NAMED} more" if len(pods) > _NAMED else ""
    return f": {', '.join(map(str, pods[:_NAMED]))}{more}"


def _ending(job: Job, outcome: Outcome, reason: str, because: str, now: datetime) -> Ending:
    asked = _asked(job)
    next_ = f"`uncordon {asked.node}` lets pods on it again"
    match job.stage, outcome:
        case _, Outcome.DONE:
            summary, because = f"{asked.subject}: drained", f"{because}; {next_}"
        case Stage.ASKED, _:
            dry = " (dry run, nothing changed)" if reason == Reason.DRY_RUN else ", nothing changed"
            summary = f"{asked.subject}: not drained{dry}"
        case _ if reason in {Reason.NODE_MISSING, Reason.NODE_UNCORDONED}:
            summary = f"{asked.subject}: not drained to the end"
        case Stage.CHANGING, _:
            summary = f"{asked.subject}: not drained, but perhaps cordoned"
            because = f"{because}; {next_}"
        case _:
            summary = f"{asked.subject}: not drained to the end; it stays cordoned"
            because = f"{because}; {next_}"
    return Ending(outcome=outcome, reason=reason, summary=summary, because=because, at=now)


def _asked(job: Job) -> Drain:
    if not isinstance(job.asked, Drain):
        raise TypeError(f"job {job.id} is no drain")
    return job.asked
