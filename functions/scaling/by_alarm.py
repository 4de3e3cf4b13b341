"""Alarms and follow-ups to looks: which policies an alarm is for, and what is said when there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import BellhopError
from bellhop.kubernetes.errors import NotFoundError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Evaluate
from bellhop.scaling.workload import Cluster
from entries import of_refusal
from reconcile import Occasion, Reconciler, actor_of, follow_up_cause

log = logging.getLogger("bellhop.scaling")


class AlarmScaler:
    """Takes alarm events and follow-ups. own_alarms: the prefix of Bellhop's own. clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        reconciler: Reconciler,
        ledger: Ledger,
        own_alarms: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._reconciler = reconciler
        self._ledger = ledger
        self._own_alarms = own_alarms
        self._clock = clock

    def take(self, event: AlarmEvent, *, owner: str) -> None:
        """Look at every policy the alarm triggers. Raises a retryable BellhopError when one must be looked at
        again; all others have been by then."""
        if event.alert is None and event.name.startswith(self._own_alarms):
            log.info("alarm.own", extra={"alarm": event.name})
            return
        actor = actor_of(event.source, event.name)
        try:
            matched, problems = self._matching(event)
        except BellhopError as error:
            self._tell_unread(event, actor, error)
            if error.retryable:
                raise
            return
        for problem in problems:
            self._refuse_unreadable(event, actor, problem)
        if not matched:
            self._tell_unmatched(event, actor)
        occasion = Occasion(event.id, actor, owner, event)
        failures = [
            failure for policy in matched if (failure := self._reconciler.reconcile(policy, occasion))
        ]
        if failures:
            raise failures[0]

    def take_all(self, events: Iterable[AlarmEvent], *, owner: str) -> None:
        """Take each of one message's events. Raises the first's error when all have been tried."""
        failures = []
        for event in events:
            try:
                self.take(event, owner=owner)
            except BellhopError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def look_again(self, order: Evaluate, *, owner: str) -> None:
        """Look at a policy without an event. Raises a retryable BellhopError when it must be looked at again."""
        try:
            policy = self._cluster.policy(order.namespace, order.name)
        except NotFoundError:
            log.info("scaling.policy_deleted", extra={"policy": order.name})
            return
        if policy.uid != order.uid:
            log.info("scaling.policy_made_again", extra={"policy": order.name})
            return
        cause = follow_up_cause(policy, self._clock())
        occasion = Occasion(cause, "follow-up", owner, alarms=order.alarms, due=order.due)
        if failure := self._reconciler.reconcile(policy, occasion):
            raise failure

    def _matching(self, event: AlarmEvent) -> tuple[list[Policy], list[str]]:
        """The policies the alarm triggers, and those that cannot be read. None in the kept list: looked up
        again, since a policy may have been applied a moment before its alarm rang."""
        policies, problems = self._cluster.policies()
        if not any(policy.trigger_for(event) for policy in policies):
            policies, problems = self._cluster.policies(fresh=True)
        return [policy for policy in policies if policy.trigger_for(event)], problems

    def _refuse_unreadable(self, event: AlarmEvent, actor: str, problem: str) -> None:
        """A policy that does not parse may be the one meant: said once for each problem, not for each alarm."""
        self._tell(
            event,
            actor,
            "policies",
            id=entry_id("PolicyInvalid", problem),
            outcome=Outcome.REFUSED,
            code="PolicyInvalid",
            said=problem,
        )

    def _tell_unmatched(self, event: AlarmEvent, actor: str) -> None:
        self._tell(
            event,
            actor,
            actor.replace(" ", "/", 1),
            id=entry_id("unmatched", event.id),
            outcome=Outcome.HELD,
            code="NoPolicy",
            said=f"no policy in the cluster is triggered by {actor}",
        )

    def _tell_unread(self, event: AlarmEvent, actor: str, error: BellhopError) -> None:
        subject = actor.replace(" ", "/", 1)
        self._tell(
            event,
            actor,
            subject,
            id=entry_id(subject, event.id, error.code),
            outcome=Outcome.FAILED,
            code=error.code,
            said=f"{error}; it is tried again" if error.retryable else str(error),
        )

    def _tell(
        self, event: AlarmEvent, actor: str, subject: str, *, id: str, outcome: Outcome, code: str, said: str
    ) -> None:
        now = self._clock()
        entry: Entry = of_refusal(
            subject, id=id, outcome=outcome, code=code, said=said, cause=event.id, actor=actor, now=now
        )
        new = self._ledger.record(entry)
        log.info("scaling.told", extra={"subject": subject, "reason": code, "because": said, "new": new})
