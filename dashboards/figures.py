"""The Pareto front as a figure, for papers and READMEs."""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from core.statistics.paired import Estimate
from core.visible_text import visible
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults, front_arms
from dashboards.formatting import Axis, better, plural
from dashboards.label_places import label_places
from dashboards.palette import Style

FONT_SIZE = 8.5
"""Font size of arm names in points."""
MAX_DETAILED = 60
"""Number of arms above which only those on the front have intervals and single seeds."""
LABEL_GAP = 6.0
"""Distance from the centre of a mark to its label in points."""
_ALIGNMENTS: dict[int, Literal["left", "center", "right"]] = {1: "left", 0: "center", -1: "right"}
"""Horizontal alignment of a label by the side of the mark on which it is placed."""
FigureFormat = Literal["png", "svg", "pdf"]
"""Formats of figures."""
Limits = tuple[tuple[float, float], tuple[float, float]]
"""Lower and upper limit of the x axis, and of the y axis."""


def front_png(results: StudyResults, x: Axis, y: Axis, styles: Mapping[str, Style]) -> bytes:
    """`front_figure` as PNG."""
    return rendered_figure(front_figure(results, x, y, styles), "png")


def without_formulas(text: str) -> str:
    """Text with escaped dollar signs, which would otherwise start a formula in matplotlib, on one line."""
    return visible(" ".join(text.split())).replace("$", r"\$")


def rendered_figure(figure: Figure, form: FigureFormat) -> bytes:
    """A figure in a format; the text of SVG and PDF remains text."""
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}), _without_glyph_warnings():
        figure.savefig(buffer, format=form)
    return buffer.getvalue()


def front_figure(results: StudyResults, x: Axis, y: Axis, styles: Mapping[str, Style]) -> Figure:
    """Plot of two metrics with arm means, their intervals, single seeds and the Pareto front.

    If baselines or static arms lie far from the others, a second panel shows all arms, with a dotted box around the
    area of the first panel.
    """
    shown = [arm for arm in results.arms if x.metric in arm.metrics and y.metric in arm.metrics]
    objectives = [axis.objective for axis in (x, y)]
    front = front_arms(results.arms, [o for o in objectives if o]) if all(objectives) else set()
    main_arms = [arm for arm in shown if arm.is_eligible] or shown
    main_limits, all_limits = _limits(main_arms, x.metric, y.metric), _limits(shown, x.metric, y.metric)
    has_second_panel = any(not _is_inside(arm, x, y, main_limits) for arm in shown)

    figure = Figure(figsize=(8.4 if has_second_panel else 7.2, 4.6), dpi=170, layout="constrained")
    width_ratios = [3, 1] if has_second_panel else [1]
    panels = figure.subplots(1, len(width_ratios), width_ratios=width_ratios, squeeze=False)[0]
    for axes, limits in zip(panels, (main_limits, all_limits), strict=False):
        axes.set(xlim=limits[0], ylim=limits[1])
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        inside = [arm for arm in shown if _is_inside(arm, x, y, limits)]
        _draw_front_line(axes, [arm for arm in inside if arm.name in front], x, y)
        is_detailed = {arm.name: len(inside) <= MAX_DETAILED or arm.name in front for arm in inside}
        _draw_means(axes, [arm for arm in inside if not is_detailed[arm.name]], x.metric, y.metric, styles)
        for arm in (arm for arm in inside if is_detailed[arm.name]):
            _draw_arm(axes, arm, x.metric, y.metric, styles[arm.name], on_front=arm.name in front)
    panels[0].set_xlabel(f"{x.label}, {better(x.direction)}")
    panels[0].set_ylabel(f"{y.label}, {better(y.direction)}")
    panels[0].set_title(without_formulas(_caption(results, shown)), fontsize=8.5, loc="left", color="#444444")
    labels_all = len(shown) <= 15
    _draw_labels(figure, panels[0], shown, x, y, main_limits, lambda arm: labels_all or arm.name in front)
    if has_second_panel:
        panels[1].set_xlabel("all arms")
        (left, right), (bottom, top) = main_limits
        box = Rectangle((left, bottom), right - left, top - bottom, fill=False, linestyle=":", edgecolor="#777777")
        panels[1].add_patch(box)
        _draw_labels(figure, panels[1], shown, x, y, all_limits, lambda arm: not arm.is_eligible)
    if not shown:
        panels[0].text(0.5, 0.5, "no finished trial has both metrics yet", ha="center", transform=panels[0].transAxes)
    return figure


# ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def _without_glyph_warnings() -> Iterator[None]:
    """A context in which matplotlib draws characters that its font lacks, such as emoji, as boxes without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+", category=UserWarning)
        yield


def _caption(results: StudyResults, shown: Sequence[ArmResult]) -> str:
    """Title of the figure: study, split, number of seeds, meaning of the bars, and what a race leaves open."""
    counts = sorted({len(arm.finished) for arm in shown}) or [0]
    seeds = f"{counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else plural(counts[0], "seed")
    bars = "; bars: 95 % intervals, cut at the frame" if counts[-1] > 1 else ""
    state = "" if results.is_complete else "unfinished study, "
    n_open = sum(results.is_undecided(arm) for arm in results.front)
    race = f"; the race leaves {n_open} of the front undecided" if n_open else ""
    return f"{results.plan.name}: {state}{results.split} means over {seeds}{bars}{race}"


def _draw_means(axes: Axes, arms: Sequence[ArmResult], x: str, y: str, styles: Mapping[str, Style]) -> None:
    """Draw only the means of many arms that are not on the front, all at once."""
    if arms:
        colours = [styles[arm.name].colour for arm in arms]
        means_x, means_y = ([arm.metrics[metric].mean for arm in arms] for metric in (x, y))
        axes.scatter(means_x, means_y, s=9, color=colours, alpha=0.45, linewidths=0, zorder=2)


def _draw_arm(axes: Axes, arm: ArmResult, x: str, y: str, style: Style, *, on_front: bool) -> None:
    """Draw the mean, intervals and single seeds of an arm."""
    seeds = sorted(arm.values[x].keys() & arm.values[y].keys())
    opacity = 1.0 if on_front or not arm.is_eligible else 0.5
    axes.scatter(
        [arm.values[x][seed] for seed in seeds], [arm.values[y][seed] for seed in seeds],
        s=9, color=style.colour, alpha=0.45 * opacity, linewidths=0, zorder=2,
    )  # fmt: skip
    axes.errorbar(
        arm.metrics[x].mean, arm.metrics[y].mean, xerr=_error_bar(arm.metrics[x]), yerr=_error_bar(arm.metrics[y]),
        marker=style.marker, markersize=8, color=style.colour, ecolor=style.colour, elinewidth=0.9,
        markerfacecolor=style.colour if on_front or arm.is_baseline else "white", markeredgewidth=1.3,
        alpha=opacity, zorder=4,
    )  # fmt: skip


def _limits(arms: Sequence[ArmResult], x: str, y: str) -> Limits:
    """Limits of both axes for the given arms."""
    return _axis_limits(arms, x), _axis_limits(arms, y)


def _axis_limits(arms: Sequence[ArmResult], metric: str) -> tuple[float, float]:
    """Limits that include all means and seeds, and intervals up to half the span of these on each side.

    Intervals over two seeds are so wide that showing them completely would squeeze everything else.
    """
    estimates = [arm.metrics[metric] for arm in arms]
    values = [e.mean for e in estimates] + [value for arm in arms for value in arm.values[metric].values()]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    span = (high - low) or 0.2 * abs(high) or 0.2
    excess = max(max(low - e.lo, e.hi - high) if e.lo is not None and e.hi is not None else 0.0 for e in estimates)
    margin = max(0.12 * span, min(0.5 * span, 1.05 * excess))
    return low - margin, high + margin


def _is_inside(arm: ArmResult, x: Axis, y: Axis, limits: Limits) -> bool:
    """Whether the mean of an arm lies within the limits."""
    return all(low <= arm.metrics[axis.metric].mean <= high for axis, (low, high) in zip((x, y), limits, strict=True))


def _draw_front_line(axes: Axes, front: Sequence[ArmResult], x: Axis, y: Axis) -> None:
    """Draw the front as a step line through the means of its arms."""
    points = sorted((arm.metrics[x.metric].mean, arm.metrics[y.metric].mean) for arm in front)
    if len(points) > 1:
        xs, ys = zip(*points, strict=True)
        where: Literal["post", "pre"] = "post" if x.direction == "minimize" else "pre"
        axes.step(xs, ys, where=where, color="#444444", linewidth=1.1, zorder=1)


def _error_bar(estimate: Estimate) -> list[list[float]] | None:
    """Lengths of an error bar below and above the mean, as matplotlib expects them; None without an interval."""
    if estimate.lo is None or estimate.hi is None:
        return None
    return [[estimate.mean - estimate.lo], [estimate.hi - estimate.mean]]


def _draw_labels(
    figure: Figure,
    axes: Axes,
    arms: Sequence[ArmResult],
    x: Axis,
    y: Axis,
    limits: Limits,
    is_named: Callable[[ArmResult], bool],
) -> None:
    """Write the names of arms next to their marks, with as little overlap as possible."""
    inside = [arm for arm in arms if _is_inside(arm, x, y, limits)]
    if not inside:
        return
    with _without_glyph_warnings():
        figure.draw_without_rendering()  # the position of the axes is only known after the layout
    centres = [(arm.metrics[x.metric].mean, arm.metrics[y.metric].mean) for arm in inside]
    frame = np.asarray(axes.bbox.extents) * 72 / figure.dpi
    marks = axes.transData.transform(centres) * 72 / figure.dpi - frame[:2]
    places = label_places(
        [(float(mark_x), float(mark_y)) for mark_x, mark_y in marks],
        [arm.name if is_named(arm) else None for arm in inside],
        (float(frame[2] - frame[0]), float(frame[3] - frame[1])),
        font_size=FONT_SIZE,
        gap=LABEL_GAP,
    )
    for arm, centre, place in zip(inside, centres, places, strict=True):
        if place is None:
            continue
        offset = (place[0] * LABEL_GAP, place[1] * (LABEL_GAP + FONT_SIZE / 2))
        axes.annotate(
            without_formulas(arm.name), centre, xytext=offset, textcoords="offset points", ha=_ALIGNMENTS[place[0]],
            va="center", fontsize=FONT_SIZE, zorder=5, color="#1a1a1a" if arm.is_eligible else "#777777",
        )  # fmt: skip
