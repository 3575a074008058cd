"""The section "What went wrong": trials without a result, skipped sounds and undefined metrics."""

from collections.abc import Mapping
from typing import Any

from dashboards.report.section import ReportData, Section


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    arms = report.results.arms
    return {
        "unfinished": [(arm, trial) for arm in arms for trial in arm.trials if trial.state != "finished"],
        "undefined": [arm for arm in arms if arm.undefined],
    }


PROBLEMS = Section(id="problems", title="What went wrong", template="problems.html.j2", context=_context)
