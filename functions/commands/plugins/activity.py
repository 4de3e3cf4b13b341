"""`activity`: what Bellhop did, held and refused, newest first."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.ledger import Entry
from reading_arguments import count, subject
from registry import Answer, Argument, Call, Command
from tables import TABLE
from wording import moment, sentence

_SHOWN, _MOST = 10, 50


def run(call: Call) -> Answer:
    wanted = call.given.get("subject")
    entries = call.desk.views.activity.newest(call.given.get("limit", _SHOWN), subject=wanted)
    if not entries:
        said = "Nothing done yet." if wanted is None else f"The ledger has nothing about `{escape(wanted)}`."
        return Answer(said)
    return Answer(_fitting([_line(call, entry) for entry in entries]))


def _line(call: Call, entry: Entry) -> str:
    said = f"{moment(entry.at, call.at)} {entry.outcome}: {sentence(entry.summary)} ({sentence(entry.actor)})"
    return f"{said}\n    {sentence(entry.reason)}: {sentence(entry.because)}"


def _fitting(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if sum(len(each) + 1 for each in (*kept, line)) > TABLE:
            return "\n".join((*kept, f"… {len(lines) - len(kept)} more"))
        kept.append(line)
    return "\n".join(kept)


COMMAND = Command(
    name="activity",
    summary="What Bellhop did, held and refused last.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("subject", "only of this, as the ledger writes it: shop/web", subject, optional=True),
        Argument(
            "--limit", f"how many entries, 1 to {_MOST}; else {_SHOWN}", count(_MOST), short="-n", shown="N"
        ),
    ),
    examples=("activity", "activity shop/web -n 20"),
)
