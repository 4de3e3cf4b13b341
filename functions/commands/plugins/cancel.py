"""`cancel`: stop a job under way, a restart's watch or a drain."""

from __future__ import annotations

from arguments import job
from bellhop.chat.access import Risk
from bellhop.jobs.request import Cancel
from bellhop.ledger import Outcome
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    wanted = call.given["job"]
    request = Cancel(
        id=call.envelope.id,
        job=wanted,
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        asked_in=call.envelope.id,
    )
    call.desk.hand_to_jobs(request)
    said = f"Cancelling `{wanted}`: the outcome follows here."
    return Answer(said, outcome=Outcome.ASKED, reason="HandedOn", subject=f"job/{wanted}")


COMMAND = Command(
    name="cancel",
    summary="Stop a job that is under way.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(Argument("job", "its id, as the answer to restart or drain has it", job),),
    examples=("cancel 1a2b3c4d5e6f",),
)
