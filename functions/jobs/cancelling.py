"""Cancel: mark the job, and have its next step taken now; that step ends it."""

from __future__ import annotations

from dataclasses import dataclass

from bellhop.errors import BusyError
from bellhop.jobs.request import Cancel, Step
from bellhop.ledger import Outcome
from job import Job, Jobs, changed
from job_entries import JobTelling
from next_steps import Steps
from turns import Reason

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Takes Cancels. Roles were checked by `commands`."""

    jobs: Jobs
    steps: Steps
    telling: JobTelling

    def take(self, cancel: Cancel) -> None:
        """Stop the job, or say why not. Raises BusyError, UnavailableError, to be delivered again."""
        for _ in range(ATTEMPTS):
            job = self.jobs.find(cancel.job)
            if job is None:
                said = f"there is no job {cancel.job}, or it ended long ago"
                self.telling.stopping(cancel, f"job/{cancel.job}", Outcome.REFUSED, Reason.JOB_MISSING, said)
                return
            if job.called_off is None and job.ending is None:
                if not self.jobs.write(changed(job, called_off=cancel), instead_of=job):
                    continue
                job = changed(job, called_off=cancel)
            self._marked(job, cancel)
            return
        raise BusyError(f"job {cancel.job} was changed by others {ATTEMPTS} times in a row", retry_after=10)

    def _marked(self, job: Job, cancel: Cancel) -> None:
        """The job ended, or somebody called it off: perhaps this very message, delivered before."""
        subject, asked = job.asked.subject, f"{job.asked.action} of {job.asked.subject}"
        by = job.called_off
        if by is not None and job.ending is None:
            # Also for who was second: should the chain of steps have broken, this takes it up.
            self.steps.send(Step(job=job.id, number=job.number), seconds=0)
        if by is not None and by.id == cancel.id:
            said = f"{cancel.person} stops the {asked}"
            self.telling.stopping(cancel, subject, Outcome.DONE, Reason.CANCELLED, said)
        elif by is not None:
            said = f"{by.person} was first to stop the {asked}"
            self.telling.stopping(cancel, subject, Outcome.HELD, Reason.CANCELLED, said)
        else:
            said = job.ending.because if job.ending else ""
            said = f"the {asked} had ended: {said}"
            self.telling.stopping(cancel, subject, Outcome.REFUSED, Reason.JOB_ENDED, said)
