"""Sections of the report page.

To add a section, create a file with its `Section` and a template, and add it to `SECTIONS` in
`dashboards/report/page.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.storage.store import Store
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults
from dashboards.palette import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Data from which sections are rendered."""

    store: Store
    analysis: StudyAnalysis
    styles: Mapping[str, Style]
    """Style of each arm by name."""

    @property
    def results(self) -> StudyResults:
        """Results of the study."""
        return self.analysis.results


def no_data(_: ReportData) -> Mapping[str, Any]:
    """Empty data, for sections without scripts."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the page, with a link in the navigation."""

    id: str
    """HTML id of the section."""
    title: str
    template: str
    """File name of the template."""
    context: Callable[[ReportData], Mapping[str, Any] | None]
    """Variables of the template; None omits the section."""
    styles: tuple[str, ...] = ()
    """Names of style sheets in the templates folder, after `page.css`."""
    scripts: tuple[str, ...] = ()
    """Names of JavaScript files in the templates folder, run after `page.js` in one block."""
    data: Callable[[ReportData], Mapping[str, Any]] = no_data
    """Plain values for the scripts, merged into one object for all sections."""
