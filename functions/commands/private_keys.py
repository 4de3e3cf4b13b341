"""Private keys in PEM, masked in what programs write: whole, in one line, or with an end cut off. Pure."""

from __future__ import annotations

import re

MASK = "[redacted]"

_LABEL = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?"
_BEGIN, _END = re.compile(rf"-----BEGIN {_LABEL}-----"), re.compile(rf"-----END {_LABEL}-----")
#: In one line, as JSON has it: the line ends are written as \n.
_ONE_LINE = re.compile(rf"{_BEGIN.pattern}[^\n]*?{_END.pattern}")
#: What may stand between the two, perhaps after a log's prefix: base64, a header, nothing.
_INSIDE = re.compile(
    r"(?:^|[\s|>:\"'])[A-Za-z0-9+/]{4,}={0,2}[\"',\s]*$|^\s*$|(?:Proc-Type|DEK-Info|Version):"
)
#: A key's line with neither end in sight; not hexadecimal.
_ALONE = re.compile(r"(?:^|(?<=\s))(?=[^\sG-Z]*[G-Z])(?=[^\sg-z]*[g-z])[A-Za-z0-9+/]{60,76}={0,2}\s*$")


def without_private_keys(text: str) -> str:
    """The text with one mask in place of each key."""
    kept: list[str] = []
    inside = False
    for line in _ONE_LINE.sub(MASK, text).split("\n"):
        end = _END.search(line)
        if end is not None:
            if not inside:  # it began before what was read
                while kept and _INSIDE.search(kept[-1]) and MASK not in kept[-1]:
                    kept.pop()
                kept.append(MASK)
            inside = False
            kept += [line[end.end() :]] if line[end.end() :].strip() else []
        elif (begin := _BEGIN.search(line)) is not None:
            kept.append(line[: begin.start()] + MASK)
            inside = True
        elif not (inside and _INSIDE.search(line)):
            inside = False
            kept.append(_ALONE.sub(MASK, line))
    return "\n".join(kept)
