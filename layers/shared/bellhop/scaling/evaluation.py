"""One look at one policy: what its alarms ask for, what holds that back, and the decision. Pure.

`decision` is the HorizontalPodAutoscaler's arithmetic, `proposal` what one alarm asks for; here is what a policy
adds: pauses, holds, approval, targets with bounds of their own, and what must be remembered for the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from bellhop.scaling.behavior import Behavior, Recommendation, ScaleEvent, SelectPolicy, stabilised
from bellhop.scaling.decision import Case, Decision, Size, decide
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import Proposal, Reading, propose
from bellhop.scaling.reason import Reason
from bellhop.scaling.status import Source
from bellhop.scaling.working import lines


@dataclass(frozen=True, slots=True)
class Bounds:
    """The target's own: no policy moves them. settling: why its size must not be changed now; "" when it may."""

    floor: int = 0
    ceiling: int | None = None
    settling: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """decision: what to do now. recommendation: to be remembered, before stabilisation; None: there was none.

    sources: the status's, with what was counted. wanted: replicas that were asked for above what needs no
    approval, else None. working: the arithmetic, line by line.
    """

    decision: Decision
    recommendation: int | None
    sources: tuple[Source, ...]
    wanted: int | None = None
    working: tuple[str, ...] = ()


def evaluate(
    policy: Policy,
    size: Size,
    readings: Sequence[Reading],
    now: datetime,
    *,
    bounds: Bounds = Bounds(),
    paused: str = "",
) -> Evaluation:
    """What size the target should have now. paused: who paused all policies, in words; "" when nobody did."""
    if held := _held_by_people(policy, size, now, paused):
        return Evaluation(held, None, policy.status.triggers)
    if bounds.settling:
        return Evaluation(
            Decision(size.replicas, Reason.SETTLING, bounds.settling), None, policy.status.triggers
        )
    behavior = _behavior(policy)
    proposals = [propose(reading, policy, size, behavior, now) for reading in readings]
    sources = _counted(policy.status.triggers, proposals)
    winner, wanted = _largest(proposals, size.replicas)
    said = winner.said if winner else proposals[0].said if proposals else "no alarm has rung"
    case = replace(_case(policy, size, behavior, bounds, now), desired=wanted, said=said)
    decision = _named(decide(case), case, winner)
    capped, asked = _within_approval(policy, case, decision, now)
    return Evaluation(
        capped,
        wanted if winner is not None else None,
        sources,
        asked,
        lines(case, proposals, decision, capped if asked is not None else None),
    )


def _held_by_people(policy: Policy, size: Size, now: datetime, paused: str) -> Decision | None:
    spec, status = policy.spec, policy.status
    if paused:
        return Decision(size.replicas, Reason.PAUSED, f"all policies are paused: {paused}")
    if spec.paused:
        return Decision(size.replicas, Reason.PAUSED, "the policy says paused: true")
    if status.paused is not None:
        return Decision(size.replicas, Reason.PAUSED, f"paused by {status.paused.by}")
    if status.hold is not None and status.hold.until > now:
        hold = status.hold
        said = f"{hold.by} set {hold.replicas}, held until {hold.until:%Y-%m-%d %H:%M:%S} UTC"
        return Decision(size.replicas, Reason.ON_HOLD, said)
    if policy.held_until is not None and policy.held_until > now:
        said = f"annotation bellhop.dev/hold: held until {policy.held_until.isoformat(timespec='seconds')}"
        return Decision(size.replicas, Reason.ON_HOLD, said)
    return None


def _behavior(policy: Policy) -> Behavior:
    behavior, group = policy.spec.full_behavior, policy.spec.node_group
    if group is not None and not group.scale_down:
        down = msgspec.structs.replace(behavior.scale_down, select_policy=SelectPolicy.DISABLED)
        return msgspec.structs.replace(behavior, scale_down=down)
    return behavior


def _counted(before: tuple[Source, ...], proposals: Sequence[Proposal]) -> tuple[Source, ...]:
    new = {proposal.source.source: proposal.source for proposal in proposals}
    return tuple(new.get(source.source, source) for source in before)


def _largest(proposals: Sequence[Proposal], current: int) -> tuple[Proposal | None, int]:
    """The proposal that counts and the replicas wanted. What failed blocks only the way down."""
    opinions = [p for p in proposals if p.replicas is not None]
    failed = next((p for p in proposals if p.failed), None)
    winner = max(opinions, key=lambda p: p.replicas or 0, default=None)
    if failed is not None and (winner is None or (winner.replicas or 0) < current):
        return failed, current
    return winner, current if winner is None else winner.replicas or 0


def _case(policy: Policy, size: Size, behavior: Behavior, bounds: Bounds, now: datetime) -> Case:
    """Limits and history; what is wanted is not in it yet."""
    spec, status = policy.spec, policy.status
    maximum = spec.max_replicas if bounds.ceiling is None else min(spec.max_replicas, bounds.ceiling)
    minimum = max(spec.min_replicas, bounds.floor)
    if spec.node_group is not None and not spec.node_group.scale_down:
        maximum = max(maximum, size.replicas)
    past = [Recommendation(seconds_ago=_ago(p.at, now), replicas=p.replicas) for p in status.recommendations]
    if not past:
        # First sight: as if what is there had been recommended a moment ago.
        past = [Recommendation(seconds_ago=0, replicas=size.replicas)]
    return Case(
        size,
        min(minimum, maximum),
        maximum,
        behavior,
        recommendations=past,
        scale_events=[ScaleEvent(seconds_ago=_ago(e.at, now), change=e.change) for e in status.scale_events],
    )


def _named(decision: Decision, case: Case, winner: Proposal | None) -> Decision:
    """The decision with the reason for holding, where the HorizontalPodAutoscaler has only "within range"."""
    if decision.replicas != case.size.replicas or decision.reason is not Reason.DESIRED_WITHIN_RANGE:
        return decision
    wanted = case.desired if case.desired is not None else case.size.replicas
    if wanted < case.size.replicas == case.min_replicas:
        return replace(decision, reason=Reason.TOO_FEW_REPLICAS)
    if stabilised(wanted, case.size.replicas, case.behavior, case.recommendations) != wanted:
        down = wanted < case.size.replicas
        return replace(decision, reason=Reason.SCALE_DOWN_STABILIZED if down else Reason.SCALE_UP_STABILIZED)
    if winner is None:
        return replace(decision, reason=Reason.NOTHING_RINGS)
    return decision if winner.hold is None else replace(decision, reason=winner.hold)


def _within_approval(
    policy: Policy, case: Case, decision: Decision, now: datetime
) -> tuple[Decision, int | None]:
    """The decision with `approval.above` as the maximum, and what was wanted beyond; None when nothing was."""
    approval, ceiling = policy.spec.approval, policy.status.ceiling
    if approval is None or (ceiling is not None and ceiling.until > now):
        return decision, None
    # What is above already stays: an approval that ended takes nothing away at once.
    allowed = max(approval.above, case.size.replicas)
    steady = stabilised(case.desired or 0, case.size.replicas, case.behavior, case.recommendations)
    beyond = min(steady, case.max_replicas)
    if decision.replicas <= allowed and not (beyond > allowed and decision.replicas == allowed):
        return decision, None
    said = f"{case.said}; above {approval.above} somebody must approve"
    return Decision(allowed, Reason.APPROVAL_NEEDED, said), beyond


def _ago(then: datetime, now: datetime) -> float:
    return max(0.0, (now - then).total_seconds())
