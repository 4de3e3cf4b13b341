"""One look at one policy, from reading to closing, so that it survives a crash between any two calls.

Read, decide, record the intent, write the size, tell the ledger, arm the next look, close. The policy's status is
the intent, written under its resourceVersion: of several looks in one slot one wins, the others read again and
find the slot taken. A pending decision belongs to its owner until its lease ends; whoever comes after looks at the
target and either tells what was done or decides anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

import entries
from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Outcome, entry_id
from bellhop.scaling.evaluation import Evaluation, evaluate
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Evaluate
from bellhop.scaling.sources import is_news
from bellhop.scaling.status import LastDecision, Phase, Status
from bellhop.scaling.transitions import (
    closed,
    decided,
    for_target,
    is_decided,
    needs_follow_up,
    next_look,
    refused,
    reopened,
    slot_at,
)
from bellhop.scaling.workload import Cluster, Workload
from follow_ups import FollowUps
from looking import Look, Looking
from pauses import Pauses
from targets import Targets, bounds_of
from telling import Occasion, Telling, actor_of

log = logging.getLogger("bellhop.scaling")

#: How often a decision is made anew in one delivery when others keep changing what it was made on.
ATTEMPTS = 5
#: Seconds until the next delivery when ATTEMPTS did not do.
_STORM_PAUSE = 15.0
#: Longer than the function's timeout, shorter than the queue's visibility (a test holds the template to it).
LEASE = timedelta(seconds=20)

_INTERRUPTED_BEFORE = "an earlier attempt ended before its write"
_INTERRUPTED_AFTER = "written by an attempt that ended before it could tell"


class Reconciler:
    """Looks at policies. clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        targets: Targets,
        looking: Looking,
        pauses: Pauses,
        follow_ups: FollowUps,
        telling: Telling,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._targets = targets
        self._looking = looking
        self._pauses = pauses
        self._follow_ups = follow_ups
        self._telling = telling
        self._clock = clock

    def reconcile(self, policy: Policy, occasion: Occasion) -> BellhopError | None:
        """Look at the policy, as it was listed, once. Answers the error after which the look must come again."""
        target, first = policy.target, True
        for _ in range(ATTEMPTS):
            try:
                if not first:
                    policy = self._cluster.policy(policy.namespace, policy.name)
                self._once(policy, occasion)
            except ConflictError as error:
                first = False
                log.info("scaling.conflict", extra={"policy": policy.name, "because": str(error)})
            except BusyError as busy:
                return busy
            except NotFoundError:
                log.info("scaling.policy_deleted", extra={"policy": policy.name})
                return None
            except BellhopError as error:
                self._telling.failure(target, occasion, error)
                return error if error.retryable else None
            else:
                return None
        storm = ConflictError(f"{target} was changed by others {ATTEMPTS} times while Bellhop decided")
        self._telling.failure(target, occasion, storm)
        return BusyError(str(storm), retry_after=_STORM_PAUSE)

    # ------------------------------------------------------------ one look
    def _once(self, policy: Policy, occasion: Occasion) -> None:
        policy, note, interrupted = self._settle(policy, occasion)
        now, event = self._clock(), occasion.event
        if event is not None and not interrupted and self._is_old(policy, event):
            return
        if is_decided(policy, now):
            self._wait_for_the_next_slot(policy, occasion, now)
            return
        try:
            others, _ = self._cluster.policies()
            workload = self._targets.of_policy(policy, others)
            bounds = bounds_of(policy, workload)
        except (RefusedError, NotFoundError) as refusal:
            self._refuse(policy, occasion, refusal)
            return
        look = self._look(for_target(policy, workload), occasion, now)
        for name in look.gone:
            self._telling.gone(policy, name, occasion)
        pause = self._pauses.get()
        paused = f"by {pause.by}" if pause is not None else ""
        evaluation = evaluate(look.policy, workload.size, look.readings, now, bounds=bounds, paused=paused)
        self._carry_out(look, workload, evaluation, occasion, note)

    def _look(self, policy: Policy, occasion: Occasion, now: datetime) -> Look:
        if occasion.event is not None:
            return self._looking.on_event(policy, occasion.event, now)
        return self._looking.again(policy, occasion.alarms, now)

    def _is_old(self, policy: Policy, event: AlarmEvent) -> bool:
        if policy.trigger_for(event) is not None and is_news(policy.status, event):
            return False
        log.info("alarm.old", extra={"alarm": event.name, "state": event.state, "policy": policy.name})
        return True

    def _wait_for_the_next_slot(self, policy: Policy, occasion: Occasion, now: datetime) -> None:
        """The slot has had its decision: what is new is remembered and looked at in the next one."""
        if occasion.due is not None and occasion.due > now:
            raise BusyError(f"{policy.target}: too early", retry_after=(occasion.due - now).total_seconds())
        if occasion.event is None:
            return
        look = self._looking.on_event(policy, occasion.event, now)
        status = self._armed(look.policy, now)
        self._cluster.write_status(policy, status)

    def _carry_out(
        self, look: Look, workload: Workload, evaluation: Evaluation, occasion: Occasion, note: str
    ) -> None:
        now, policy = self._clock(), look.policy
        current, dry = workload.size.replicas, policy.spec.dry_run
        status = decided(
            policy,
            workload,
            evaluation,
            cause=occasion.cause,
            actor=_actor(look, occasion),
            owner=occasion.owner,
            now=now,
            lease_until=now + LEASE,
        )
        minimum = max(policy.spec.min_replicas, workload.floor)
        arm = needs_follow_up(policy, evaluation, minimum, now)
        asks = status.question is not None and status.question.asked_at == now
        worth_telling = entries.worth_telling(policy.status, evaluation, current, dry=dry, news=look.news)
        if not (asks or worth_telling):
            quiet = msgspec.structs.replace(policy, status=closed(status, applied=not dry, now=now))
            self._cluster.write_status(policy, self._armed(quiet, now) if arm else quiet.status)
            return
        quietly = occasion.event is None and policy.status.told
        status = msgspec.structs.replace(status, told=str(evaluation.decision.reason))
        policy = self._cluster.write_status(policy, status)
        if evaluation.decision.replicas != current and not dry:
            try:
                self._resize(policy, workload)
            except (ConflictError, UnavailableError, BusyError):
                raise
            except BellhopError as error:
                self._fail(policy, workload, error, told=error.code == quietly)
                return
        self._finish(policy, workload, note=note, arm=arm)

    def _resize(self, policy: Policy, workload: Workload) -> None:
        last = _pending(policy)
        token = entry_id(policy.uid, last.cause, str(last.current), str(last.desired))
        self._targets.resize(policy, workload, last.desired, token=token)

    def _finish(self, policy: Policy, workload: Workload | None, *, note: str, arm: bool) -> Policy:
        """Tell of the decision that was carried out, arm the next look, close. Answers the policy as it is then."""
        now, last = self._clock(), _pending(policy)
        outcome = Outcome.HELD if last.current == last.desired or last.dry else Outcome.DONE
        self._telling.decision(policy, outcome, workload, note=note)
        question = policy.status.question
        if question is not None and question.asked_at == last.at:
            self._telling.question(policy, question)
        done = msgspec.structs.replace(policy, status=closed(policy.status, applied=not last.dry, now=now))
        return self._cluster.write_status(policy, self._armed(done, now) if arm else done.status)

    def _armed(self, policy: Policy, now: datetime) -> Status:
        """The policy's status, with a follow-up sent unless one was."""
        due, status = next_look(policy, now), policy.status
        if status.follow_up == due:
            return status
        order = Evaluate(namespace=policy.namespace, name=policy.name, uid=policy.uid, due=due)
        try:
            self._follow_ups.send(order, now=now)
        except UnavailableError as error:
            # What was decided is done all the same; the resync finds that nobody looked again.
            log.warning("scaling.no_follow_up", extra={"policy": policy.name, "because": str(error)})
            return status
        return msgspec.structs.replace(status, follow_up=due)

    # ------------------------------------------------------------ what an earlier attempt left
    def _settle(self, policy: Policy, occasion: Occasion) -> tuple[Policy, str, bool]:
        """Bring a decision that was never closed to its end. Answers the policy as it is then, what to say of an
        interrupted attempt, and whether it must be made anew.

        Raises BusyError while another invocation may still be acting on it.
        """
        if not _in_hand(policy):
            return policy, "", False
        # The kept copy may be old, and its decision long closed by whoever made it.
        policy = self._cluster.policy(policy.namespace, policy.name)
        if not _in_hand(policy):
            return policy, "", False
        last = _pending(policy)
        now, mine = self._clock(), last.owner == occasion.owner
        if not mine and last.lease_until > now:
            left = (last.lease_until - now).total_seconds() + 1
            raise BusyError(f"{policy.target} is being scaled by another delivery", retry_after=left)
        applied, workload = self._was_applied(policy, last)
        if applied:
            held = last.current == last.desired or last.dry
            note = "" if mine or held else _INTERRUPTED_AFTER
            return self._finish(policy, workload, note=note, arm=True), "", False
        note = "" if mine else _INTERRUPTED_BEFORE
        if last.cause != occasion.cause:
            self._telling.decision(policy, Outcome.SUPERSEDED, None, note=note)
            note = ""
        again = msgspec.structs.replace(policy, status=reopened(policy.status))
        return again, note, True

    def _was_applied(self, policy: Policy, last: LastDecision) -> tuple[bool, Workload | None]:
        if last.current == last.desired or last.dry:
            return True, None
        try:
            others, _ = self._cluster.policies()
            workload = self._targets.of_policy(policy, others)
        except (NotFoundError, RefusedError):
            return False, None
        return workload.uid == last.target_uid and workload.size.replicas == last.desired, workload

    # ------------------------------------------------------------ what cannot be done
    def _fail(self, policy: Policy, workload: Workload, error: BellhopError, *, told: bool) -> None:
        """The write was refused for good: told, if it was not before, and the decision closed as not applied."""
        if not told:
            self._telling.refused_write(policy, workload, error)
        refusal = (error.code, str(error))
        status = closed(policy.status, applied=False, now=self._clock(), refusal=refusal)
        self._cluster.write_status(policy, msgspec.structs.replace(status, told=error.code))

    def _refuse(self, policy: Policy, occasion: Occasion, error: BellhopError) -> None:
        code = "TargetMissing" if isinstance(error, NotFoundError) else error.code
        now = self._clock()
        if occasion.event is not None or policy.status.told != code:
            self._telling.refusal(policy, occasion, code, str(error))
        if occasion.event is not None:
            policy = self._looking.on_event(policy, occasion.event, now).policy
        self._cluster.write_status(policy, refused(policy, code=code, said=str(error), now=now))


def _in_hand(policy: Policy) -> bool:
    last = policy.status.last_decision
    return last is not None and last.phase is Phase.PENDING


def _pending(policy: Policy) -> LastDecision:
    last = policy.status.last_decision
    assert last is not None, "there is a decision in hand"  # noqa: S101  the callers' invariant
    return last


def _actor(look: Look, occasion: Occasion) -> str:
    """Who is behind a decision: the event's alarm, else the alarm that rings longest, else the one that last did."""
    if occasion.event is not None:
        return occasion.actor
    ringing = [r.source for r in look.readings if r.source.state == "ALARM"]
    last = sorted((r.source for r in look.readings), key=lambda source: source.at)
    chosen = min(ringing, key=lambda source: source.at) if ringing else last[-1] if last else None
    if chosen is None:
        return occasion.actor
    return actor_of(chosen.source, chosen.name)


def follow_up_cause(policy: Policy, now: datetime) -> str:
    """The cause of a look that no alarm's change brought about: the slot it falls into."""
    return entry_id(policy.uid, "slot", slot_at(policy, now).isoformat())
