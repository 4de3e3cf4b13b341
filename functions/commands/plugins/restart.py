"""`restart`: replace a workload's pods, as its own update strategy does it."""

from __future__ import annotations

from arguments import namespace, restartable
from bellhop.chat.access import Risk
from bellhop.jobs.request import Restart
from handing import hand_to_jobs, job_id
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    kind, name = call.given["target"]
    request = Restart(
        id=job_id(call),
        namespace=call.given.get("namespace", call.desk.default_namespace),
        kind=kind,
        name=name,
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        dry_run=call.given["dry_run"],
        asked_in=call.envelope.id,
    )
    return hand_to_jobs(call, request, f"Restarting *{request.subject}*")


COMMAND = Command(
    name="restart",
    summary="Replace a workload's pods, one after another.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(
        Argument("target", "a workload: web, deploy/web, statefulset/db, ds/agent", restartable),
        Argument("--namespace", "the workload's namespace", namespace, short="-n"),
        Argument("--dry-run", "only say what would happen", flag=True),
    ),
    examples=("restart web -n shop", "restart statefulset/db -n shop --dry-run"),
)
