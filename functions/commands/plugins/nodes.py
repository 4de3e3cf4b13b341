"""`nodes`: the cluster's nodes."""

from __future__ import annotations

from bellhop.chat.access import Risk
from registry import Answer, Call, Command
from tables import age, table

_MOST = 500


def run(call: Call) -> Answer:
    found = call.desk.views.cluster.nodes(most=_MOST)
    if not found:
        return Answer("The cluster has no nodes.")
    # What is not well comes first: it is what is looked for.
    ordered = sorted(found, key=lambda node: (node.state == "Ready", node.name))
    rows = [
        (n.name, n.state, n.instance_type, n.zone, age(n.created_at, call.at), n.version) for n in ordered
    ]
    return Answer(
        table(("NAME", "STATUS", "TYPE", "ZONE", "AGE", "VERSION"), rows, unread=len(found) == _MOST)
    )


COMMAND = Command(
    name="nodes",
    summary="The cluster's nodes, those that are not ready first.",
    risk=Risk.READ,
    run=run,
    examples=("nodes",),
)
