"""Restart: annotate the pods' template once, then watch the rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bellhop.errors import BellhopError, RefusedError
from bellhop.jobs.cluster import Cluster, Restartable
from bellhop.jobs.request import Asked, Restart
from bellhop.kubernetes.errors import ConflictError
from bellhop.ledger import Outcome
from job import Ending, Job, Stage
from turns import Later, Milestone, Onward, Reason, Turn, failure

#: Kubernetes' own progressDeadlineSeconds, if nobody sets another.
LASTING = timedelta(minutes=10)
PAUSE_SECONDS = 10
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Restarting:
    """allowed: tests a namespace against AllowedNamespaces."""

    cluster: Cluster
    allowed: Callable[[str], bool]

    def lasting(self, _: Asked) -> timedelta:
        return LASTING

    def turn(self, job: Job, now: datetime) -> Turn:
        asked = _asked(job)
        if not self.allowed(asked.namespace):
            said = f"the stack's parameter AllowedNamespaces does not name {asked.namespace}"
            raise RefusedError(Reason.NAMESPACE_NOT_ALLOWED, said)
        match job.stage:
            case Stage.ASKED:
                return self._asked_for(job, self._read(asked), now)
            case Stage.CHANGING:
                return self._changing(job)
            case Stage.UNDER_WAY:
                return watched(job, self._read(asked), now)

    def _read(self, asked: Restart) -> Restartable:
        return self.cluster.workload(asked.namespace, asked.kind, asked.name)

    def _asked_for(self, job: Job, workload: Restartable, now: datetime) -> Turn:
        asked = _asked(job)
        if workload.hindrance is not None:
            raise RefusedError(workload.hindrance.code, workload.hindrance.said)
        if asked.dry_run:
            self.cluster.restart(workload, stamp(asked.at), dry_run=True)
            return _ending(job, Outcome.HELD, Reason.DRY_RUN, f"{asked.person} asked for a dry run", now)
        return Onward(msgspec.structs.replace(job, stage=Stage.CHANGING, uid=workload.uid))

    def _changing(self, job: Job) -> Turn:
        asked = _asked(job)
        self._annotate(job, asked)
        milestone = Milestone(
            Reason.ROLLOUT_STARTED,
            f"{asked.subject}: {asked.kind} is being restarted",
            f"{asked.person} asked for it",
        )
        onward = msgspec.structs.replace(
            job, stage=Stage.UNDER_WAY, progress="its controller has not seen it yet"
        )
        return Later(onward, PAUSE_SECONDS, milestone)

    def _annotate(self, job: Job, asked: Restart) -> None:
        """Unless an earlier attempt did, or somebody restarted it since."""
        for attempt in range(ATTEMPTS):
            workload = self._read(asked)
            _require_same(job, workload)
            if is_restarted(workload, asked.at):
                return
            try:
                self.cluster.restart(workload, stamp(asked.at))
            except ConflictError:  # its controller writes its status all the time
                if attempt + 1 == ATTEMPTS:
                    raise
            else:
                return

    def called_off(self, job: Job, now: datetime) -> Ending:
        return _ending(job, Outcome.HELD, Reason.CANCELLED, _who(job), now)

    def failed(self, job: Job, error: BellhopError, now: datetime) -> Ending:
        return _ending(job, *failure(job, error, Reason.TARGET_MISSING), str(error), now)


def watched(job: Job, workload: Restartable, now: datetime) -> Turn:
    """What the rollout's state means for the job. Pure. Raises RefusedError when the workload is another one."""
    asked, rollout = _asked(job), workload.rollout
    _require_same(job, workload)
    if not is_restarted(workload, asked.at):
        said = "somebody set the pods' template back to before the restart"
        return _ending(job, Outcome.FAILED, Reason.RESTART_UNDONE, said, now)
    if rollout.done:
        return _ending(
            job, Outcome.DONE, Reason.ROLLOUT_COMPLETE, f"{asked.person} asked; {rollout.said}", now
        )
    if rollout.stalled:
        return _ending(job, Outcome.FAILED, Reason.ROLLOUT_STALLED, rollout.said, now)
    if now >= job.until:
        minutes = int(LASTING.total_seconds()) // 60
        said = f"not complete after {minutes} minutes: {rollout.said}; nobody watches it any more"
        return _ending(job, Outcome.FAILED, Reason.ROLLOUT_STALLED, said, now)
    return Later(msgspec.structs.replace(job, progress=rollout.said), PAUSE_SECONDS)


def _require_same(job: Job, workload: Restartable) -> None:
    if workload.uid != job.uid:
        said = f"{job.asked.subject} was deleted meanwhile, and made again"
        raise RefusedError(Reason.TARGET_MISSING, said)


def stamp(at: datetime) -> str:
    """A time as kubectl writes the annotation, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_restarted(workload: Restartable, at: datetime) -> bool:
    """Whether the workload was restarted at `at` or, by somebody else, since."""
    try:
        restarted_at = datetime.fromisoformat(workload.restarted_at)
    except ValueError:
        return False
    return restarted_at.tzinfo is not None and restarted_at >= at.replace(microsecond=0)


def _who(job: Job) -> str:
    return f"{job.called_off.person} stopped it" if job.called_off else "it was stopped"


def _ending(job: Job, outcome: Outcome, reason: str, because: str, now: datetime) -> Ending:
    asked = _asked(job)
    what = f"{asked.subject}: {asked.kind}"
    match job.stage, outcome:
        case _, Outcome.DONE:
            summary = f"{what} restarted"
        case Stage.ASKED, _ if reason == Reason.DRY_RUN:
            summary = f"{what} would be restarted (dry run, nothing changed)"
        case Stage.ASKED, _:
            summary = f"{what} not restarted"
        case Stage.CHANGING, _:
            summary = f"{what} not restarted, as far as is known"
        case _, Outcome.HELD:
            summary = f"{what} is watched no longer"
            because = f"{because}; the rollout goes on by itself ({job.progress})"
        case _:
            summary = f"{what}: the restart came to no end"
    return Ending(outcome=outcome, reason=reason, summary=summary, because=because, at=now)


def _asked(job: Job) -> Restart:
    if not isinstance(job.asked, Restart):
        raise TypeError(f"job {job.id} is no restart")
    return job.asked
