"""Scaling: what a decision costs, what a thousand policies cost, which calls an alarm makes, and how soon it acts."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results import Row
from benchmarks.scaling import calls, decisions, matching, reaction


def measure(full: bool) -> Iterator[Row]:
    """All rows of the subject, in the order of an alarm's way."""
    yield from decisions.measure(full=full)
    yield from matching.measure(full=full)
    yield from calls.measure(full=full)
    yield from reaction.measure(full=full)
