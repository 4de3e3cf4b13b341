"""What a benchmark found: rows, the table that shows them, and the file that keeps the newest of each subject."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_HEAD = ("case", "median", "spread", "unit", "peer", "ratio", "budget", "ok", "note")
#: A note: the spread is not the quartiles.
LEAST_TO_MOST = "spread: least to most"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    spread: its quartiles, unless the note says otherwise. peer: what `ratio` is against, in words; "" for none.
    budget: what `median` may not be above; None where there is none.
    """

    subject: str
    case: str
    unit: str
    median: float
    spread: tuple[float, float]
    peer: str = ""
    ratio: float | None = None
    budget: float | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether it keeps its budget; what has none does."""
        return self.budget is None or self.median <= self.budget

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "spread": list(self.spread), "ok": self.ok}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one subject. mode: quick or full. at: RFC 3339. machine: in words."""

    subject: str
    mode: str
    at: str
    machine: str
    rows: tuple[Row, ...]

    def missed(self) -> list[Row]:
        return [row for row in self.rows if not row.ok]

    def document(self) -> dict[str, Any]:
        rows = [row.document() for row in self.rows]
        return {"mode": self.mode, "at": self.at, "machine": self.machine, "rows": rows}


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, lined up for a terminal."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    shown = ["| " + " | ".join(_padded(line, widths)) + " |" for line in lines]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def merge(file: Path, runs: Iterable[Run]) -> None:
    """Put the runs into the file; what it holds of other subjects stays."""
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    merged = kept | {run.subject: run.document() for run in runs}
    file.write_text(json.dumps(dict(sorted(merged.items())), indent=2) + "\n")


def read(file: Path) -> Mapping[str, Run]:
    """The newest run of each subject in the file."""
    return {subject: _run(subject, document) for subject, document in json.loads(file.read_text()).items()}


def _run(subject: str, document: Mapping[str, Any]) -> Run:
    rows = [{name: value for name, value in row.items() if name != "ok"} for row in document["rows"]]
    return Run(
        subject,
        document["mode"],
        document["at"],
        document["machine"],
        tuple(Row(**{**row, "spread": tuple(row["spread"])}) for row in rows),
    )


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.spread
    return (
        row.case,
        number(row.median),
        "" if low == high else f"{number(low)} to {number(high)}",
        row.unit,
        row.peer or "none",
        "" if row.ratio is None else number(row.ratio),
        "" if row.budget is None else number(row.budget),
        "" if row.budget is None else "yes" if row.ok else "NO",
        row.note,
    )


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]


def number(value: float) -> str:
    """Three digits that count, and all of those before the point."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
