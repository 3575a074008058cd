"""The section "Arms": metrics of all arms, and comparisons of arms, paired by seed."""

from collections.abc import Mapping
from typing import Any

from dashboards.analysis.arm_pairs import Reason
from dashboards.analysis.comparisons import Comparison, Conclusion
from dashboards.report.section import ReportData, Section
from dashboards.tables import table_metrics

CONCLUSION_TEXT: dict[Conclusion, str] = {
    "better": "better",
    "worse": "worse",
    "equivalent": "equivalent",
    "undecided": "these seeds cannot decide",
}
"""Text of a table cell by conclusion."""
REASON_TEXT: dict[Reason, str] = {
    "declared": "declared contrast",
    "baseline": "against the first arm",
    "front": "both on the front",
}
"""Text of a table cell by the reason for a comparison."""
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
        "comparisons": [(c, _conclusion(c), f"{c.role}: {REASON_TEXT[c.reason]}") for c in compared],
        "incomparable": report.analysis.incomparable_pairs,
        "is_tested": any(comparison.p_value is not None for comparison in compared),
        "has_margins": any(comparison.equivalence for comparison in compared),
    }


def _conclusion(comparison: Comparison) -> str:
    """Text of the conclusion; for an undecided comparison with the number of seeds that would probably decide it."""
    if comparison.conclusion is None:
        return "–"
    text = CONCLUSION_TEXT[comparison.conclusion]
    needed = comparison.seeds_needed
    return f"{text}; about {needed} would" if needed is not None else text


ARMS = Section(id="arms", title="Arms", template="arms.html.j2", context=_context, scripts=("arms.js",))
