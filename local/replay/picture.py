"""The picture of a played series: the metric and its target, the replicas, and what held them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bellhop.scaling.decision import TargetType
from bellhop.scaling.playing import Played
from bellhop.scaling.reason import Reason
from bellhop.scaling.spec import Trigger
from local.replay.figures import sizes_of, wanted

#: Reasons that say what kept a size from being what the metric asks for, from below to above.
_TELLING = (
    Reason.METRIC_MISSING,
    Reason.NO_READY_PODS,
    Reason.APPROVAL_NEEDED,
    Reason.TOO_MANY_REPLICAS,
    Reason.SCALE_DOWN_LIMIT,
    Reason.SCALE_UP_LIMIT,
    Reason.SCALE_DOWN_STABILIZED,
    Reason.SCALE_UP_STABILIZED,
)
# Okabe and Ito's palette: told apart by everybody.
_METRIC, _TARGET, _DESIRED, _READY, _LIMITS = "#0072B2", "#D55E00", "#000000", "#009E73", "#767676"
_STYLE: dict[Any, Any] = {  # matplotlib's stubs list every key there is
    "svg.hashsalt": "bellhop",
    "font.size": 9.5,
    "axes.edgecolor": "#767676",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "path.simplify_threshold": 0.2,
}


def draw(
    played: Played,
    recorded: Sequence[tuple[datetime, float | None]] | None,
    trigger: Trigger,
    path: Path,
    *,
    title: str,
    counted: bool,
) -> None:
    """Write the picture, as SVG or PNG by the path's suffix: the same picture gives the same bytes.

    recorded: the load as it was, where that is not what is measured. counted: times count from the start.
    """
    holds = _holds(played)
    strip = 0.28 * len(holds) + 0.25 if holds else 0.0
    heights = [2.6, 2.2, *([strip] if holds else [])]
    with rc_context(_STYLE):
        figure = Figure(figsize=(10, sum(heights) + 1.3), layout="constrained", facecolor="white")
        grid = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
        axes: list[Axes] = list(grid[:, 0])
        _draw_metric(axes[0], played, recorded, trigger)
        _draw_replicas(axes[1], played)
        if holds:
            _draw_holds(axes[2], holds)
        _mark_time(axes[-1], played, counted=counted)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, fontweight="bold")
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
        figure.savefig(path, dpi=150, metadata=metadata)


def _draw_metric(
    axes: Axes, played: Played, recorded: Sequence[tuple[datetime, float | None]] | None, trigger: Trigger
) -> None:
    if recorded is not None:
        pods = played.size.replicas
        said = f"recorded, if {pods} pod{'' if pods == 1 else 's'} carried it"
        axes.plot(*_line(recorded), color="#8c8c8c", linewidth=0.8, label=said)
    measured = [(point.at, point.value) for point in played.measured]
    axes.plot(*_line(measured), color=_METRIC, linewidth=1.2, label="measured")
    sizes = list(sizes_of(played))
    target = [(at, wanted(trigger, played.threshold, replicas)) for at, replicas in sizes]
    axes.step(
        *_line(target), where="post", color=_TARGET, linewidth=1.2, linestyle="--", label=_of_target(trigger)
    )
    axes.set_ylabel("metric")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    _legend(axes)


def _of_target(trigger: Trigger) -> str:
    target = trigger.target
    if target is None:
        return "threshold"
    if target.type is TargetType.AVERAGE_VALUE:
        return f"target {target.wanted:g} x replicas"
    return f"target {target.wanted:g}"


def _draw_replicas(axes: Axes, played: Played) -> None:
    spec = played.policy.spec
    for limit, name in ((spec.min_replicas, "min"), (spec.max_replicas, "max")):
        axes.axhline(limit, color=_LIMITS, linewidth=0.9, linestyle=":")
        axes.annotate(
            f"{name} {limit}",
            (1, limit),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color="#555555",
            annotation_clip=False,
        )
    ready = [*played.ready, (played.until, played.ready[-1][1])]
    axes.fill_between(*_line(ready), step="post", color=_READY, alpha=0.25, linewidth=0, label="ready")
    axes.step(*_line(list(sizes_of(played))), where="post", color=_DESIRED, linewidth=1.2, label="desired")
    axes.set_ylabel("replicas")
    axes.set_ylim(0, spec.max_replicas * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    _legend(axes)


def _draw_holds(axes: Axes, holds: dict[str, list[tuple[datetime, datetime]]]) -> None:
    for row, spans in enumerate(holds.values()):
        bars = [(_number(begin), _number(end) - _number(begin)) for begin, end in spans]
        axes.broken_barh(bars, (row - 0.32, 0.64), facecolors="#8c8c8c", linewidth=0.4, edgecolor="#8c8c8c")
    axes.set_yticks(range(len(holds)), list(holds))
    axes.set_ylim(-0.6, len(holds) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_title("what held the size", loc="left", fontsize=9.5, color="#444444")


def _holds(played: Played) -> dict[str, list[tuple[datetime, datetime]]]:
    """When each telling reason was the last decision's; neighbouring looks joined.

    Where nothing was left to look for, the last decision says nothing about the time after it; but a metric that
    is missing holds until it is back.
    """
    slot = timedelta(seconds=played.policy.spec.evaluate_every_seconds)
    found: dict[str, list[tuple[datetime, datetime]]] = {str(reason): [] for reason in _TELLING}
    ends = [tick.at for tick in played.ticks[1:]] + [played.until]
    for tick, end in zip(played.ticks, ends, strict=True):
        spans = found.get(tick.reason)
        if spans is None:
            continue
        begin = spans.pop()[0] if spans and spans[-1][1] == tick.at else tick.at
        spans.append((begin, end if tick.reason == Reason.METRIC_MISSING else min(end, tick.at + slot)))
    return {reason: spans for reason, spans in found.items() if spans}


def _mark_time(axes: Axes, played: Played, *, counted: bool) -> None:
    axes.xaxis.set_major_locator(AutoDateLocator(tz=UTC, minticks=5, maxticks=13))  # type: ignore[no-untyped-call]
    if counted:
        axes.xaxis.set_major_formatter(FuncFormatter(_elapsed))
        axes.set_xlabel("hours:minutes from the start")
    else:
        within_a_day = played.until - played.start <= timedelta(hours=36)
        axes.xaxis.set_major_formatter(FuncFormatter(_clock if within_a_day else _day_and_clock))
        axes.set_xlabel(f"UTC, from {played.start:%Y-%m-%d}")
    axes.set_xlim(_number(played.start), _number(played.until))


def _clock(number: float, _: int | None) -> str:
    return f"{_moment(number):%H:%M}"


def _day_and_clock(number: float, _: int | None) -> str:
    return f"{_moment(number):%m-%d %H:%M}".removesuffix(" 00:00")


def _elapsed(number: float, _: int | None) -> str:
    passed = _moment(number) - datetime.fromtimestamp(0, UTC)
    minutes = round(passed / timedelta(minutes=1))
    return f"{minutes // 60}:{minutes % 60:02}"


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0.2, fontsize=9
    )


def _line(
    points: Sequence[tuple[datetime, float | None]] | Sequence[tuple[datetime, int]],
) -> tuple[list[float], list[float]]:
    return [_number(at) for at, _ in points], [math.nan if value is None else value for _, value in points]


def _number(at: datetime) -> float:
    return float(date2num(at))  # type: ignore[no-untyped-call]


def _moment(number: float) -> datetime:
    """The moment that an axis' number is for, to the second: floats of days are not exact."""
    exact: datetime = num2date(number, tz=UTC)  # type: ignore[no-untyped-call]
    return (exact + timedelta(milliseconds=500)).replace(microsecond=0)
