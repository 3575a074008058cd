"""The section "Arms": metrics of all arms, and comparisons with the first arm, paired by seed."""

from collections.abc import Mapping
from typing import Any

from dashboards.analysis.comparisons import Comparison
from dashboards.report.section import ReportData, Section
from dashboards.tables import table_metrics

SIGNIFICANCE = 0.05
"""Significance level for adjusted p values."""
ROWS_WITHOUT_SCRIPT = 50
"""Largest number of rows of the table before the script draws it; arms on the front have priority."""


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    compared = report.analysis.comparisons
    return {
        "table_metrics": table_metrics(report.results),
        "first_arms": sorted(report.results.arms, key=lambda arm: not arm.on_front)[:ROWS_WITHOUT_SCRIPT]
        if len(report.results.arms) > ROWS_WITHOUT_SCRIPT
        else report.results.arms,
        "comparisons": [(comparison, _verdict(comparison)) for comparison in compared],
        "reference": compared[0].reference if compared else None,
        "is_tested": any(comparison.adjusted_p is not None for comparison in compared),
    }


def _verdict(comparison: Comparison) -> str:
    """How the arm compares with the reference: `better`, `worse`, `open` (no clear difference) or `unknown`.

    With too few pairs for a test, `leans better` or `leans worse` if the interval excludes zero.
    """
    difference = comparison.difference
    if difference.estimate.lo is None:
        return "unknown"
    if not difference.excludes_zero or (comparison.adjusted_p is not None and comparison.adjusted_p >= SIGNIFICANCE):
        return "open"
    is_better = (difference.estimate.mean < 0) == (comparison.objective.direction == "minimize")
    return f"{'leans ' if comparison.adjusted_p is None else ''}{'better' if is_better else 'worse'}"


ARMS = Section(id="arms", title="Arms", template="arms.html.j2", context=_context, scripts=("arms.js",))
