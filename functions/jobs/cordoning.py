"""Cordon and uncordon: one write, made once whatever is delivered how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bellhop.errors import BellhopError
from bellhop.jobs.cluster import Cluster
from bellhop.jobs.request import Asked, Cordon
from bellhop.ledger import Outcome
from job import Ending, Job, Stage
from nodes import Nodes
from turns import Onward, Reason, Turn, failure

LASTING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Cordoning:
    cluster: Cluster
    nodes: Nodes

    def lasting(self, _: Asked) -> timedelta:
        return LASTING

    def turn(self, job: Job, now: datetime) -> Turn:
        asked = _asked(job)
        node = self.nodes.find(asked.node, job.uid)
        reason = Reason.NODE_CORDONED if asked.on else Reason.NODE_UNCORDONED
        because = f"{asked.person} asked for it"
        if job.stage is Stage.ASKED:
            if node.unschedulable is asked.on:
                return _ending(job, Outcome.HELD, reason, f"{because}; it was already", now)
            if not asked.dry_run:
                return Onward(msgspec.structs.replace(job, stage=Stage.CHANGING, uid=node.uid))
            self.cluster.cordon(node, on=asked.on, dry_run=True)
            return _ending(job, Outcome.HELD, Reason.DRY_RUN, because, now)
        self.cluster.cordon(node, on=asked.on)
        return _ending(job, Outcome.DONE, reason, because, now)

    def called_off(self, job: Job, now: datetime) -> Ending:
        by = job.called_off.person if job.called_off else "somebody"
        return _ending(job, Outcome.HELD, Reason.CANCELLED, f"{by} stopped it", now)

    def failed(self, job: Job, error: BellhopError, now: datetime) -> Ending:
        return _ending(job, *failure(job, error, Reason.NODE_MISSING), str(error), now)


def _ending(job: Job, outcome: Outcome, reason: str, because: str, now: datetime) -> Ending:
    asked = _asked(job)
    what = f"{asked.subject}: {asked.action}ed"
    match reason:
        case Reason.DRY_RUN:
            summary = f"{what} (dry run, nothing changed)"
        case Reason.NODE_CORDONED | Reason.NODE_UNCORDONED:
            summary = what if outcome is Outcome.DONE else f"{what} already"
        case _:
            unsure = ", as far as is known" if job.stage is Stage.CHANGING else ""
            summary = f"{asked.subject}: not {asked.action}ed{unsure}"
    return Ending(outcome=outcome, reason=reason, summary=summary, because=because, at=now)


def _asked(job: Job) -> Cordon:
    if not isinstance(job.asked, Cordon):
        raise TypeError(f"job {job.id} is no cordon")
    return job.asked
