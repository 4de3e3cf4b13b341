"""`python -m bellhop.scaling`: the decision as a command line. One JSON case a line in, one decision a line out."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from typing import Annotated, TextIO

import msgspec

from bellhop.scaling.behavior import DeclaredBehavior, Recommendation, ScaleEvent
from bellhop.scaling.decision import Case, Metric, Size, TargetType, decide

_EXAMPLE = '{"current": 10, "minReplicas": 1, "maxReplicas": 1000, "desired": 50}'

type _Count = Annotated[int, msgspec.Meta(ge=0)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A misspelt field is an error, not a default."""


class _Metric(_Strict, frozen=True, kw_only=True):
    type: TargetType
    target: Annotated[float, msgspec.Meta(gt=0)]
    value: float | None = None
    name: str = "metric"


class _Line(_Strict, frozen=True, kw_only=True):
    current: _Count
    min_replicas: _Count
    max_replicas: Annotated[int, msgspec.Meta(ge=1)]
    ready: _Count | None = None
    behavior: DeclaredBehavior = DeclaredBehavior()
    metrics: Annotated[tuple[_Metric, ...], msgspec.Meta(min_length=1)] | None = None
    desired: _Count | None = None
    recommendations: tuple[Recommendation, ...] = ()
    scale_events: tuple[ScaleEvent, ...] = ()


def parse(line: str) -> Case:
    """The case in a line of JSON. Raises ValueError, saying what is wrong."""
    given = msgspec.json.decode(line, type=_Line)
    if (given.metrics is None) == (given.desired is None):
        raise ValueError("give either metrics or desired")
    if given.min_replicas > given.max_replicas:
        raise ValueError(f"minReplicas {given.min_replicas} is above maxReplicas {given.max_replicas}")
    metrics = [Metric(m.value, m.target, m.type, m.name) for m in given.metrics or ()]
    if not all(math.isfinite(number) for m in metrics for number in (m.value or 0.0, m.target)):
        raise ValueError("a metric's value or target is not a finite number")
    return Case(
        Size(given.current, given.current if given.ready is None else given.ready),
        given.min_replicas,
        given.max_replicas,
        given.behavior.complete(),
        metrics=metrics,
        desired=given.desired,
        recommendations=given.recommendations,
        scale_events=given.scale_events,
    )


def run(lines: Iterable[str], out: TextIO) -> int:
    """Decide each line; blank ones are passed over. A bad line is answered with `error`, in its place.

    Answers the exit code: 1 when any line was bad.
    """
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        answer: dict[str, object]
        try:
            decision = decide(parse(line))
        except (ValueError, OverflowError) as error:  # msgspec's errors are ValueErrors
            answer, bad = {"error": str(error)}, 1
        else:
            answer = {"replicas": decision.replicas, "reason": decision.reason, "because": decision.because}
        out.write(msgspec.json.encode(answer).decode() + "\n")
        out.flush()
    return bad


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bellhop.scaling",
        description="The HorizontalPodAutoscaler's decision: one JSON case a line on stdin, one decision a line"
        " on stdout. docs/scaling.md has the fields.",
        epilog=f"For example: echo '{_EXAMPLE}' | python -m bellhop.scaling",
    )
    parser.parse_args(arguments)
    return run(sys.stdin, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
