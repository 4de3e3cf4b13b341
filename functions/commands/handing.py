"""What people want changed, handed to its owner, who carries it out once and answers where it was asked."""

from __future__ import annotations

from dataclasses import replace

from arguments import ALL
from bellhop.chat.message import Button
from bellhop.errors import RefusedError
from bellhop.jobs.request import Asked
from bellhop.ledger import Outcome, entry_id
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Control, Verb
from finding import meant_policy
from registry import Answer, Call


def hand_on(call: Call, verb: Verb, doing: str) -> Answer:
    """Hand on what is said of the policy that was named, or of all. doing: "Pausing"."""
    if call.given["policy"] != ALL:
        policy, note = meant_policy(call)
        return hand_on_one(call, verb, doing, policy, note=note)
    if "namespace" in call.given:
        raise RefusedError(
            "BadArguments", f"`all` is every policy in the cluster: leave -n out of {verb} all"
        )
    call.desk.hand_to_scaling(_control(call, verb))
    return _answer(f"{doing} all policies", subject="policies")


def hand_on_one(
    call: Call, verb: Verb, doing: str, policy: Policy, *, question: str = "", note: str = ""
) -> Answer:
    """Hand on what is said of this policy. question: id of what is approved. note: to be said as well."""
    call.desk.hand_to_scaling(
        _control(call, verb, namespace=policy.namespace, name=policy.name, question=question)
    )
    where = f"{policy.namespace}/{policy.name}"
    return _answer(f"{doing} policy *{where}*", subject=where, note=note)


def job_id(call: Call) -> str:
    """The id of the job that a command asks for: the same for every delivery, and short enough to be typed."""
    return entry_id(call.envelope.id, "job")[:12]


def hand_to_jobs(call: Call, request: Asked, doing: str) -> Answer:
    """Hand a job on. doing: "Draining *node/a*"."""
    call.desk.hand_to_jobs(request)
    if request.dry_run:
        return _answer(f"{doing} (dry run)", subject=request.subject)
    cancel = f"cancel {request.id}"
    answer = _answer(doing, subject=request.subject, note=f"`{cancel}` stops it.")
    return replace(answer, buttons=(Button("Cancel", cancel, "danger", "Stop it half-way?"),))


def _control(call: Call, verb: Verb, *, namespace: str = "", name: str = "", question: str = "") -> Control:
    return Control(
        id=call.envelope.id,
        verb=verb,
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        namespace=namespace,
        name=name,
        question=question,
        asked_in=call.envelope.id,
    )


def _answer(said: str, *, subject: str, note: str = "") -> Answer:
    text = f"{said}: the outcome follows here." + (f" {note}" if note else "")
    return Answer(text, outcome=Outcome.ASKED, reason="HandedOn", subject=subject)
