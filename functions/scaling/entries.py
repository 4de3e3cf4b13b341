"""What the ledger is told of scaling. Pure.

An id holds what came of the cause too: told again it is the same entry, but whatever is changed after an entry
that was told and not closed is an entry of its own. A change must never hide behind a refusal.
"""

from __future__ import annotations

from datetime import datetime

from bellhop.ledger import Entry, Outcome, entry_id
from bellhop.scaling.evaluation import Evaluation
from bellhop.scaling.policy import Policy
from bellhop.scaling.reason import Reason
from bellhop.scaling.status import LastDecision, Question, Status
from bellhop.scaling.workload import Remark

#: Reasons to hold that somebody should hear of even when no alarm has just changed. The others come and go with
#: every datapoint.
_NOTEWORTHY = frozenset(
    {
        Reason.METRIC_MISSING,
        Reason.NO_READY_PODS,
        Reason.TOO_MANY_REPLICAS,
        Reason.SCALING_DISABLED,
        Reason.APPROVAL_NEEDED,
    }
)
_QUIET = frozenset({Reason.NOTHING_RINGS})


def worth_telling(status: Status, evaluation: Evaluation, current: int, *, dry: bool, news: bool) -> bool:
    """Whether the ledger is told: something changes, or the reason for holding is another than was told last."""
    decision = evaluation.decision
    if dry:
        last = status.last_decision
        return decision.replicas != current and (last is None or last.desired != decision.replicas)
    if decision.replicas != current:
        return True
    if decision.reason in _QUIET or decision.reason == status.told:
        return False
    return news or decision.reason in _NOTEWORTHY


def of_decision(policy: Policy, outcome: Outcome, *, now: datetime, note: str = "") -> Entry:
    """The one entry for the policy's last decision."""
    last = policy.status.last_decision
    assert last is not None, "there is a decision to tell of"  # noqa: S101  the callers' invariant
    return Entry(
        id=entry_id(policy.uid, last.cause, outcome, str(last.current), str(last.desired)),
        at=now,
        flow="scaling",
        action="scale",
        outcome=outcome,
        subject=policy.target,
        actor=last.actor,
        summary=f"{policy.target}: {_size(last)}",
        reason=Reason.DRY_RUN if last.dry else last.reason,
        because="; ".join(text for text in (last.because, note) if text),
        cause=last.cause,
        correlation=last.cause,
    )


def of_question(policy: Policy, question: Question, *, now: datetime) -> Entry:
    """The question whether more than `approval.above` may run; it shows the decision."""
    last, approval = policy.status.last_decision, policy.spec.approval
    assert last is not None, "a question is asked with a decision"  # noqa: S101  the callers' invariant
    assert approval is not None, "a question is asked where approval is"  # noqa: S101  likewise
    return Entry(
        id=entry_id(policy.uid, "question", question.id),
        at=now,
        flow="scaling",
        action="approve",
        outcome=Outcome.ASKED,
        subject=policy.target,
        actor=last.actor,
        summary=f"{policy.target}: {question.wanted} replicas are wanted, {approval.above} need no approval."
        f" `approve {question.id}` until {question.expires_at:%H:%M:%S} UTC",
        reason=Reason.APPROVAL_NEEDED,
        because=last.because,
        cause=last.cause,
        correlation=last.cause,
    )


def of_nothing(
    subject: str, *, id: str, outcome: Outcome, code: str, said: str, cause: str, actor: str, now: datetime
) -> Entry:
    """The entry for a look that changed nothing, saying why."""
    return Entry(
        id=id,
        at=now,
        flow="scaling",
        action="scale",
        outcome=outcome,
        subject=subject,
        actor=actor,
        summary=f"{subject}: not scaled",
        reason=code,
        because=said,
        cause=cause,
        correlation=cause,
    )


def remark(entry: Entry) -> Remark:
    """The Kubernetes Event for an entry, in the HorizontalPodAutoscaler's words where it has them."""
    done = entry.outcome is Outcome.DONE
    reason = "SuccessfulRescale" if done else "FailedRescale"
    said = f"{entry.summary.partition(': ')[2]}; {entry.actor}; {entry.reason}: {entry.because}"
    return Remark(id=entry.id, reason=reason, message=said, warning=not done)


def _size(last: LastDecision) -> str:
    if last.current == last.desired:
        return f"held at {last.current} replicas"
    moved = f"{last.current} -> {last.desired} replicas"
    return f"would go {moved} (dryRun, nothing changed)" if last.dry else moved
