"""`drain`: cordon a node and evict its pods, as their disruption budgets allow. Needs another person's approval."""

from __future__ import annotations

from arguments import drain_timeout, node, seconds
from bellhop.chat.access import Risk
from bellhop.jobs.request import USUAL_DRAIN_SECONDS, Drain
from handing import hand_to_jobs, job_id
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    given = call.given
    timeout = round(given["timeout"].total_seconds()) if "timeout" in given else USUAL_DRAIN_SECONDS
    request = Drain(
        id=job_id(call),
        node=given["node"],
        timeout_seconds=timeout,
        grace_seconds=given.get("grace_period"),
        delete_empty_dir=given["delete_emptydir_data"],
        force=given["force"],
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        dry_run=given["dry_run"],
        asked_in=call.envelope.id,
    )
    return hand_to_jobs(call, request, f"Draining *{request.subject}*")


COMMAND = Command(
    name="drain",
    summary="Evict a node's pods, as their disruption budgets allow.",
    risk=Risk.DANGER,
    run=run,
    arguments=(
        Argument("node", "a node's name", node),
        Argument("--timeout", "when to give up, 15m if not said", drain_timeout, shown="DURATION"),
        Argument("--grace-period", "seconds for each pod to end in, else its own", seconds, shown="SECONDS"),
        Argument("--delete-emptydir-data", "pods go although their emptyDir data is lost", flag=True),
        Argument("--force", "pods go that nothing makes again", flag=True),
        Argument("--dry-run", "only say what would happen", flag=True),
    ),
    examples=("drain ip-10-0-1-7.eu-west-1.compute.internal --timeout 30m",),
)
