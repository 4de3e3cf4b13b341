"""Alarms to sizes: match policies, decide, record the intent, write, tell the ledger, close.

The order survives a crash between any two calls. The policy's status is the intent, written under its
resourceVersion: of several deliveries one wins, the others read again. A pending decision belongs to its owner
until its lease ends; whoever comes after looks at the workload and either tells what was done or decides anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.decision import Decision
from bellhop.scaling.evaluation import Measurement, evaluate
from bellhop.scaling.policy import LastDecision, Phase, Policy, Status, Trigger
from bellhop.scaling.workload import Cluster, Workload
from metrics import Metrics
from transitions import (
    closed,
    decision_entry,
    intent,
    is_news,
    needs_entry,
    refusal_entry,
    refused,
)

log = logging.getLogger("bellhop.scaling")

#: How often a decision is made anew in one delivery when others keep changing what it was made on.
ATTEMPTS = 5
#: Seconds until the next delivery when ATTEMPTS did not do.
_STORM_PAUSE = 15.0
#: Longer than the function's timeout, shorter than the queue's visibility (a test holds the template to it).
LEASE = timedelta(seconds=20)

_INTERRUPTED_BEFORE = "an earlier attempt ended before its write"
_INTERRUPTED_AFTER = "written by an attempt that ended before it could tell"


class AlarmScaler:
    """Takes alarm events. owner: this invocation's id, for leases. clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        metrics: Metrics,
        ledger: Ledger,
        allowed: Callable[[str], bool],
        own_alarms: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._ledger = ledger
        self._allowed = allowed
        self._own_alarms = own_alarms
        self._clock = clock

    def take(self, event: AlarmEvent, *, owner: str) -> None:
        """Evaluate every policy the alarm triggers. Raises a retryable BellhopError when one must be tried
        again; all others have been evaluated by then."""
        if event.name.startswith(self._own_alarms):
            log.info("alarm.own", extra={"alarm": event.name})
            return
        try:
            matched, problems = self._matching(event)
        except BellhopError as error:
            self._tell_failure(f"alarm/{event.name}", event, error)
            if error.retryable:
                raise
            return
        for problem in problems:
            self._refuse_unreadable(event, problem)
        if not matched:
            self._tell_unmatched(event)
        failures = [failure for policy in matched if (failure := self._evaluate(policy, event, owner))]
        if failures:
            raise failures[0]

    def _matching(self, event: AlarmEvent) -> tuple[list[Policy], list[str]]:
        """The policies the alarm triggers, and those that cannot be read. None in the kept list: looked up
        again, since a policy may have been applied a moment before its alarm rang."""
        policies, problems = self._cluster.policies()
        if not any(policy.trigger_for(event) for policy in policies):
            policies, problems = self._cluster.policies(fresh=True)
        return [policy for policy in policies if policy.trigger_for(event)], problems

    def _evaluate(self, listed: Policy, event: AlarmEvent, owner: str) -> BellhopError | None:
        """Evaluate one policy; answers the error after which the event must be delivered again."""
        for _ in range(ATTEMPTS):
            try:
                self._evaluate_once(listed, event, owner)
            except ConflictError as error:
                log.info("scaling.conflict", extra={"policy": listed.name, "because": str(error)})
            except BusyError as busy:
                return busy
            except BellhopError as error:
                self._tell_failure(listed.target, event, error)
                return error if error.retryable else None
            else:
                return None
        storm = ConflictError(f"{listed.target} was changed by others {ATTEMPTS} times while Bellhop decided")
        self._tell_failure(listed.target, event, storm)
        return BusyError(str(storm), retry_after=_STORM_PAUSE)

    def _evaluate_once(self, listed: Policy, event: AlarmEvent, owner: str) -> None:
        try:
            policy = self._cluster.policy(listed.namespace, listed.name)
        except NotFoundError:
            log.info("scaling.policy_deleted", extra={"policy": listed.name})
            return
        policy, note = self._settle(policy, event, owner)
        trigger = policy.trigger_for(event)
        if trigger is None or not is_news(policy.status, event):
            log.info("alarm.old", extra={"alarm": event.name, "state": event.state, "policy": policy.name})
            return
        try:
            workload, decision = self._decide(policy, trigger, event)
        except (RefusedError, NotFoundError) as refusal:
            self._refuse(policy, event, refusal)
            return
        self._carry_out(policy, workload, event, decision, owner, note)

    def _decide(self, policy: Policy, trigger: Trigger, event: AlarmEvent) -> tuple[Workload, Decision]:
        if problem := policy.problem():
            raise RefusedError("PolicyInvalid", f"policy {policy.namespace}/{policy.name}: {problem}")
        if not self._allowed(policy.namespace):
            raise RefusedError(
                "NamespaceNotAllowed",
                f"the stack's parameter AllowedNamespaces does not name {policy.namespace}",
            )
        workload = self._find(policy)
        return workload, evaluate(workload.size, policy.limits, self._measure(policy, trigger, event))

    def _measure(self, policy: Policy, trigger: Trigger, event: AlarmEvent) -> Measurement | None:
        """The alarm's value: the one in the event, else read from CloudWatch."""
        datapoint = event.datapoint
        if datapoint is None and event.metric is not None and event.state is not State.INSUFFICIENT_DATA:
            datapoint = self._metrics.newest(event.metric, now=self._clock())
        wanted = trigger.target.wanted
        if datapoint is None or wanted is None:
            return None
        scaled_at = policy.status.last_scale_time
        return Measurement(
            name=event.metric.name if event.metric else event.name,
            value=datapoint.value,
            target=wanted,
            type=trigger.target.type,
            fresh=scaled_at is None or datapoint.at > scaled_at,
        )

    def _carry_out(
        self,
        policy: Policy,
        workload: Workload,
        event: AlarmEvent,
        decision: Decision,
        owner: str,
        note: str,
    ) -> None:
        now = self._clock()
        status = intent(policy, workload, event, decision, owner=owner, now=now, lease_until=now + LEASE)
        if not needs_entry(policy, workload, decision):
            self._cluster.write_status(policy, closed(status, applied=True, now=now))
            return
        policy = self._cluster.write_status(policy, status)
        outcome = Outcome.HELD
        if decision.replicas != workload.size.replicas:
            outcome = Outcome.DONE
            try:
                self._cluster.scale(workload, decision.replicas)
            except (ConflictError, UnavailableError):
                raise
            except BellhopError as error:
                self._fail(policy, error)
                return
        self._tell(decision_entry(policy, outcome, now=self._clock(), note=note))
        self._cluster.write_status(policy, closed(policy.status, applied=True, now=self._clock()))

    def _settle(self, policy: Policy, event: AlarmEvent, owner: str) -> tuple[Policy, str]:
        """Bring a decision that was never closed to its end. Answers the policy as it is then, and what to
        say of an interrupted attempt at this same event.

        Raises BusyError while another invocation may still be acting on it.
        """
        last = policy.status.last_decision
        if last is None or last.phase is Phase.DONE:
            return policy, ""
        now = self._clock()
        if last.owner != owner and last.lease_until > now:
            left = (last.lease_until - now).total_seconds() + 1
            raise BusyError(f"{policy.target} is being scaled by another delivery", retry_after=left)
        if self._was_applied(policy, last):
            outcome = Outcome.HELD if last.current == last.desired else Outcome.DONE
            note = "" if last.owner == owner or outcome is Outcome.HELD else _INTERRUPTED_AFTER
            self._tell(decision_entry(policy, outcome, now=now, note=note))
            return self._close(policy, applied=True), ""
        note = "" if last.owner == owner else _INTERRUPTED_BEFORE
        if last.event == event.id:
            return policy, note
        self._tell(decision_entry(policy, Outcome.SUPERSEDED, now=now, note=note))
        return self._close(policy, applied=False), ""

    def _was_applied(self, policy: Policy, last: LastDecision) -> bool:
        if last.current == last.desired:
            return True
        try:
            workload = self._find(policy)
        except NotFoundError:
            return False
        return workload.uid == last.target_uid and workload.size.replicas == last.desired

    def _find(self, policy: Policy) -> Workload:
        ref = policy.spec.scale_target_ref
        return self._cluster.workload(policy.namespace, ref.kind, ref.name)

    def _close(self, policy: Policy, *, applied: bool) -> Policy:
        return self._cluster.write_status(policy, closed(policy.status, applied=applied, now=self._clock()))

    def _fail(self, policy: Policy, error: BellhopError) -> None:
        """The write was refused for good: told, and the decision closed as not applied."""
        now = self._clock()
        entry = decision_entry(policy, Outcome.FAILED, now=now)
        self._tell(msgspec.structs.replace(entry, reason=error.code, because=str(error)))
        refusal = (error.code, str(error))
        self._cluster.write_status(policy, closed(policy.status, applied=False, now=now, refusal=refusal))

    def _refuse(self, policy: Policy, event: AlarmEvent, error: BellhopError) -> None:
        code = "TargetMissing" if isinstance(error, NotFoundError) else error.code
        now = self._clock()
        self._tell(
            refusal_entry(
                policy.target,
                event,
                id=entry_id(policy.uid, event.id, code),
                outcome=Outcome.REFUSED,
                code=code,
                said=str(error),
                now=now,
            )
        )
        status: Status = refused(policy, event, code=code, said=str(error), now=now)
        self._cluster.write_status(policy, status)

    def _refuse_unreadable(self, event: AlarmEvent, problem: str) -> None:
        """A policy that does not parse may be the one meant: said once for each problem, not for each alarm."""
        entry = refusal_entry(
            "policies",
            event,
            id=entry_id("PolicyInvalid", problem),
            outcome=Outcome.REFUSED,
            code="PolicyInvalid",
            said=problem,
            now=self._clock(),
        )
        self._tell(entry)

    def _tell_unmatched(self, event: AlarmEvent) -> None:
        entry = refusal_entry(
            f"alarm/{event.name}",
            event,
            id=entry_id("unmatched", event.id),
            outcome=Outcome.HELD,
            code="NoPolicy",
            said=f"no policy in the cluster is triggered by alarm {event.name}",
            now=self._clock(),
        )
        self._tell(entry)

    def _tell_failure(self, subject: str, event: AlarmEvent, error: BellhopError) -> None:
        entry = refusal_entry(
            subject,
            event,
            id=entry_id(subject, event.id, error.code),
            outcome=Outcome.FAILED,
            code=error.code,
            said=f"{error}; it is tried again" if error.retryable else str(error),
            now=self._clock(),
        )
        self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        new = self._ledger.record(entry)
        facts = {"subject": entry.subject, "reason": entry.reason, "because": entry.because, "new": new}
        log.info("scaling.told", extra=facts | {"outcome": entry.outcome})
