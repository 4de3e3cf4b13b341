"""`whoami`: who Bellhop takes you for."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from registry import Answer, Call, Command


def run(call: Call) -> Answer:
    roles = ", ".join(call.person.roles) or "no role"
    said = f"You are *{escape(call.person.name)}* ({escape(roles)})."
    return Answer(f"{said}\nThe access document knows you as `{escape(call.envelope.caller)}`.")


COMMAND = Command(
    name="whoami",
    summary="Your name, your roles and your id, as the access document has them.",
    risk=Risk.READ,
    run=run,
    examples=("whoami",),
)
