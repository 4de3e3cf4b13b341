"""A decision's arithmetic, line by line, for `explain`, `simulate` and the status. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bellhop.scaling.behavior import Rules, ScaleEvent, SelectPolicy, stabilised
from bellhop.scaling.decision import Case, Decision, pods
from bellhop.scaling.proposal import Proposal

#: So many alarms are written out; the rest are counted.
_SHOWN = 8


def lines(
    case: Case, proposals: Sequence[Proposal], decision: Decision, capped: Decision | None = None
) -> tuple[str, ...]:
    """Size, what each alarm asks for, stabilisation, rates, limits, result. capped: by approval."""
    current, wanted = case.size.replicas, case.desired or 0
    found = [f"now {pods(case.size)}, {case.min_replicas} to {case.max_replicas} allowed"]
    found += [proposal.working or proposal.said for proposal in proposals[:_SHOWN]]
    if len(proposals) > _SHOWN:
        found.append(f"and {len(proposals) - _SHOWN} more")
    if len(proposals) > 1:
        found.append(f"the largest: {wanted}")
    steady = stabilised(wanted, current, case.behavior, case.recommendations)
    if wanted != current:
        found.append(_window_line(case, wanted, steady))
    if steady != current:
        found.append(_rate_line(case, steady))
    found.append(f"decided: {decision.replicas} ({decision.reason})")
    if capped is not None:
        found.append(f"without approval: {capped.replicas} ({capped.reason})")
    return tuple(found)


def _window_line(case: Case, wanted: int, steady: int) -> str:
    up = wanted > case.size.replicas
    rules = case.behavior.scale_up if up else case.behavior.scale_down
    window = rules.stabilization_window_seconds
    name = "scaleUp" if up else "scaleDown"
    if window == 0:
        return f"{name} window 0 s: {steady}"
    inside = [past.replicas for past in case.recommendations if past.seconds_ago < window]
    word = "lowest" if up else "highest"
    bound = (min if up else max)([wanted, *inside])
    return f"{name} window {window} s: {word} recommendation {bound}, so {steady}"


def _rate_line(case: Case, steady: int) -> str:
    up = steady > case.size.replicas
    rules = case.behavior.scale_up if up else case.behavior.scale_down
    name = "scaleUp" if up else "scaleDown"
    if rules.select_policy is SelectPolicy.DISABLED:
        return f"{name} is disabled: {case.size.replicas}"
    rates = " or ".join(
        _rate(rule_type=r.type, value=r.value, period=r.period_seconds) for r in rules.policies
    )
    chosen = f", {rules.select_policy}" if len(rules.policies) > 1 else ""
    return f"{name} at most {rates}{chosen}{_moved(rules, case.scale_events)}"


def _rate(*, rule_type: str, value: int, period: int) -> str:
    return f"{value} {'pods' if rule_type == 'Pods' else '%'} in {period} s"


def _moved(rules: Rules, events: Sequence[ScaleEvent]) -> str:
    longest = max(rate.period_seconds for rate in rules.policies)
    moved = sum(event.change for event in events if event.seconds_ago < longest)
    return f"; {moved:+d} in the last {longest} s already" if moved else ""
