"""The section "Arms": metrics of all arms."""

from collections.abc import Mapping
from typing import Any

from dashboards.report.section import ReportData, Section
from dashboards.tables import table_metrics

ROWS_WITHOUT_SCRIPT = 50
"""Largest number of rows of the table before the script draws it; arms on the front have priority."""


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    return {
        "table_metrics": table_metrics(report.results),
        "first_arms": sorted(report.results.arms, key=lambda arm: not arm.on_front)[:ROWS_WITHOUT_SCRIPT]
        if len(report.results.arms) > ROWS_WITHOUT_SCRIPT
        else report.results.arms,
    }


ARMS = Section(id="arms", title="Arms", template="arms.html.j2", context=_context, scripts=("arms.js",))
