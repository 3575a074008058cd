"""The section "Search": what was proposed in each cell, and what fresh seeds make of the arms that were picked."""

from collections.abc import Mapping
from typing import Any

from dashboards.analysis.search_results import SearchedArm
from dashboards.formatting import axis
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if the study has no search."""
    search = report.results.search
    if search is None:
        return None
    return {"search": search, "metrics": [objective.metric for objective in report.results.objectives]}


def _data(report: ReportData) -> Mapping[str, Any]:
    """Claims of all searched arms, and confirmed means, in the first two objectives; no points with one objective."""
    results = report.results
    metrics = [objective.metric for objective in results.objectives[:2]]
    axes = [axis(name, results.objectives) for name in metrics]
    arms = results.search.arms if results.search and len(metrics) == 2 else ()
    return {
        "search": {
            "axes": [{"label": each.label, "direction": each.direction} for each in axes],
            "arms": [_point(report, arm, metrics) for arm in arms if arm.claimed],
        }
    }


def _point(report: ReportData, arm: SearchedArm, metrics: list[str]) -> dict[str, Any]:
    """An arm with its claimed and, if it has any, its confirmed values on validation."""
    confirmed = arm.confirmed.get("validation", {})
    estimates = [confirmed[name] for name in metrics] if all(name in confirmed for name in metrics) else []
    return {
        "name": arm.name,
        "colour": report.styles[arm.name].colour if arm.is_confirmed else None,
        "claimed": [arm.claimed[name] for name in metrics],
        "confirmed": [[estimate.mean, estimate.lo, estimate.hi] for estimate in estimates],
    }


SEARCH = Section(
    id="search", title="Search", template="search.html.j2", context=_context, scripts=("search.js",), data=_data
)
