"""Going on with jobs: one turn for each message, whatever is delivered how often, late or out of order.

The next step is sent before the state that awaits it is written: whoever dies in between is followed by that step,
and whoever dies before is delivered again. A step that is behind the state changes nothing, one that is ahead of it
does the work of the one that died. So no crash ends a chain of steps, and no duplicate begins a second one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from bellhop.errors import BellhopError, BusyError
from bellhop.jobs.request import Asked, Step
from job import Ending, Job, Jobs, Stage, begun, changed
from job_entries import JobTelling
from next_steps import Steps
from turns import Later, Turn, Worker

log = logging.getLogger("bellhop.jobs")

#: Turns in one delivery: a job has at most three stages, and now and then somebody else is faster.
TURNS = 6
#: After an answer that the API server could not give.
RETRY_SECONDS = 10


class Progress(Protocol):
    """Who is shown how far a job is."""

    def update(self, job: Job, text: str) -> None:
        """Show the text in place of the last one. Best effort: it may be lost, and come twice."""


class LoggedProgress:
    """`Progress` into the log."""

    def update(self, job: Job, text: str) -> None:
        log.info("job.progress", extra={"job": job.id, "subject": job.asked.subject, "progress": text})


class Stepping:
    """Takes requests and steps. Roles were checked by `commands`. workers: by the kind of request they work on."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        steps: Steps,
        workers: Mapping[type, Worker],
        telling: JobTelling,
        progress: Progress,
        clock: Callable[[], datetime],
    ) -> None:
        self._jobs = jobs
        self._steps = steps
        self._workers = workers
        self._telling = telling
        self._progress = progress
        self._clock = clock

    def take(self, asked: Asked) -> None:
        """Begin the job that is asked for, unless it is begun: the request is its first step.

        Raises BusyError, UnavailableError, to be delivered again.
        """
        if self._jobs.find(asked.id) is None:
            lasting = self._workers[type(asked)].lasting(asked)
            self._jobs.write(begun(asked, now=self._clock(), lasting=lasting), instead_of=None)
        self.step(Step(job=asked.id, number=1))

    def step(self, step: Step) -> None:
        """Go on with a job, if it still waits for this step. Raises as `take` does."""
        for _ in range(TURNS):
            job = self._jobs.find(step.job)
            if job is None:
                log.warning("job.gone", extra={"job": step.job, "number": step.number})
                return
            if job.ending is not None:  # perhaps by a delivery that ended before it could tell
                self._telling.ended(job, job.ending)
                return
            if step.number < job.number:
                log.info("job.step_behind", extra={"job": job.id, "number": step.number})
                return
            if self._settled(job, step.number):
                return
        raise BusyError(f"job {step.job} is being worked on by other deliveries", retry_after=RETRY_SECONDS)

    def _settled(self, job: Job, number: int) -> bool:
        """Take a turn and keep what came of it. False: read the job again and take another."""
        turn = self._turn(job)
        if isinstance(turn, Ending):
            if not self._jobs.write(changed(job, ending=turn), instead_of=job):
                return False
            self._telling.ended(job, turn)
            return True
        if turn.milestone is not None:
            self._telling.milestone(job, turn.milestone)
        if not isinstance(turn, Later):
            self._jobs.write(changed(turn.job), instead_of=job)
            return False
        self._steps.send(Step(job=job.id, number=number + 1), seconds=turn.seconds)
        onward = changed(turn.job, number=number + 1)
        if not self._jobs.write(onward, instead_of=job):
            return False
        if onward.progress != job.progress:
            self._progress.update(onward, onward.progress)
        return True

    def _turn(self, job: Job) -> Turn:
        worker, now = self._workers[type(job.asked)], self._clock()
        # A change that was decided is made first: what is told of its end is then known.
        if job.called_off is not None and job.stage is not Stage.CHANGING:
            return worker.called_off(job, now)
        try:
            return worker.turn(job, now)
        except BellhopError as error:
            log.info("job.hindered", extra={"job": job.id, "code": error.code, "because": str(error)})
            if not error.retryable or now >= job.until:
                return worker.failed(job, error, now)
            if job.called_off is not None:
                return worker.called_off(job, now)
            return Later(msgspec.structs.replace(job, progress=f"{error}; it is tried again"), RETRY_SECONDS)
