"""`fact`: one that you have not read lately."""

from __future__ import annotations

from bellhop.chat.access import Risk
from feed_telling import reader, tell
from registry import Answer, Call, Command


def run(call: Call) -> Answer:
    return tell(call, "fact", call.desk.views.feeds.context(reader(call), now=call.at))


COMMAND = Command(
    name="fact",
    summary="A fact.",
    risk=Risk.READ,
    run=run,
    examples=("fact",),
)
