"""`policies`: how workloads are scaled by themselves, what was decided last, and what holds it."""

from __future__ import annotations

from datetime import datetime

from arguments import namespace
from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.scaling.policy import Policy
from registry import Answer, Argument, Call, Command
from wording import change, headline, marks, moment, paused_all, sentence


def run(call: Call) -> Answer:
    wanted = call.given.get("namespace")
    policies, problems = call.desk.policies(fresh=True)
    shown = sorted(
        (p for p in policies if wanted in {None, p.namespace}), key=lambda p: (p.namespace, p.name)
    )
    lines = paused_all(call.desk.paused(), call.at)
    lines += [_lines(policy, call.at) for policy in shown] or ["No policies."]
    lines += [f":warning: {escape(problem)}" for problem in problems]
    return Answer("\n".join(lines))


def _lines(policy: Policy, now: datetime) -> str:
    last = policy.status.last_decision
    decided = "nothing decided yet"
    if last is not None:
        decided = (
            f"{change(last)} at {moment(last.at, now)}: {sentence(last.reason)}, {sentence(last.because)}"
        )
    marked = " · ".join(marks(policy, now))
    return "\n    ".join(line for line in (headline(policy, now), decided, marked) if line)


COMMAND = Command(
    name="policies",
    summary="How workloads are scaled by themselves, and what was decided last.",
    risk=Risk.READ,
    run=run,
    arguments=(Argument("--namespace", "only this namespace", namespace, short="-n"),),
    examples=("policies", "policies -n shop"),
    aliases=("bsp",),
)
