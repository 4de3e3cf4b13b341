"""A recorded series from a file: CSV with the columns time and value, or a JSON list of {"time", "value"}.

Times are RFC 3339 with an offset, or seconds from the start; one of the two throughout. No value (an empty cell,
null) is a time at which nothing was measured.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.replay.faults import FileError, text_of

_COLUMNS = ["time", "value"]
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_LONGEST = timedelta(days=31)
_FIRST_YEAR, _LAST_YEAR = 1971, 9000
#: Where series that count seconds begin.
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)

type _Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """samples: in order of time, UTC. counted: times were seconds from the start (00:00)."""

    samples: tuple[tuple[datetime, float | None], ...]
    counted: bool

    @property
    def times(self) -> list[datetime]:
        return [at for at, _ in self.samples]


def read_series(path: Path, *, negative: bool = False) -> Recorded:
    """The series in the file, by its suffix. negative: values below 0 make sense. Raises FileError."""
    suffix, text = path.suffix.lower(), text_of(path)
    if suffix not in {".csv", ".json"}:
        raise FileError(path, None, "is neither .csv nor .json")
    if not text.strip():
        raise FileError(path, None, "is empty")
    rows = _csv_rows(path, text) if suffix == ".csv" else _json_rows(path, text)
    return _checked(path, rows, negative=negative)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, _Cell, _Cell]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if header is None:
                header = _header(path, reader.line_num, cells)
            elif len(cells) != len(_COLUMNS):
                raise FileError(path, reader.line_num, f"has {len(cells)} cells, not {len(_COLUMNS)}")
            else:
                named = dict(zip(header, cells, strict=True))
                yield reader.line_num, named["time"], named["value"] or None
    except csv.Error as error:
        raise FileError(path, reader.line_num, f"is not CSV: {error}") from None


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    if sorted(cells) != _COLUMNS:
        raise FileError(path, line, f"the columns must be time,value: found {','.join(cells)[:80]}")
    return cells


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, _Cell, _Cell]]:
    """Item by item, so that each has its line."""
    decoder, place = json.JSONDecoder(), _past_space(text, 0)
    if not text.startswith("[", place):
        raise FileError(path, 1, 'is not a list of {"time", "value"}')
    place = _past_space(text, place + 1)
    while not text.startswith("]", place):
        line = text.count("\n", 0, place) + 1
        try:
            item, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise FileError(path, error.lineno, f"is not JSON: {error.msg}") from None
        except (ValueError, RecursionError):
            raise FileError(path, line, "is not JSON that makes sense here") from None
        if not isinstance(item, dict) or set(item) != set(_COLUMNS):
            raise FileError(path, line, 'is not an object of exactly "time" and "value"')
        yield line, _json_cell(path, line, item["time"]), _json_cell(path, line, item["value"])
        place = _past_space(text, place)
        if text.startswith(",", place):
            place = _past_space(text, place + 1)
        elif not text.startswith("]", place):
            raise FileError(path, text.count("\n", 0, place) + 1, "is not JSON: expected , or ]")
    if text[place + 1 :].strip():
        raise FileError(path, text.count("\n", 0, place) + 1, "is not JSON: something follows the list")


def _past_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _json_cell(path: Path, line: int, cell: object) -> _Cell:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        try:
            return float(cell)
        except OverflowError:
            return math.inf
    raise FileError(path, line, f"`{json.dumps(cell)[:40]}` is neither a text nor a number")


def _checked(path: Path, rows: Iterable[tuple[int, _Cell, _Cell]], *, negative: bool) -> Recorded:
    samples: list[tuple[datetime, float | None]] = []
    counted, counted_line = False, 0
    for line, time, cell in rows:
        at, seconds = _time(path, line, time)
        if not samples:
            counted, counted_line = seconds, line
        elif seconds is not counted:
            raise FileError(
                path, line, f"times are {_form(seconds)} here and {_form(counted)} in line {counted_line}"
            )
        value = _value(path, line, cell, negative=negative)
        if samples and at <= samples[-1][0]:
            what = "is there twice" if at == samples[-1][0] else "is before the one above: sort by time"
            raise FileError(path, line, f"time {time} {what}")
        samples.append((at, value))
        if at - samples[0][0] > _LONGEST:
            raise FileError(
                path, line, f"is more than {_LONGEST.days} days after the first: play it in parts"
            )
    if all(value is None for _, value in samples):
        raise FileError(path, None, "has no value")
    return Recorded(tuple(samples), counted)


def _form(seconds: bool) -> str:
    return "seconds" if seconds else "RFC 3339"


def _time(path: Path, line: int, cell: _Cell) -> tuple[datetime, bool]:
    """The time, and whether it was given in seconds."""
    if cell is None or cell == "":
        raise FileError(path, line, "has no time")
    if isinstance(cell, float) or _NUMBER.fullmatch(cell.strip()):
        seconds = float(cell)
        if not 0 <= seconds <= _LONGEST.total_seconds():
            raise FileError(
                path, line, f"time {cell} is not from 0 to {_LONGEST.total_seconds():.0f} seconds (31 days)"
            )
        return _ZERO + timedelta(seconds=seconds), True
    try:
        at = datetime.fromisoformat(cell.strip())
    except ValueError:
        said = f"time `{cell[:40]}` is neither RFC 3339 (2026-11-20T18:00:00Z) nor seconds"
        raise FileError(path, line, said) from None
    if at.tzinfo is None:
        raise FileError(path, line, f"time `{cell[:40]}` has no offset: end it with Z or +01:00")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise FileError(path, line, f"time `{cell[:40]}` is not of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return at.astimezone(UTC), False


def _value(path: Path, line: int, cell: _Cell, *, negative: bool) -> float | None:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    number = cell.strip() if isinstance(cell, str) else cell
    try:
        value = float(number)
    except ValueError:
        raise FileError(path, line, f"value `{number[:40]}` is not a number") from None  # type: ignore[index]
    if not math.isfinite(value):
        raise FileError(
            path, line, f"value {number} is not finite: leave it empty where nothing was measured"
        )
    if isinstance(number, str) and not _NUMBER.fullmatch(number):
        raise FileError(path, line, f"value `{number[:40]}` is not a number")
    if value < 0 and not negative:
        raise FileError(path, line, f"value {number} is negative, and a target's metric never is")
    return value
