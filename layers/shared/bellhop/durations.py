"""Lengths of time as people write them: 45s, 30m, 1h30m, 7d."""

from __future__ import annotations

import re
from datetime import timedelta

from bellhop.errors import InvalidInputError

#: The same pattern stands in the ScalingPolicy's schema.
PATTERN = r"^([0-9]{1,6}[smhd])+$"
_PART = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_WHOLE = re.compile(PATTERN, re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 365 * _SECONDS["d"]


def parse(text: str) -> timedelta:
    """The length of time in "1h30m". Raises InvalidInputError for all else, for nothing at all ("0s") and for
    more than a year."""
    if not _WHOLE.fullmatch(text):
        raise InvalidInputError(f"`{text[:20]}` is not a length of time such as 45s, 30m, 1h30m or 7d")
    seconds = sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text))
    if not 0 < seconds <= _LONGEST:
        raise InvalidInputError(f"`{text[:20]}` is not between 1 second and a year")
    return timedelta(seconds=seconds)


def say(length: timedelta) -> str:
    """The two largest units: "1h 30m", "45s"."""
    left = max(0, round(length.total_seconds()))
    parts = []
    for unit, seconds in reversed(_SECONDS.items()):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
