"""Fronts of several studies in one figure, and where one of two studies is attained more often."""

import io
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from dashboards.analysis.arm_results import ArmResult
from dashboards.comparison.study_comparison import StudyComparison, StudyPair
from dashboards.formatting import Axis, axis, better
from dashboards.label_places import label_places

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a6d00", "#4f4f4f")
"""Colours of the studies, in order; after Okabe and Ito, "Color universal design", 2008."""
MARKERS = ("o", "s", "D", "^", "v", "P")
"""Marks of the studies, in order."""
FONT_SIZE, LABEL_GAP = 8.5, 6.0
"""Font size of arm names, and distance from the centre of a mark to its label, in points."""
MAX_NAMED = 24
"""Maximum number of arms whose names are drawn."""
FigureFormat = Literal["png", "svg"]
"""File format of a figure."""


def comparison_figure(comparison: StudyComparison, form: FigureFormat) -> bytes:
    """The figure of a comparison, with a panel of attainment if two studies with common seeds are compared.

    Marks are means of trained arms: filled on their study's front, hollow otherwise. A line joins matched arms. In the
    second panel, the colour of a study marks where it is attained in a larger share of the seeds, darker for more.
    """
    x, y = (axis(name, comparison.objectives) for name in _axes(comparison))
    pair = comparison.pairs[0] if len(comparison.pairs) == 1 else None
    has_attainment = pair is not None and pair.front is not None and bool(pair.front.attainment)
    figure = Figure(figsize=(10.4 if has_attainment else 7.2, 4.8), dpi=170, layout="constrained")
    panels = figure.subplots(1, 2 if has_attainment else 1, squeeze=False)[0]
    shown = [_shown(study.arms, x, y) for study in comparison.studies]
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#e6e6e6", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.set_xlabel(f"{x.label}, {better(x.direction)}")
    panels[0].set_ylabel(f"{y.label}, {better(y.direction)}")
    for pair_of_studies in comparison.pairs:
        _join_matches(panels[0], pair_of_studies, x, y)
    for index, arms in enumerate(shown):
        _draw_study(panels[0], arms, x, y, index)
    _draw_legend(panels[0], comparison.names)
    if not any(shown):
        panels[0].text(0.5, 0.5, "no finished trial has both metrics", ha="center", transform=panels[0].transAxes)
    _draw_names(figure, panels[0], [(arm, index) for index, arms in enumerate(shown) for arm in arms], x, y)
    if has_attainment and pair is not None:
        panels[1].set(xlim=panels[0].get_xlim(), ylim=panels[0].get_ylim())
        _draw_attainment(panels[1], pair, shown, x, y)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------------------------------


def _axes(comparison: StudyComparison) -> tuple[str, str]:
    """Names of the metrics of the axes: the first two common objectives, or the standard ones where there are fewer."""
    first, second, *_ = dict.fromkeys([*(o.metric for o in comparison.objectives), "audio.mss", "interpretability.tv"])
    return first, second


def _shown(arms: Sequence[ArmResult], x: Axis, y: Axis) -> list[ArmResult]:
    """The arms that can be on a front and have both metrics."""
    return [arm for arm in arms if arm.is_eligible and x.metric in arm.metrics and y.metric in arm.metrics]


def _centre(arm: ArmResult, x: Axis, y: Axis) -> tuple[float, float]:
    """Means of an arm."""
    return arm.metrics[x.metric].mean, arm.metrics[y.metric].mean


def _draw_study(panel: Axes, arms: Sequence[ArmResult], x: Axis, y: Axis, index: int) -> None:
    """Draw means and single seeds of the arms of a study, and a line through its front."""
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    front = sorted(_centre(arm, x, y) for arm in arms if arm.on_front)
    if len(front) > 1:
        xs, ys = zip(*front, strict=True)
        where: Literal["post", "pre"] = "post" if x.direction == "minimize" else "pre"
        panel.step(xs, ys, where=where, color=colour, linewidth=1.2, alpha=0.8, zorder=2)
    for arm in arms:
        seeds = sorted(arm.values[x.metric].keys() & arm.values[y.metric].keys())
        panel.scatter(
            [arm.values[x.metric][seed] for seed in seeds], [arm.values[y.metric][seed] for seed in seeds],
            s=9, color=colour, alpha=0.35, linewidths=0, zorder=2,
        )  # fmt: skip
        panel.plot(
            *_centre(arm, x, y), marker=marker, markersize=7, color=colour, linestyle="none", markeredgewidth=1.3,
            markerfacecolor=colour if arm.on_front else "white", zorder=4,
        )  # fmt: skip


def _join_matches(panel: Axes, pair: StudyPair, x: Axis, y: Axis) -> None:
    """Draw a line from each matched arm to its counterpart."""
    first, other = ({arm.name: arm for arm in _shown(study.arms, x, y)} for study in (pair.first, pair.other))
    for match in pair.matches:
        if match.arm in first and match.other_arm in other:
            ends = (_centre(first[match.arm], x, y), _centre(other[match.other_arm], x, y))
            panel.plot(*zip(*ends, strict=True), color="#9a9a9a", linewidth=0.9, zorder=1)


def _draw_legend(panel: Axes, names: Sequence[str]) -> None:
    """Name the studies."""
    handles = [
        Line2D([], [], color=COLOURS[index % len(COLOURS)], marker=MARKERS[index % len(MARKERS)], label=_escaped(name))
        for index, name in enumerate(names)
    ]
    panel.figure.legend(handles=handles, loc="outside upper left", ncols=min(len(names), 3), frameon=False)


def _draw_names(figure: Figure, panel: Axes, arms: Sequence[tuple[ArmResult, int]], x: Axis, y: Axis) -> None:
    """Write the names of arms, given with the index of their study, beside their marks; if many, of fronts only."""
    if not arms:
        return
    figure.draw_without_rendering()  # the position of the panel is only known after the layout
    panel.set(xlim=panel.get_xlim(), ylim=panel.get_ylim())
    centres = [_centre(arm, x, y) for arm, _ in arms]
    frame = np.asarray(panel.bbox.extents) * 72 / figure.dpi
    marks = panel.transData.transform(centres) * 72 / figure.dpi - frame[:2]
    places = label_places(
        [(float(mark_x), float(mark_y)) for mark_x, mark_y in marks],
        [arm.name if arm.on_front or len(arms) <= MAX_NAMED else None for arm, _ in arms],
        (float(frame[2] - frame[0]), float(frame[3] - frame[1])),
        font_size=FONT_SIZE,
        gap=LABEL_GAP,
    )
    sides: Mapping[int, Literal["left", "center", "right"]] = {1: "left", 0: "center", -1: "right"}
    for (arm, index), centre, place in zip(arms, centres, places, strict=True):
        if place is not None:
            offset = (place[0] * LABEL_GAP, place[1] * (LABEL_GAP + FONT_SIZE / 2))
            panel.annotate(
                _escaped(arm.name), centre, xytext=offset, textcoords="offset points", ha=sides[place[0]], va="center",
                fontsize=FONT_SIZE, zorder=5, color=COLOURS[index % len(COLOURS)],
            )  # fmt: skip


def _draw_attainment(panel: Axes, pair: StudyPair, shown: Sequence[Sequence[ArmResult]], x: Axis, y: Axis) -> None:
    """Fill where a study is attained in a larger share of the seeds than the other one."""
    assert pair.front is not None
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    for region in pair.front.attainment:
        low = np.maximum(region.low, (left, bottom))
        width, height = np.minimum(region.high, (right, top)) - low
        if width > 0 and height > 0:
            colour = COLOURS[0 if region.difference > 0 else 1]
            panel.add_patch(
                Rectangle(tuple(low), width, height, color=colour, alpha=0.75 * abs(region.difference), linewidth=0)
            )
    for index, arms in enumerate(shown):
        front = sorted(_centre(arm, x, y) for arm in arms if arm.on_front)
        if front:
            panel.plot(
                *zip(*front, strict=True), color=COLOURS[index], marker=MARKERS[index], markersize=4, linestyle="none"
            )
    panel.set_title(
        f"attained in a larger share of the {len(pair.front.paired_seeds)} shared seeds", fontsize=9, loc="left",
        color="#444444",
    )  # fmt: skip


def _escaped(text: str) -> str:
    """Text with escaped dollar signs, which would otherwise start a formula in matplotlib."""
    return text.replace("$", r"\$")
