"""The section "Verdict": which arm to pick, and what that rests on."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from dashboards.analysis.seed_caveat import study_caveat
from dashboards.finding_sentences import grounds, verdict_sentences
from dashboards.report.section import ReportData, Section
from dashboards.verdict import pick_texts


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    analysis = report.analysis
    return {
        "verdict": [with_code(text) for text in verdict_sentences(analysis)],
        "state": analysis.verdict.state.replace(" ", "-"),
        "picks": pick_texts(analysis.results, analysis.verdict),
        "grounds": grounds(analysis),
        "caveat": study_caveat(analysis.results),
    }


def with_code(text: str) -> Markup:
    """Text as HTML, with commands between backticks as code."""
    return Markup(re.sub("`(modstudy [^`]*)`", r"<code>\1</code>", str(escape(text))))


FINDINGS = Section(
    id="findings", title="Verdict", template="findings.html.j2", context=_context, styles=("findings.css",)
)
