"""`help [COMMAND]`: what you may run, and how."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from parsing import find
from registry import Answer, Argument, Call, Command, registered


def run(call: Call) -> Answer:
    commands = registered()
    allowed = {name: c for name, c in commands.items() if call.person.could(c.name, c.risk)}
    if wanted := call.given.get("command"):
        return Answer(_one(find(allowed, wanted, allowed=allowed)))
    lines = [f"`{escape(c.usage)}` {c.summary}" for name, c in sorted(allowed.items()) if name == c.name]
    return Answer("\n".join(lines))


def _one(command: Command) -> str:
    lines = [f"`{escape(command.usage)}`", command.summary]
    lines += [f"  `{escape(a.usage)}` {a.help}" for a in command.arguments]
    if command.aliases:
        lines.append(f"Also: {', '.join(f'`{alias}`' for alias in command.aliases)}")
    lines += [f"For example `{escape(example)}`" for example in command.examples]
    return "\n".join(lines)


COMMAND = Command(
    name="help",
    summary="What you may run, and how.",
    risk=Risk.READ,
    run=run,
    arguments=(Argument("command", "one command, in full", optional=True),),
    examples=("help scale",),
    aliases=("?",),
)
