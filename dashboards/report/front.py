"""The section "Front": an interactive plot of any two metrics."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from core.metrics.audio import MSS
from core.metrics.interpretability import TOTAL_VARIATION
from core.storage.records import STATIC_RANGE
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.formatting import Axis, axis
from dashboards.report.section import ReportData, Section
from dashboards.report.sparklines import sparklines


def front_axes(results: StudyResults) -> tuple[Axis, Axis]:
    """Axes of the figure, and initial axes of the page: the first two objectives.

    If the study has only one objective, `audio.mss` or `interpretability.tv` is the second axis.
    """
    names = dict.fromkeys([*(o.metric for o in results.objectives), MSS.name, TOTAL_VARIATION.name])
    first, second, *_ = names
    return axis(first, results.objectives), axis(second, results.objectives)


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    results = report.results
    names = dict.fromkeys([*results.metrics, *(each.metric for each in front_axes(results))])
    axes = sorted((axis(name, results.objectives) for name in names), key=lambda each: each.group)
    return {
        "axes_by_group": [(group, list(members)) for group, members in groupby(axes, key=lambda each: each.group)],
        "front": front_statistics(results),
        "static_range": STATIC_RANGE,
        "has_attainment": report.analysis.front is not None and bool(report.analysis.front.surfaces),
        "undecided": [arm.name for arm in results.front if results.is_undecided(arm)],
    }


def _data(report: ReportData) -> Mapping[str, Any]:
    """Initial axes, the truth's own values by metric, and small curves by arm."""
    x, y = front_axes(report.results)
    return {
        "x": x.metric,
        "y": y.metric,
        "truth": dict(report.results.truth),
        "attainment": _attainment(report),
        "sparklines": sparklines(report.store, report.results),
    }


def _attainment(report: ReportData) -> Mapping[str, Any] | None:
    """Attainment surfaces of the first two objectives as curves, by increasing number of seeds; None without any."""
    front = report.analysis.front
    if front is None or not front.surfaces:
        return None
    x, y = (objective.metric for objective in report.results.objectives)
    return {
        "x": x,
        "y": y,
        "n_seeds": len(front.attainment_seeds),
        "surfaces": [
            {"n": surface.n_attaining, "steps": [[float(f"{value:.6g}") for value in point] for point in surface.steps]}
            for surface in front.surfaces
        ],
    }


FRONT = Section(
    id="front",
    title="Front",
    template="front.html.j2",
    context=_context,
    styles=("front.css",),
    scripts=("label_places.js", "front_geometry.js", "front_plot.js", "arm_cards.js", "front.js"),
    data=_data,
)
