"""The schedule's look at everything: policies against alarms. It decides nothing, it re-arms what was missed.

So a policy that is applied, edited or resumed while its alarm rings already is served, and a lost message costs one
resync at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import is_active
from bellhop.scaling.request import Evaluate
from bellhop.scaling.status import Phase
from bellhop.scaling.transitions import is_decided, next_slot
from bellhop.scaling.workload import Cluster
from cloudwatch_reading import AlarmReader
from follow_ups import FollowUps
from looking import name_in

log = logging.getLogger("bellhop.scaling")

#: A follow-up that is overdue by so much was lost. One more than is needed does nothing.
_LOST_AFTER = timedelta(seconds=60)


class Resync:
    """clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        alarms: AlarmReader,
        follow_ups: FollowUps,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._alarms = alarms
        self._follow_ups = follow_ups
        self._clock = clock

    def run(self) -> int:
        """Have every policy looked at that needs it. Answers how many. Raises UnavailableError."""
        policies, _ = self._cluster.policies(fresh=True)
        states = self._states(policies)
        sent = 0
        for policy in policies:
            now = self._clock()
            matched = [state for state in states if policy.trigger_for(state) is not None]
            if not needs_look(policy, matched, now):
                continue
            order = Evaluate(
                namespace=policy.namespace,
                name=policy.name,
                uid=policy.uid,
                # A slot that has had its decision takes no other: an order for now would come to nothing.
                due=next_slot(policy, now) if is_decided(policy, now) else now,
                alarms=tuple(sorted(state.name for state in matched if state.state is State.ALARM)),
            )
            self._follow_ups.send(order, now=now)
            sent += 1
        log.info(
            "scaling.resync", extra={"policies": len(policies), "alarms": len(states), "looked_at": sent}
        )
        return sent

    def _states(self, policies: Sequence[Policy]) -> list[AlarmEvent]:
        matches = [t.alarm for p in policies for t in p.spec.triggers if t.alarm is not None]
        if any(match.pattern is not None for match in matches):
            return self._alarms.all()
        names = {match.name for match in matches if match.name is not None}
        names |= {name_in(match.arn) for match in matches if match.arn is not None}
        return self._alarms.states(names) if names else []


def needs_look(policy: Policy, alarms: Iterable[AlarmEvent], now: datetime) -> bool:
    """Whether something is different from what the policy's status says, or should have been looked at by now."""
    status = policy.status
    if status.observed_generation != policy.generation:
        return True
    last = status.last_decision
    if last is not None and last.phase is Phase.PENDING:
        return last.lease_until <= now
    if any(_is_different(policy, alarm) for alarm in alarms):
        return True
    followed = status.follow_up is not None and status.follow_up + _LOST_AFTER > now
    rings = any(is_active(source, policy.spec, now) for source in status.triggers)
    held = status.hold is not None and status.hold.until <= now
    overdue = status.follow_up is not None and (status.slot is None or status.follow_up > status.slot)
    return not followed and (rings or held or overdue)


def _is_different(policy: Policy, alarm: AlarmEvent) -> bool:
    """Whether an alarm is in a state that the status does not know of. One that never rang is not."""
    known = policy.status.source(alarm.source)
    if known is None:
        return alarm.state is State.ALARM
    return known.state != alarm.state
