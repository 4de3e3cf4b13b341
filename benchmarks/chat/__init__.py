"""Chat: what the door takes to acknowledge one slash command, beside slack_bolt on Lambda; warm, and cold."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks import ROOT
from benchmarks.results import Row

#: Whose function is measured.
FUNCTION = ROOT / "functions/webhooks"
if str(FUNCTION) not in sys.path:
    sys.path.append(str(FUNCTION))

from benchmarks.chat import cold, warm  # noqa: E402  they find the function on the path


def measure(full: bool) -> Iterator[Row]:
    """All rows of the subject."""
    yield from warm.measure(full=full)
    yield from cold.measure(full=full)
