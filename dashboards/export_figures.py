"""Figures of a study for papers: the front, paired differences, effects and learning curves."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.statistics.paired import Estimate
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.figures import FONT_SIZE, front_figure, without_formulas
from dashboards.palette import Style, arm_styles
from dashboards.report.comparisons import Forest, forests
from dashboards.report.effects import EffectTable, component_tables, factorial_tables
from dashboards.report.forest import ForestAxis
from dashboards.report.front import front_axes
from dashboards.report.learning import learning_curve

MAX_LEARNING_CURVES = 12
"""Largest number of arms in the figure of learning curves; those on the front come first."""
_CLEAR, _OPEN = "#0b5a8a", "#8a8a8a"
"""Colours of effects whose intervals exclude and include zero."""


def study_figures(analysis: StudyAnalysis) -> dict[str, Figure]:
    """Figures by name, without those that the study has nothing for.

    These are `front`, `comparisons-METRIC` and `effects-METRIC` for each objective, `components-METRIC` if components
    were left out, and `learning`.
    """
    results = analysis.results
    styles = arm_styles(results.arms)
    figures = {"front": front_figure(results, *front_axes(results), styles)}
    for forest in forests(analysis.comparisons):
        figures[f"comparisons-{forest.objective.metric}"] = comparisons_figure(forest, styles)
    if analysis.effects:
        for kind, tables in (
            ("effects", factorial_tables(analysis.effects)),
            ("components", component_tables(analysis.effects)),
        ):
            figures |= {f"{kind}-{table.metric}": effects_figure(table) for table in tables}
    if learning := learning_figure(analysis, styles):
        figures["learning"] = learning
    return figures


def comparisons_figure(forest: Forest, styles: Mapping[str, Style]) -> Figure:
    """Forest plot of the paired differences in one metric; exploratory ones are paler."""
    compared = [row.comparison for row in forest.rows]
    figure, axes = _rows(len(compared), f"difference in {forest.label}, {forest.goal}")
    if forest.rows and (margin := next((c.equivalence.margin for c in compared if c.equivalence), None)) is not None:
        axes.axvspan(-margin, margin, color="#ececea", zorder=0, linewidth=0)
    _draw_rows(
        axes,
        forest.axis,
        [f"{comparison.arm} – {comparison.reference_label}" for comparison in compared],
        [comparison.difference.estimate for comparison in compared],
        [styles[comparison.arm].colour for comparison in compared],
        [1.0 if comparison.role == "confirmatory" else 0.55 for comparison in compared],
    )
    return figure


def effects_figure(table: EffectTable) -> Figure:
    """Forest plot of main effects, followed by interactions; those whose interval includes zero are grey."""
    rows = (*table.main, *table.interactions)
    figure, axes = _rows(len(rows), f"effect on {table.label}, {table.goal}")
    _draw_rows(
        axes,
        table.axis,
        [f"{row.what}: {row.change}" for row in rows],
        [row.estimate for row in rows],
        [_CLEAR if row.sign == "clear" else _OPEN for row in rows],
        [1.0] * len(rows),
    )
    return figure


def learning_figure(analysis: StudyAnalysis, styles: Mapping[str, Style]) -> Figure | None:
    """Validation loss by step with bands from the smallest to the largest over seeds; None if no arm has a curve."""
    by_priority = sorted(analysis.results.arms, key=lambda arm: (not arm.on_front, not arm.is_eligible))
    curves = {arm.name: curve for arm in by_priority if (curve := learning_curve(arm))}
    if not curves:
        return None
    figure = Figure(figsize=(7.2, 4.2), dpi=170, layout="constrained")
    axes = figure.subplots()
    for name, (steps, mean, low, high) in list(curves.items())[:MAX_LEARNING_CURVES]:
        colour = styles[name].colour
        axes.fill_between(steps, low, high, color=colour, alpha=0.16, linewidth=0)
        # A label that starts with an underscore would be left out of the legend.
        axes.plot(steps, mean, color=colour, linewidth=1.5, label="\N{ZERO WIDTH SPACE}" + without_formulas(name))
    _style(axes)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_xlabel("training step")
    axes.set_ylabel("validation loss")
    axes.legend(frameon=False, fontsize=FONT_SIZE)
    return figure


# ---------------------------------------------------------------------------------------------------------------------


def _rows(n_rows: int, label: str) -> tuple[Figure, Axes]:
    """A figure with a row per difference."""
    figure = Figure(figsize=(7.2, 0.9 + 0.27 * max(1, n_rows)), dpi=170, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(without_formulas(label))
    _style(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _draw_rows(
    axes: Axes,
    drawn: ForestAxis,
    names: Sequence[str],
    estimates: Sequence[Estimate],
    colours: Sequence[str],
    opacities: Sequence[float],
) -> None:
    """Draw means and intervals from the top; an arrow is where an interval goes on outside the figure."""
    axes.axvline(0, color="#777777", linewidth=0.8, zorder=1)
    for row, (estimate, colour, opacity) in enumerate(zip(estimates, colours, opacities, strict=True)):
        if estimate.lo is not None and estimate.hi is not None:
            ends = max(estimate.lo, -drawn.reach), min(estimate.hi, drawn.reach)
            axes.plot(ends, [row, row], color=colour, alpha=opacity, linewidth=1.4, zorder=2)
            for end, is_cut, arrow in (
                (ends[0], estimate.lo < -drawn.reach, "<"),
                (ends[1], estimate.hi > drawn.reach, ">"),
            ):
                axes.plot(end, row, arrow if is_cut else "|", color=colour, alpha=opacity, markersize=5, clip_on=False)
        axes.plot(estimate.mean, row, "D", color=colour, alpha=opacity, markersize=4.5, zorder=3)
    axes.set_yticks(range(len(names)), [without_formulas(name) for name in names], fontsize=FONT_SIZE)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-drawn.reach, drawn.reach)


def _style(axes: Axes) -> None:
    """Without a frame at the top and at the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
