"""`python -m benchmarks [SUBJECT ...] [--full] [--out FILE]`, as `make bench` runs it. Exit code 1: a budget is
missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import chat, scaling
from benchmarks.results import Row, Run, merge, table
from local.processes import LocalCloudError

#: full: longer, for figures to be quoted. Answers the rows as they are measured.
type Measure = Callable[[bool], Iterable[Row]]

SUBJECTS: Mapping[str, Measure] = {"scaling": scaling.measure, "chat": chat.measure}
_RESULTS = Path(__file__).with_name("results.json")


def main(arguments: Sequence[str] | None = None, subjects: Mapping[str, Measure] = SUBJECTS) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures, and checks the budgets.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"all if none: {', '.join(subjects)}")
    parser.add_argument("--full", action="store_true", help="longer, for figures to be quoted")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="where the newest figures are kept")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.subjects if name not in subjects]:
        parser.error(f"no such subject: {', '.join(unknown)}; there is {', '.join(subjects)}")
    missed: list[Row] = []
    for name in options.subjects or subjects:
        try:
            run = _measured(name, subjects[name], full=options.full)
        except LocalCloudError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        merge(options.out, [run])
        missed += run.missed()
    for row in missed:
        print(f"missed: {row.case}: {row.median:g} {row.unit}, budget {row.budget:g}", file=sys.stderr)
    return 1 if missed else 0


def _measured(name: str, measure: Measure, *, full: bool) -> Run:
    mode, at, began = "full" if full else "quick", datetime.now(UTC), time.monotonic()
    rows = tuple(measure(full))
    run = Run(name, mode, at.isoformat(timespec="seconds"), machine(), rows)
    seconds = time.monotonic() - began
    print(f"\n{name} ({mode}, {run.at}, {run.machine}, {seconds:.0f} s)\n\n{table(rows)}\n", flush=True)
    return run


def machine() -> str:
    """What the figures were measured on."""
    return f"{os.process_cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
