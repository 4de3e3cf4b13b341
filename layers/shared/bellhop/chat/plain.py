"""Slack's mrkdwn as plain text, for the platforms that know no other. Imports nothing but re: the door uses it.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re

#: The emoji that Bellhop says, as characters. Others are dropped.
_EMOJI = {
    "white_check_mark": "\N{WHITE HEAVY CHECK MARK}",
    "no_entry": "\N{NO ENTRY}",
    "x": "\N{CROSS MARK}",
    "question": "\N{BLACK QUESTION MARK ORNAMENT}",
    "rotating_light": "\N{POLICE CARS REVOLVING LIGHT}",
    "hourglass": "\N{HOURGLASS}",
    "double_vertical_bar": "\N{DOUBLE VERTICAL BAR}",
    "warning": "\N{WARNING SIGN}",
    "fast_forward": "\N{BLACK RIGHT-POINTING DOUBLE TRIANGLE}",
    "information_source": "\N{INFORMATION SOURCE}",
    "unlock": "\N{OPEN LOCK}",
    "lock": "\N{LOCK}",
    "bell": "\N{BELL}",
    "tada": "\N{PARTY POPPER}",
}
_FENCED = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
# Lengths are bounded so that the time is linear, whatever the text.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,2000})`"
    r"|<(?P<target>[^<>|\n]{1,2000})(?:\|(?P<label>[^<>\n]{0,2000}))?>"
    r"|(?<![\w:]):(?P<emoji>[a-z][a-z0-9_+-]{0,40}):(?![\w:])(?P<gap> ?)"
    r"|(?<![\w*_~])(?P<mark>[*_~])(?=\S)(?P<styled>[^\n]{0,300}?\S)(?P=mark)(?![\w*_~])"
)


def plain(mrkdwn: str) -> str:
    """The text without stars, underscores and backticks; links as "label (address)", emoji as characters,
    entities undone. What is in blocks of code stays as it is."""
    parts = _FENCED.split(mrkdwn)  # every second part was inside a fence
    text = "".join(part if index % 2 else _INLINE.sub(_shown, part) for index, part in enumerate(parts))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(found: re.Match[str]) -> str:
    if found["code"]:
        return found["code"]
    if found["styled"]:
        return _INLINE.sub(_shown, found["styled"])
    if found["emoji"]:
        character = _EMOJI.get(found["emoji"], "")
        return character and character + found["gap"]
    return _link(found["target"], found["label"])


def _link(target: str, label: str | None) -> str:
    match target[0]:
        case "@" | "#":
            return target[0] + (label or target[1:])
        case "!":
            return "@" + (label or target[1:].partition("^")[0])
    return f"{label} ({target})" if label and label != target else target
