"""`policies`: how workloads are scaled by themselves, and what was decided last."""

from __future__ import annotations

from arguments import namespace
from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.scaling.policy import Policy
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    wanted = call.given.get("namespace")
    policies, problems = call.desk.policies()
    shown = sorted(
        (p for p in policies if wanted in {None, p.namespace}), key=lambda p: (p.namespace, p.name)
    )
    lines = [_line(policy) for policy in shown] or ["No policies."]
    lines += [f":warning: {escape(problem)}" for problem in problems]
    return Answer("\n".join(lines))


def _line(policy: Policy) -> str:
    ref, spec = policy.spec.scale_target_ref, policy.spec
    line = (
        f"*{policy.namespace}/{policy.name}* {ref.kind.lower()}/{ref.name}"
        f" {spec.min_replicas} to {spec.max_replicas}"
    )
    if problem := policy.problem():
        return f"{line}\n    :warning: {escape(problem)}"
    last = policy.status.last_decision
    if last is None:
        return f"{line}, nothing decided yet"
    when = last.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{line}\n    now {last.desired}, decided {when}: {last.reason}, {escape(last.because)}"


COMMAND = Command(
    name="policies",
    summary="How workloads are scaled by themselves, and what was decided last.",
    risk=Risk.READ,
    run=run,
    arguments=(Argument("--namespace", "only this namespace", namespace, short="-n"),),
    examples=("policies", "policies -n shop"),
    aliases=("bsp",),
)
