"""`simulate`: what a policy would do if its metric had a value now. Nothing is changed."""

from __future__ import annotations

from arguments import minutes, namespace, number, policy_or_workload
from bellhop.chat.access import Risk
from bellhop.errors import InvalidInputError, RefusedError
from finding import meant_policy
from registry import Answer, Argument, Call, Command
from wording import code, paused_all

_MINUTES = 10
#: Characters: a message's limit, less the note.
_SHOWN = 2800


def run(call: Call) -> Answer:
    # Its 6 ms are not every command's.
    from bellhop.scaling.simulation import as_text, simulate  # noqa: PLC0415

    policy, note = meant_policy(call)
    try:
        simulation = simulate(
            policy, call.given["value"], now=call.at, minutes=call.given.get("minutes", _MINUTES)
        )
    except InvalidInputError as error:
        raise RefusedError("BadArguments", str(error)) from error
    lines = [note] if note else []
    lines += [*paused_all(call.desk.paused(), call.at), code(as_text(simulation), _SHOWN)]
    return Answer("\n".join(lines), subject=f"{policy.namespace}/{policy.name}")


COMMAND = Command(
    name="simulate",
    summary="What a policy would do if its metric had this value now.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("policy", "a policy, or the workload that it sizes: web, deploy/web", policy_or_workload),
        Argument("value", "the metric's value", number),
        Argument("--namespace", "the policy's namespace", namespace, short="-n"),
        Argument("--minutes", "how far to look, 1 to 60; else 10", minutes, shown="N"),
    ),
    examples=("simulate web 90 -n shop", "simulate deploy/web 20 -n shop --minutes 30"),
)
