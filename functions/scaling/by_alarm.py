"""Alarms and follow-ups to looks: which policies an alarm is for, and what is said when there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import BellhopError
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Evaluate
from bellhop.scaling.workload import Cluster
from reconcile import Reconciler, follow_up_cause
from telling import Occasion, Telling, actor_of

log = logging.getLogger("bellhop.scaling")


class AlarmScaler:
    """Takes alarm events and follow-ups. own_alarms: the prefix of Bellhop's own. clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        reconciler: Reconciler,
        telling: Telling,
        own_alarms: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._reconciler = reconciler
        self._telling = telling
        self._own_alarms = own_alarms
        self._clock = clock

    def take(self, event: AlarmEvent, *, owner: str, relist: bool = True) -> None:
        """Look at every policy the alarm triggers. Raises a retryable BellhopError when one must be looked at
        again; all others have been by then. relist: list the policies anew when none of the kept ones is meant."""
        if event.alert is None and event.name.startswith(self._own_alarms):
            log.info("alarm.own", extra={"alarm": event.name})
            return
        occasion = Occasion(event.id, actor_of(event.source, event.name), owner, event)
        try:
            matched, problems = self._matching(event, relist=relist)
        except BellhopError as error:
            self._telling.failure(occasion.actor.replace(" ", "/", 1), occasion, error)
            if error.retryable:
                raise
            return
        for problem in problems:
            self._telling.unreadable(occasion, problem)
        if not matched:
            self._telling.unmatched(occasion)
        failures = [
            failure for policy in matched if (failure := self._reconciler.reconcile(policy, occasion))
        ]
        if failures:
            raise failures[0]

    def take_all(self, events: Iterable[AlarmEvent], *, owner: str) -> None:
        """Take each of one message's events. Raises the first's error when all have been tried.

        The policies are listed anew for the first event only: a group of hundreds of alerts that no policy is for
        must not list them hundreds of times.
        """
        failures = []
        for index, event in enumerate(events):
            try:
                self.take(event, owner=owner, relist=index == 0)
            except BellhopError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def look_again(self, order: Evaluate, *, owner: str) -> None:
        """Look at a policy without an event. Raises a retryable BellhopError when it must be looked at again."""
        policies, _ = self._cluster.policies()
        named = (p for p in policies if (p.namespace, p.name) == (order.namespace, order.name))
        if (policy := next(named, None)) is None:
            log.info("scaling.policy_deleted", extra={"policy": order.name})
            return
        if policy.uid != order.uid:
            log.info("scaling.policy_made_again", extra={"policy": order.name})
            return
        cause = follow_up_cause(policy, self._clock())
        occasion = Occasion(cause, "follow-up", owner, alarms=order.alarms, due=order.due)
        if failure := self._reconciler.reconcile(policy, occasion):
            raise failure

    def _matching(self, event: AlarmEvent, *, relist: bool = True) -> tuple[list[Policy], list[str]]:
        """The policies the alarm triggers, and those that cannot be read. None in the kept list: looked up
        again, since a policy may have been applied a moment before its alarm rang."""
        policies, problems = self._cluster.policies()
        if relist and not any(policy.trigger_for(event) for policy in policies):
            policies, problems = self._cluster.policies(fresh=True)
        return [policy for policy in policies if policy.trigger_for(event)], problems
