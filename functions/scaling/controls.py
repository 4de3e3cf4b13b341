"""What people say of policies: pause, resume, approve. Each once, whatever is delivered how often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from bellhop import durations
from bellhop.errors import BellhopError, RefusedError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Control, Evaluate, Verb
from bellhop.scaling.status import Ceiling, Pause, Status
from bellhop.scaling.transitions import next_slot
from bellhop.scaling.workload import Cluster
from follow_ups import FollowUps
from pauses import Pauses
from reconcile import ATTEMPTS
from resync import Resync

log = logging.getLogger("bellhop.scaling")


class Controls:
    """Takes Controls. Roles were checked by `commands`. clock: UTC now."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        pauses: Pauses,
        follow_ups: FollowUps,
        resync: Resync,
        ledger: Ledger,
        allowed: Callable[[str], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._pauses = pauses
        self._follow_ups = follow_ups
        self._resync = resync
        self._ledger = ledger
        self._allowed = allowed
        self._clock = clock

    def take(self, control: Control) -> None:
        """Do as said, or say why not. Raises a retryable BellhopError when it must come again."""
        try:
            said = self._of_all(control) if control.of_all else self._of_one(control)
        except BellhopError as error:
            self._tell_not_done(control, error)
            if error.retryable:
                raise
            return
        self._tell(control, id=entry_id(control.id, control.verb), outcome=Outcome.DONE, because=said)

    # ------------------------------------------------------------ all policies
    def _of_all(self, control: Control) -> str:
        if control.verb is Verb.APPROVE:
            raise RefusedError("BadArguments", "approve one question, by its id")
        if control.verb is Verb.PAUSE:
            self._pauses.put(Pause(by=control.person, at=control.at))
            return f"{control.person} paused all policies; none scales anything from {_WITHIN} on"
        self._pauses.put(None)
        self._resync.run()
        return f"{control.person} resumed all policies; each that needs it is looked at now"

    # ------------------------------------------------------------ one policy
    def _of_one(self, control: Control) -> str:
        if not self._allowed(control.namespace):
            said = f"the stack's parameter AllowedNamespaces does not name {control.namespace}"
            raise RefusedError("NamespaceNotAllowed", said)
        for _ in range(ATTEMPTS):
            policy = self._cluster.policy(control.namespace, control.name)
            now = self._clock()
            status, said = _after(policy, control, now)
            try:
                if status != policy.status:
                    self._cluster.write_status(policy, status)
            except ConflictError as error:
                log.info("control.conflict", extra={"policy": policy.name, "because": str(error)})
                continue
            if control.verb is not Verb.PAUSE:
                due = next_slot(policy, now) if status.slot is not None else now
                order = Evaluate(namespace=policy.namespace, name=policy.name, uid=policy.uid, due=due)
                self._follow_ups.send(order, now=now)
            return said
        raise ConflictError(
            f"{control.namespace}/{control.name} was changed by others {ATTEMPTS} times in a row"
        )

    # ------------------------------------------------------------ telling
    def _tell_not_done(self, control: Control, error: BellhopError) -> None:
        code = "PolicyMissing" if isinstance(error, NotFoundError) else error.code
        self._tell(
            control,
            id=entry_id(control.id, code),
            outcome=Outcome.FAILED if error.retryable else Outcome.REFUSED,
            because=f"{error}; it is tried again" if error.retryable else str(error),
            reason=code,
        )

    def _tell(
        self, control: Control, *, id: str, outcome: Outcome, because: str, reason: str = "ByHand"
    ) -> None:
        subject = "policies" if control.of_all else f"{control.namespace}/{control.name}"
        done = {Verb.PAUSE: "paused", Verb.RESUME: "resumed", Verb.APPROVE: "approved"}[control.verb]
        what = "all policies" if control.of_all else f"policy {subject}"
        entry = Entry(
            id=id,
            at=self._clock(),
            flow="scaling",
            action=control.verb,
            outcome=outcome,
            subject=subject,
            actor=f"person {control.person}",
            summary=f"{what}: {done if outcome is Outcome.DONE else f'not {done}'}",
            reason=reason,
            because=because,
            cause=control.id,
            correlation=control.correlation,
            asked_in=control.asked_in,
        )
        new = self._ledger.record(entry)
        log.info("control.told", extra={"subject": subject, "reason": reason, "because": because, "new": new})


_WITHIN = "15 s"


def _after(policy: Policy, control: Control, now: datetime) -> tuple[Status, str]:
    """The status after what was said, and the sentence for it. Raises RefusedError."""
    status, person = policy.status, control.person
    match control.verb:
        case Verb.PAUSE:
            pause = Pause(by=person, at=control.at)
            return msgspec.structs.replace(
                status, paused=pause
            ), f"{person} paused it until somebody resumes it"
        case Verb.RESUME:
            if policy.spec.paused:
                raise RefusedError("PausedBySpec", "the policy itself says paused: true: edit it")
            status = msgspec.structs.replace(status, paused=None, hold=None)
            return status, f"{person} resumed it; it is looked at in its next slot"
        case Verb.APPROVE:
            return _approved(policy, control, now)


def _approved(policy: Policy, control: Control, now: datetime) -> tuple[Status, str]:
    approval, status, question = policy.spec.approval, policy.status, policy.status.question
    ceiling = Ceiling(by=control.person, until=_until(policy, control))
    said = f"{control.person} approved up to {policy.spec.max_replicas} until {ceiling.until:%H:%M:%S} UTC"
    if status.ceiling == ceiling:
        return status, said  # delivered twice
    if approval is None or question is None or question.id != control.question:
        raise RefusedError(
            "QuestionGone", f"question {control.question} is not open: nothing more is wanted now"
        )
    if question.expires_at <= now:
        raise RefusedError("QuestionExpired", f"question {question.id} expired: it is asked again if need be")
    return msgspec.structs.replace(status, ceiling=ceiling, question=None), said


def _until(policy: Policy, control: Control) -> datetime:
    lasts = policy.spec.approval.lasts if policy.spec.approval is not None else "1h"
    return control.at + durations.parse(lasts)
