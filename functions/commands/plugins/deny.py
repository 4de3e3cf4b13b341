"""`deny`: have a command that waits for approval never run."""

from __future__ import annotations

from approvals import token
from bellhop.chat.access import Risk
from bellhop.errors import RefusedError
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    id = call.given["id"]
    answer = call.decisions.deny(call, id)
    if answer is None:
        raise RefusedError("ApprovalUnknown", f"no command waits for approval as `{id}`")
    return answer


COMMAND = Command(
    name="deny",
    summary="Have a command that waits for approval never run.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(Argument("id", "the id, as it was asked", token),),
    examples=("deny 1a2b3c4d",),
)
