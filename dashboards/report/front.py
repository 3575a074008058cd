"""The section "Front": an interactive plot of any two metrics."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.metrics.audio import MSS
from core.metrics.interpretability import TOTAL_VARIATION
from core.storage.records import STATIC_RANGE
from dashboards.analysis.study_results import StudyResults, front_statistics
from dashboards.formatting import Axis, axis
from dashboards.report.section import ReportData, Section


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
    return {
        "front": front_statistics(results),
        "static_range": STATIC_RANGE,
        "undecided": [arm.name for arm in results.front if results.is_undecided(arm)],
    }


def _data(report: ReportData) -> Mapping[str, Any]:
    """All metrics of all arms, so that the script can change the axes."""
    results = report.results
    x, y = front_axes(results)
    raced = [objective.metric for objective in results.objectives]
    axes = [axis(name, results.objectives) for name in dict.fromkeys([*results.metrics, x.metric, y.metric])]
    return {
        "x": x.metric,
        "y": y.metric,
        "metrics": [
            {"name": each.metric, "label": each.label, "group": each.group, "direction": each.direction}
            for each in axes
        ],
        "arms": [
            {
                "name": arm.name,
                "eligible": arm.is_eligible,
                "kind": "baseline" if arm.is_baseline else "static" if arm.is_static else "arm",
                **asdict(report.styles[arm.name]),
                "finished": [trial.seed for trial in arm.finished],
                "means": {name: [e.mean, e.lo, e.hi] for name, e in arm.metrics.items()},
                "values": arm.values,
                "undecided_on": raced if results.is_undecided(arm) else [],
            }
            for arm in results.arms
        ],
    }


FRONT = Section(
    id="front",
    title="Front",
    template="front.html.j2",
    context=_context,
    scripts=("label_places.js", "front.js"),
    data=_data,
)
