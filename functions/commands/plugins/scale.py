"""`scale`: set a workload's size. Handed to `scaling`, which answers where it was asked."""

from __future__ import annotations

from arguments import duration, namespace, replicas, workload
from bellhop import durations
from bellhop.chat.access import Risk
from bellhop.ledger import Outcome
from bellhop.scaling.request import ScaleRequest
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    kind, name = call.given["target"]
    where = call.given.get("namespace", call.desk.default_namespace)
    hold = call.given.get("for")
    request = ScaleRequest(
        id=call.envelope.id,
        namespace=where,
        kind=kind,
        name=name,
        replicas=call.given["replicas"],
        person=call.person.name,
        correlation=call.envelope.correlation,
        at=call.at,
        hold_seconds=None if hold is None else round(hold.total_seconds()),
        dry_run=call.given["dry_run"],
        asked_in=call.envelope.id,
    )
    call.desk.hand_to_scaling(request)
    said = f"Scaling *{where}/{name}* to {request.replicas}"
    said += "" if hold is None else f" for {durations.say(hold)}"
    said += " (dry run)" if request.dry_run else ""
    return Answer(
        f"{said}: the outcome follows here.", outcome=Outcome.ASKED, reason="HandedOn", subject=request.target
    )


COMMAND = Command(
    name="scale",
    summary="Set a workload's size.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(
        Argument("target", "a workload: web, deploy/web, statefulset/db", workload),
        Argument("replicas", "how many pods", replicas),
        Argument("--namespace", "the workload's namespace", namespace, short="-n"),
        Argument(
            "--for", "how long a policy leaves it alone, 30m or 1h30m; else 1h", duration, shown="DURATION"
        ),
        Argument("--dry-run", "only say what would happen", flag=True),
    ),
    examples=(
        "scale web 5 -n shop",
        "scale web 8 -n shop --for 2h",
        "scale statefulset/db 3 -n shop --dry-run",
    ),
)
