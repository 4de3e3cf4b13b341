"""`cordon`: let no more pods onto a node."""

from __future__ import annotations

from arguments import node
from bellhop.chat.access import Risk
from bellhop.jobs.request import Cordon
from handing import hand_to_jobs, job_id
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    request = Cordon(
        id=job_id(call),
        node=call.given["node"],
        on=True,
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        dry_run=call.given["dry_run"],
        asked_in=call.envelope.id,
    )
    return hand_to_jobs(call, request, f"Cordoning *{request.subject}*")


COMMAND = Command(
    name="cordon",
    summary="Let no more pods onto a node.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(
        Argument("node", "a node's name", node),
        Argument("--dry-run", "only say what would happen", flag=True),
    ),
    examples=("cordon ip-10-0-1-7.eu-west-1.compute.internal",),
)
