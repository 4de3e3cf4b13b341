"""Tables in a block of code, aligned and cut to what a message takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bellhop import durations
from bellhop.chat.slack import escape

#: Characters of a whole table: a message's limit, less what stands before and after it.
TABLE = 2600
#: Of one cell, and of one line of text: five times as long when it is all entities, it still fits.
_CELL, _LINE = 60, 400


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, most: int = TABLE, unread: bool = False
) -> str:
    """The rows under their heads, in a block of code. What does not fit is counted in a last line.

    unread: whether there are rows that were not even read.
    """
    cells = [[_cell(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = [
        escape("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for row in cells
    ]
    shown = _fitting(lines, most - len("```\n\n```\n… 00000+ more"))
    more = len(lines) - shown
    told = [f"… {more}{'+' if unread else ''} more"] if more else ["… and more"] if unread else []
    return "\n".join(("```", *lines[:shown], *told, "```"))


def block(lines: Sequence[str], *, most: int = TABLE) -> str:
    """The last lines that fit, in a block of code; how many before them do not is its first line."""
    shown = [escape(_cut(line.replace("```", "'''"), _LINE)) for line in lines]
    kept = _fitting(shown[::-1], most - len("```\n\n```\n… 00000 lines before"))
    before = [f"… {len(shown) - kept} lines before"] if kept < len(shown) else []
    return "\n".join(("```", *before, *(shown[-kept:] if kept else []), "```"))


def age(since: datetime, now: datetime) -> str:
    """How long ago, in its two largest units: "3d4h"."""
    if since.year < 2000:
        return "-"
    return durations.say(now - since).replace(" ", "")


def _fitting(lines: Sequence[str], most: int) -> int:
    used = 0
    for number, line in enumerate(lines):
        used += len(line) + 1
        if used > most:
            return number
    return len(lines)


def _cell(text: str) -> str:
    """One line without backticks, which would end the block."""
    line = " ".join(text.split()).replace("`", "'")
    return _cut(line, _CELL)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
