"""`queues`: how much waits in Bellhop's own queues, and what failed."""

from __future__ import annotations

from bellhop.chat.access import Risk
from registry import Answer, Call, Command
from tables import table
from views import QueueDepth


def run(call: Call) -> Answer:
    found = call.desk.views.queues.depths()
    if not found:
        return Answer("No queues are configured: setting QUEUES of `commands` is empty.")
    lines = [table(("QUEUE", "WAITING", "IN FLIGHT", "DELAYED"), [_row(queue) for queue in found])]
    lines += [
        f":warning: {queue.waiting} failed in `{queue.name}` (docs/operations.md: dead letters)"
        for queue in found
        if queue.dead_letters and queue.waiting
    ]
    return Answer("\n".join(lines))


def _row(queue: QueueDepth) -> tuple[str, ...]:
    if queue.problem:
        return (queue.name, queue.problem, "", "")
    return (queue.name, str(queue.waiting), str(queue.in_flight), str(queue.delayed))


COMMAND = Command(
    name="queues",
    summary="How much waits in Bellhop's own queues, and what failed.",
    risk=Risk.READ,
    run=run,
    examples=("queues",),
)
