"""Telling what came of a look: the ledger's entry, and a Kubernetes Event beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

import entries
from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import BellhopError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.policy import Policy
from bellhop.scaling.spec import NODE_GROUP
from bellhop.scaling.status import Question
from bellhop.scaling.workload import Cluster, Workload

log = logging.getLogger("bellhop.scaling")


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a policy is looked at. cause: id of the event or follow-up. event: the alarm's change, if it is one.

    alarms: names to look up beside the policy's own. due: before this a follow-up is early. owner: this
    invocation's id, for leases.
    """

    cause: str
    actor: str
    owner: str
    event: AlarmEvent | None = None
    alarms: tuple[str, ...] = ()
    due: datetime | None = None


def actor_of(source: str, name: str) -> str:
    """An alarm as the ledger names who acted."""
    return f"{'alert' if source.startswith('alert/') else 'alarm'} {name}"


@dataclass(frozen=True, slots=True)
class Telling:
    """clock: UTC now."""

    ledger: Ledger
    cluster: Cluster
    clock: Callable[[], datetime]

    def decision(
        self, policy: Policy, outcome: Outcome, workload: Workload | None, *, note: str = ""
    ) -> None:
        """What came of the policy's last decision. workload: where a change is an Event too."""
        entry = entries.of_decision(policy, outcome, now=self.clock(), note=note)
        self.entry(entry)
        if outcome is Outcome.DONE:
            self._event(workload, entry)

    def question(self, policy: Policy, question: Question) -> None:
        """Somebody must approve."""
        self.entry(entries.of_question(policy, question, now=self.clock()))

    def refused_write(self, policy: Policy, workload: Workload, error: BellhopError) -> None:
        """The size could not be written, for good."""
        entry = entries.of_decision(policy, Outcome.FAILED, now=self.clock())
        entry = msgspec.structs.replace(entry, reason=error.code, because=str(error))
        self.entry(entry)
        self._event(workload, entry)

    def refusal(self, policy: Policy, occasion: Occasion, code: str, said: str) -> None:
        """No decision could be made."""
        id = entry_id(policy.uid, occasion.cause, code)
        self._nothing(policy.target, occasion, id=id, outcome=Outcome.REFUSED, code=code, said=said)

    def gone(self, policy: Policy, name: str, occasion: Occasion) -> None:
        """An alarm that counted was deleted."""
        said = f"alarm {name} was deleted while it counted: it asks for nothing any more"
        id = entry_id(policy.uid, "gone", name, str(policy.status.slot))
        self._nothing(policy.target, occasion, id=id, outcome=Outcome.HELD, code="AlarmDeleted", said=said)

    def failure(self, subject: str, occasion: Occasion, error: BellhopError) -> None:
        """A look came to no end; what fails for long is told once an hour."""
        # A follow-up has a new cause each time.
        hour = f"{self.clock():%Y-%m-%dT%H}"
        id = entry_id(subject, occasion.cause if occasion.event is not None else hour, error.code)
        said = f"{error}; it is tried again" if error.retryable else str(error)
        self._nothing(subject, occasion, id=id, outcome=Outcome.FAILED, code=error.code, said=said)

    def unreadable(self, occasion: Occasion, problem: str) -> None:
        """A policy that does not parse may be the one meant: said once for each problem, not for each alarm."""
        id, code = entry_id("PolicyInvalid", problem), "PolicyInvalid"
        self._nothing("policies", occasion, id=id, outcome=Outcome.REFUSED, code=code, said=problem)

    def unmatched(self, occasion: Occasion) -> None:
        """No policy is for the alarm: said once for each change of its state, not for each repeat of an alert."""
        said = f"no policy in the cluster is triggered by {occasion.actor}"
        event = occasion.event
        change = () if event is None else (event.source, str(event.state), event.at.isoformat())
        id = entry_id("unmatched", *change)
        subject = occasion.actor.replace(" ", "/", 1)
        self._nothing(subject, occasion, id=id, outcome=Outcome.HELD, code="NoPolicy", said=said)

    def entry(self, entry: Entry) -> None:
        new = self.ledger.record(entry)
        facts = {"subject": entry.subject, "reason": entry.reason, "because": entry.because, "new": new}
        log.info("scaling.told", extra=facts | {"outcome": entry.outcome})

    def _nothing(
        self, subject: str, occasion: Occasion, *, id: str, outcome: Outcome, code: str, said: str
    ) -> None:
        self.entry(
            entries.of_nothing(
                subject,
                id=id,
                outcome=outcome,
                code=code,
                said=said,
                cause=occasion.cause,
                actor=occasion.actor,
                now=self.clock(),
            )
        )

    def _event(self, workload: Workload | None, entry: Entry) -> None:
        """The entry is what counts: the Event may fail. A node group is nothing in the cluster."""
        if workload is None or workload.kind == NODE_GROUP:
            return
        try:
            self.cluster.remark(workload, entries.remark(entry), now=self.clock())
        except BellhopError as error:
            log.warning("scaling.event_not_written", extra={"code": error.code, "because": str(error)})
