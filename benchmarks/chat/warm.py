"""Microseconds for one slash command in a process that has answered before: event in, acknowledgement out."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bellhop.logs import JsonFormatter
from benchmarks.chat.command import environment, signed_event, status
from benchmarks.measuring import Sample, collector_off
from benchmarks.results import Row

type Answering = Callable[[dict[str, Any]], dict[str, Any]]

#: Of slack_bolt's median.
_BUDGET = 0.25
#: Of each side in a round.
_CALLS = 200
#: Our door with a send that does nothing, as the peer's listener; and with all of its own but the call to SQS.
BARE, WHOLE, PEER = "acknowledged", "acknowledged, message made and logged", "slack_bolt"


def measure(*, full: bool) -> Iterator[Row]:
    with sides() as answering:
        timed = _timed(answering, rounds=60 if full else 15)
    yield from _rows("median", 0.5, timed)
    part = _of_rounds(timed[BARE], 0.5).over(_of_rounds(timed[PEER], 0.5))
    yield Row(
        "chat",
        "warm, acknowledged: our median as a share of slack_bolt's",
        "share",
        part.median,
        part.quartiles,
        peer=PEER,
        budget=_BUDGET,
    )
    yield from _rows("p99", 0.99, timed)


@contextmanager
def sides() -> Iterator[dict[str, Answering]]:
    """Both, ready to answer and found to do the same: 200 to what is signed, 401 to what is not."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, others | environment(), clear=True), _logged_to_nowhere():
        # Here: the door configures logging unless somebody has, and other subjects have no use for boto3 so early.
        import webhooks  # noqa: PLC0415
        from benchmarks.chat import bolt_app, our_door  # noqa: PLC0415

        answering = {
            BARE: our_door.answering(our_door.dropped),
            WHOLE: our_door.answering(our_door.made_and_logged()),
            PEER: bolt_app.answering(),
        }
        for side, answer in answering.items():
            found = status(answer(signed_event())), status(answer(signed_event("another")))
            if found != (200, 401):
                raise RuntimeError(f"{side} answers {found}, not 200 and, forged, 401")
        try:
            yield answering
        finally:
            webhooks.door.cache_clear()


def _timed(answering: dict[str, Answering], *, rounds: int) -> dict[str, list[Sample]]:
    """Seconds of every single call, by round. All answer the same event, signed anew in each round."""
    sides = list(answering)
    taken: dict[str, list[Sample]] = {side: [] for side in sides}
    for round_ in range(rounds):
        first = round_ % len(sides)
        event = json.dumps(signed_event())
        for side in (*sides[first:], *sides[:first]):
            # One for each: slack_bolt writes into the event's headers, the same in every call.
            taken[side].append(_calls(answering[side], json.loads(event)))
    return taken


def _calls(answer: Answering, event: dict[str, Any]) -> Sample:
    found = []
    with collector_off():
        answer(event)  # what a collection left cold
        for _ in range(_CALLS):
            began = time.perf_counter()
            answer(event)
            found.append(time.perf_counter() - began)
    return Sample(tuple(found))


def _rows(name: str, share: float, timed: dict[str, list[Sample]]) -> Iterator[Row]:
    peer = _of_rounds(timed[PEER], share)
    for side, rounds in timed.items():
        found = _of_rounds(rounds, share)
        ours = side != PEER
        yield Row(
            "chat",
            f"warm, {side if ours else f'{BARE}: {PEER}'}, {name}",
            "µs",
            found.median,
            found.quartiles,
            peer=PEER if ours else "",
            ratio=found.over(peer).median if ours else None,
        )


def _of_rounds(rounds: list[Sample], share: float) -> Sample:
    """Microseconds that `share` of a round's calls do not exceed, round by round."""
    return Sample(tuple(calls.percentile(share) for calls in rounds)).times(1e6)


@contextmanager
def _logged_to_nowhere() -> Iterator[None]:
    """Written as on Lambda, JSON a line; that is part of what a command costs."""
    with Path(os.devnull).open("w") as nowhere:
        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(JsonFormatter())
        root, own = logging.getLogger(), logging.getLogger("bellhop")
        root.addHandler(handler)
        before = own.level
        own.setLevel(logging.INFO)
        try:
            yield
        finally:
            own.setLevel(before)
            root.removeHandler(handler)
