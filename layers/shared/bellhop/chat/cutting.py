"""Long texts cut into pieces that a platform takes: at line ends, else between words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FENCE = "```"
#: What a cut may not go through: an entity and a link of Slack's mrkdwn, looked for at the end of what is kept.
_OPEN = re.compile(r"(?:&[a-z]{0,3}|<[^<>\n]{0,500})\Z")


@dataclass(frozen=True, slots=True)
class Pieces:
    """texts: none blank, each within its limit. left_out: lines of which something is missing in them."""

    texts: tuple[str, ...]
    left_out: int

    @property
    def note(self) -> str:
        """What is said in place of what is missing; "" when nothing is."""
        if not self.left_out:
            return ""
        return f"… {self.left_out} line{'s' if self.left_out > 1 else ''} more"


def pieces(
    text: str, *, most: int, in_all: int, fences: bool = False, size: Callable[[str], int] = len
) -> Pieces:
    """The text in pieces of at most `most`, together at most `in_all`, as `size` counts. most: 50 or more.

    fences: a block of code (```) that a cut goes through is closed before it and opened again after it.
    """
    made: list[str] = []
    piece: list[str] = []
    used, inside = 0, False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        for part, row in enumerate(_rows(line, most - 2 * (len(FENCE) + 1), size)):
            opened = inside
            inside ^= fences and row.count(FENCE) % 2 == 1
            whole = _joined([*piece, row], closed=inside)
            if part or (piece and size(whole) > most):  # a line's next part begins a piece: it is no new line
                made.append(_joined(piece, closed=opened))
                used += size(made[-1])
                piece = [FENCE] if opened else []
                whole = _joined([*piece, row], closed=inside)
            if used + size(whole) > in_all:
                return _told(made, piece, opened, len(lines) - number)
            piece.append(row)
    return _told(made, piece, inside, 0)


def _told(made: Sequence[str], piece: Sequence[str], inside: bool, left_out: int) -> Pieces:
    texts = [*made, *([_joined(piece, closed=inside)] if list(piece) != [FENCE] else [])]
    return Pieces(tuple(text for text in texts if text.strip()), left_out)


def _joined(rows: Sequence[str], *, closed: bool) -> str:
    return "\n".join((*rows, FENCE) if closed else rows)


def _rows(line: str, most: int, size: Callable[[str], int]) -> list[str]:
    """One line, in as many rows as it needs."""
    rows: list[str] = []
    while size(line) > most:
        end = _fitting(line, most, size)
        kept = line[:end]
        words = kept.rpartition(" ")[0]
        kept = words if len(words) > end // 2 else kept
        kept = _OPEN.sub("", kept) or kept
        rows.append(kept)
        line = line[len(kept) :].removeprefix(" ")
    return [*rows, line] if line or not rows else rows


def _fitting(line: str, most: int, size: Callable[[str], int]) -> int:
    """How many of the line's characters fit, one at least."""
    end = most
    while end > 1 and size(line[:end]) > most:
        end -= max(1, (size(line[:end]) - most) // 2)
    return end
