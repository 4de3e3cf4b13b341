"""What the fields of a pushed alert may be: asked at the door, and again behind the queue.

Only the standard library: the door's imports are a budget. Each check returns the value or raises ValueError,
whose text continues a sentence that begins with the field's name, and never quotes the value.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from enum import StrEnum

#: As long as a CloudWatch alarm's: names become keys of the ledger's indexes, which have their limits.
LONGEST_NAME = 255

_FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
#: Go prints up to nine digits after the point.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


def status(value: object) -> Status:
    """Of an alert itself; its group may say otherwise."""
    if not isinstance(value, str) or value not in Status:
        raise ValueError("is neither firing nor resolved")
    return Status(value)


def fingerprint(value: object) -> str:
    """An alert's identity: the senders' is a hash of its labels, in hex. Up to 64 letters and digits."""
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        raise ValueError("is not a fingerprint")
    return value


def moment(value: object) -> datetime:
    """An RFC 3339 time, aware, in UTC, to the microsecond. Go's zero time (year 1) and all before 1970 is none."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("is not an RFC 3339 time")
    try:
        found = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not an RFC 3339 time") from None
    if found < _EPOCH:
        raise ValueError("is before 1970")
    return found


def labels(value: object) -> dict[str, str]:
    """As `texts`, with an alert name of at most 255 characters, if any."""
    found = texts(value)
    if len(found.get("alertname", "")) > LONGEST_NAME:
        raise ValueError(f"has an alertname over {LONGEST_NAME} characters")
    return found


def texts(value: object) -> dict[str, str]:
    """An object whose values are all text."""
    if not isinstance(value, dict):
        raise ValueError("is not an object")  # noqa: TRY004  one error for a wrong field
    if not all(is_text(name) and is_text(text) for name, text in value.items()):
        raise ValueError("holds something else than text")
    return dict(value)


def is_text(value: object) -> bool:
    """Whether it is a string of whole characters: half a surrogate pair cannot be stored anywhere."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def finite(value: object) -> float | None:
    """A finite number, or None for all else (true and false among it)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
