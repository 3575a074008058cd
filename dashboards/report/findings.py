"""The section "Verdict": the main results as sentences."""

from collections.abc import Mapping
from typing import Any

from dashboards.findings import findings
from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    verdict, *sentences, caveat = findings(report.analysis)
    return {"verdict": verdict, "state": report.analysis.verdict.state, "sentences": sentences, "caveat": caveat}


FINDINGS = Section(id="findings", title="Verdict", template="findings.html.j2", context=_context)
