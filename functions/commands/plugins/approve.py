"""`approve`: say yes to a command of somebody else, or to more replicas than need no approval."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from approvals import token
from bellhop.chat.access import Risk
from bellhop.errors import RefusedError
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Verb
from bellhop.scaling.status import Question
from handing import hand_on_one
from registry import Answer, Argument, Call, Command
from wording import moment


def run(call: Call) -> Answer:
    id, now = call.given["id"], call.at
    if (answer := call.decisions.approve(call, id)) is not None:
        return answer
    policies, _ = call.desk.policies(fresh=True)
    asked = [(p, p.status.question) for p in policies if p.status.question is not None]
    found = next(((policy, one) for policy, one in asked if one.id == id), None)
    if found is None:
        raise RefusedError("QuestionGone", f"there is no question `{id}`; {_open(asked, now)}")
    policy, one = found
    if one.expires_at <= now:
        said = f"question `{id}` expired at {moment(one.expires_at, now)}; {_open(asked, now)}"
        raise RefusedError("QuestionExpired", said)
    return hand_on_one(call, Verb.APPROVE, f"Approving {one.wanted} for", policy, question=id)


def _open(asked: Iterable[tuple[Policy, Question]], now: datetime) -> str:
    still = [
        f"`{one.id}` ({policy.namespace}/{policy.name} wants {one.wanted})"
        for policy, one in asked
        if one.expires_at > now
    ]
    return f"open: {', '.join(still)}" if still else "none is open: what is still wanted is asked again"


COMMAND = Command(
    name="approve",
    summary="Let somebody else's command run, or a policy go above what needs no approval.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(Argument("id", "the id, as it was asked", token),),
    examples=("approve 1a2b3c4d",),
)
