"""What the ledger is told of jobs: that the world was changed, how a job ended, and that somebody stopped it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bellhop.jobs.request import Cancel
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from job import Ending, Job
from turns import Milestone

log = logging.getLogger("bellhop.jobs")


@dataclass(frozen=True, slots=True)
class JobTelling:
    """clock: UTC now."""

    ledger: Ledger
    clock: Callable[[], datetime]

    def milestone(self, job: Job, milestone: Milestone) -> None:
        """Told once, however often it is passed."""
        ending = Ending(
            outcome=Outcome.DONE,
            reason=milestone.reason,
            summary=milestone.summary,
            because=milestone.because,
            at=self.clock(),
        )
        self._record(_of_job(job, ending, id=entry_id(job.id, milestone.reason)))

    def ended(self, job: Job, ending: Ending) -> None:
        """A job has one ending, and so one such entry."""
        self._record(_of_job(job, ending, id=entry_id(job.id, "ending")))

    def stopping(self, cancel: Cancel, subject: str, outcome: Outcome, reason: str, because: str) -> None:
        """What came of somebody's wish to stop a job."""
        self._record(
            Entry(
                id=entry_id(cancel.id, "cancel"),
                at=self.clock(),
                flow="jobs",
                action="cancel",
                outcome=outcome,
                subject=subject,
                actor=f"person {cancel.person}",
                summary=f"{subject}: {'is being stopped' if outcome is Outcome.DONE else 'not stopped'}",
                reason=reason,
                because=because,
                cause=cancel.id,
                correlation=cancel.correlation,
                asked_in=cancel.asked_in,
            )
        )

    def _record(self, entry: Entry) -> None:
        new = self.ledger.record(entry)
        facts = {"subject": entry.subject, "reason": entry.reason, "because": entry.because, "new": new}
        log.info("job.told", extra=facts | {"outcome": entry.outcome})


def _of_job(job: Job, ending: Ending, *, id: str) -> Entry:
    asked = job.asked
    return Entry(
        id=id,
        at=ending.at,
        flow="jobs",
        action=asked.action,
        outcome=ending.outcome,
        subject=asked.subject,
        actor=f"person {asked.person}",
        summary=ending.summary,
        reason=ending.reason,
        because=ending.because,
        cause=asked.id,
        correlation=asked.correlation,
        asked_in=asked.asked_in,
    )
