"""What comes of one turn at a job, and who takes turns: one worker for each kind of job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bellhop.errors import BellhopError
from bellhop.jobs.request import Asked
from bellhop.kubernetes.errors import NotFoundError
from bellhop.ledger import Outcome
from job import Ending, Job, Stage


class Reason(StrEnum):
    """Why a job is where it is: the ledger's codes, beside the API server's own (Forbidden, Unavailable ...)."""

    ROLLOUT_STARTED = "RolloutStarted"
    ROLLOUT_COMPLETE = "RolloutComplete"
    ROLLOUT_STALLED = "RolloutStalled"
    RESTART_UNDONE = "RestartUndone"
    TARGET_MISSING = "TargetMissing"
    PAUSED = "Paused"
    ON_DELETE = "OnDelete"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    NODE_CORDONED = "NodeCordoned"
    NODE_UNCORDONED = "NodeUncordoned"
    NODE_DRAINED = "NodeDrained"
    DRAIN_TIMED_OUT = "DrainTimedOut"
    NOT_EVICTABLE = "NotEvictable"
    NODE_MISSING = "NodeMissing"
    NODES_NOT_ALLOWED = "NodesNotAllowed"
    CANCELLED = "Cancelled"
    JOB_MISSING = "JobMissing"
    JOB_ENDED = "JobEnded"
    DRY_RUN = "DryRun"


@dataclass(frozen=True, slots=True)
class Milestone:
    """Worth an entry while the job goes on."""

    reason: Reason
    summary: str
    because: str


@dataclass(frozen=True, slots=True)
class Onward:
    """Keep the job so, then take the next turn at once."""

    job: Job
    milestone: Milestone | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Keep the job so, and take the next turn after that many seconds."""

    job: Job
    seconds: int
    milestone: Milestone | None = None


type Turn = Onward | Later | Ending


def failure(job: Job, error: BellhopError, missing: Reason) -> tuple[Outcome, str]:
    """Outcome and reason of a job that the error ends. missing: what a NotFoundError is called."""
    refused = job.stage is not Stage.UNDER_WAY and not error.retryable
    code = missing if isinstance(error, NotFoundError) else error.code
    return Outcome.REFUSED if refused else Outcome.FAILED, code


class Worker(Protocol):
    """Takes turns at jobs of one kind. What it does may be done again: a turn is repeated after a crash, and two
    may be taken at the same time."""

    def lasting(self, asked: Asked, /) -> timedelta:
        """For how long what is asked for is tried."""

    def turn(self, job: Job, now: datetime) -> Turn:
        """Look, and do what comes next. Raises BellhopError: a retryable one to look again soon, else the job's
        end."""

    def called_off(self, job: Job, now: datetime) -> Ending:
        """The end of a job that somebody stopped."""

    def failed(self, job: Job, error: BellhopError, now: datetime) -> Ending:
        """The end of a job that the error ends."""
