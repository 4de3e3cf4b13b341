"""`more`: another of what you asked for last, a joke or a fact."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.errors import RefusedError
from feed_telling import reader, tell
from registry import Answer, Call, Command


def run(call: Call) -> Answer:
    known = call.desk.views.feeds.context(reader(call), now=call.at)
    if known is None:
        raise RefusedError(
            "NothingMore", "there is nothing to go on with: ask for a `joke` or a `fact` first"
        )
    return tell(call, known.feed, known)


COMMAND = Command(
    name="more",
    summary="Another of what you asked for last, a joke or a fact.",
    risk=Risk.READ,
    run=run,
    examples=("more",),
)
