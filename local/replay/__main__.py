"""`python -m local.replay POLICY.yaml SERIES.csv|json`: what a policy would have done with a recorded series.

With PYTHONPATH=layers/shared, as `make replay` has it.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bellhop import durations
from bellhop.errors import BellhopError
from bellhop.scaling.decision import Size
from bellhop.scaling.playing import PERIOD, PODS_START_AFTER, Played, play
from bellhop.scaling.policy import Policy
from bellhop.scaling.simulated_load import Load, held, usual_spacing
from bellhop.scaling.simulation import default_load
from bellhop.scaling.spec import Trigger
from local.replay.faults import FileError
from local.replay.figures import as_lines, as_table, figures
from local.replay.policy_file import read_policy, rehearsed
from local.replay.series_file import Recorded, read_series

_DESCRIPTION = """\
Plays a recorded series through a ScalingPolicy, with the very code that decides on AWS, and draws what it would
have done. Nothing is contacted and nothing is changed.

SERIES has the columns time,value (CSV) or is a list of {"time", "value"} (JSON). Times are RFC 3339 with an offset
or seconds from the start. No value (an empty cell, null): nothing was measured then."""
_EPILOG = """\
load:
  shared  the series is what START pods measured: with twice as many ready it would have been half.
          The default for a Value target (CPU, latency). Say with --start-replicas how many there were.
  as-is   the series is measured whatever the size. The default for AverageValue (queue depth, requests) and steps.

exit codes: 0 played; 1 a file cannot be used, its name and line are said; 2 the command line is wrong.

for example:
  make replay ARGS='local/replay/series/queue-depth.yaml local/replay/series/queue-depth.json --table'
"""


@dataclass(frozen=True, slots=True)
class _Options:
    policy: Path
    series: Path
    output: Path | None
    name: str | None
    trigger: int
    load: Load | None
    threshold: float | None
    start_replicas: int | None
    pods_start_after: timedelta
    period: timedelta
    table: bool


def main(arguments: list[str] | None = None) -> int:
    """Play, say the figures, draw. Answers the exit code."""
    options = _Options(**vars(_parser().parse_args(arguments)))
    try:
        _replay(options)
    except (FileError, BellhopError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _replay(options: _Options) -> None:
    policy, remarks = rehearsed(read_policy(options.policy, options.name))
    triggers = policy.spec.triggers
    if options.trigger >= len(triggers):
        raise FileError(options.policy, None, f"has {len(triggers)} triggers, from 0: no {options.trigger}")
    trigger = triggers[options.trigger]
    recorded = read_series(options.series, negative=trigger.target is None)
    load = options.load or default_load(trigger)
    played = _played(options, policy, recorded, load)
    output = options.output or Path(options.series.with_suffix(".svg").name)
    _draw(played, recorded, trigger, load, output, f"{policy.target} and {options.series.name}")
    start = f"{played.size.replicas} replica{'' if played.size.replicas == 1 else 's'}"
    said = [f"{policy.target}: {options.series.name} as {load} load, from {start}"]
    said += [f"note: {remark}" for remark in remarks]
    said += as_lines(figures(played, trigger, options.period))
    if options.table:
        said += ["", *as_table(played, counted=recorded.counted), ""]
    sys.stdout.write("\n".join([*said, f"{'picture':<17} {output}"]) + "\n")


def _played(options: _Options, policy: Policy, recorded: Recorded, load: Load) -> Played:
    spacing = usual_spacing(recorded.times)
    replicas = policy.spec.min_replicas if options.start_replicas is None else options.start_replicas
    return play(
        policy,
        size=Size(replicas, replicas),
        series=held(recorded.samples, spacing),
        start=recorded.times[0],
        until=recorded.times[-1] + spacing,
        load=load,
        pods_start_after=options.pods_start_after,
        threshold=options.threshold,
        period=options.period,
        trigger=options.trigger,
    )


def _draw(played: Played, recorded: Recorded, trigger: Trigger, load: Load, output: Path, title: str) -> None:
    # Its list of fonts belongs into this folder, not into the person's home.
    os.environ.setdefault("MPLCONFIGDIR", str(Path(__file__).parents[2] / ".bellhop/matplotlib"))
    # A second's work, which a file that cannot be used need not wait for.
    from local.replay.picture import draw  # noqa: PLC0415

    shown = recorded.samples if load is Load.SHARED else None
    draw(played, shown, trigger, output, title=title, counted=recorded.counted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.replay",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("policy", type=Path, metavar="POLICY.yaml", help="a file with a ScalingPolicy")
    parser.add_argument("series", type=Path, metavar="SERIES", help="the recorded series, .csv or .json")
    parser.add_argument(
        "-o",
        "--output",
        type=_picture,
        metavar="FILE",
        help="the picture, .svg or .png; SERIES' name with .svg here",
    )
    parser.add_argument("--name", help="which ScalingPolicy, when the file has several")
    parser.add_argument(
        "--trigger", type=_count, default=0, metavar="N", help="which trigger, from 0; the others never ring"
    )
    parser.add_argument("--load", type=Load, choices=list(Load), metavar="shared|as-is", help="see below")
    parser.add_argument(
        "--threshold",
        type=_number,
        metavar="X",
        help="the alarm's threshold; the trigger's own or its target",
    )
    parser.add_argument(
        "--start-replicas", type=_count, metavar="N", help="pods at the start, all ready; minReplicas"
    )
    parser.add_argument(
        "--pods-start-after",
        type=_length,
        default=PODS_START_AFTER,
        metavar="30s",
        help="how long a new pod takes until it is ready; 30s",
    )
    parser.add_argument(
        "--period",
        type=_period,
        default=PERIOD,
        metavar="60s",
        help="the metric's period, from 1s to 1h; 60s",
    )
    parser.add_argument("--table", action="store_true", help="every change of size as well")
    return parser


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in {".svg", ".png"}:
        raise argparse.ArgumentTypeError(f"{text} is neither .svg nor .png")
    return path


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return value


def _length(text: str) -> timedelta:
    if text == "0s":
        return timedelta(0)
    try:
        return durations.parse(text)
    except BellhopError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _period(text: str) -> timedelta:
    period = _length(text)
    if not timedelta(seconds=1) <= period <= timedelta(hours=1):
        raise argparse.ArgumentTypeError(f"{text} is not from 1s to 1h")
    return period


if __name__ == "__main__":
    sys.exit(main())
