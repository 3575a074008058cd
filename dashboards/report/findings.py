"""The section "Findings": the main results as sentences."""

from collections.abc import Mapping
from typing import Any

from dashboards.findings import findings
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    *sentences, caveat = findings(report.results)
    return {"sentences": sentences, "caveat": caveat}


FINDINGS = Section(id="findings", title="Findings", template="findings.html.j2", context=_context)
