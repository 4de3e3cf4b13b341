"""`status`: what Bellhop watches, and what it did last."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from registry import Answer, Call, Command
from wording import paused_all

_SHOWN = 5


def run(call: Call) -> Answer:
    policies, problems = call.desk.policies()
    namespaces = {p.namespace for p in policies}
    triggers = sum(len(p.spec.triggers) for p in policies)
    faulty = problems + [
        f"{p.namespace}/{p.name}: {problem}" for p in policies if (problem := p.problem()) is not None
    ]
    watched = f"{_count(triggers, 'alarm trigger')} in {_count(len(policies), 'policy', 'policies')}"
    lines = [f"Watching {watched} in {_count(len(namespaces), 'namespace')}."]
    lines += paused_all(call.desk.paused(), call.at)
    lines += [f":warning: {escape(problem)}" for problem in faulty]
    recent = call.desk.recent(_SHOWN)
    lines.append("Last:" if recent else "Nothing done yet.")
    lines += [
        f"{e.at.strftime('%m-%d %H:%M:%S')} {e.outcome}: {escape(e.summary)} ({escape(e.actor)})"
        for e in recent
    ]
    return Answer("\n".join(lines))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


COMMAND = Command(
    name="status",
    summary="What Bellhop watches, and what it did last.",
    risk=Risk.READ,
    run=run,
    examples=("status",),
)
