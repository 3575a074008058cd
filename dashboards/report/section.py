"""What a section of the page is.

To add one: a file with its `Section`, a template, and its line in `SECTIONS` of `dashboards/report/page.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.storage.store import Store
from dashboards.analysis.study_results import StudyResults
from dashboards.palette import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """What sections are made from."""

    store: Store
    results: StudyResults
    styles: Mapping[str, Style]
    """By arm name."""


def no_data(_: ReportData) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page, and its link in the navigation."""

    id: str
    """The HTML id."""
    title: str
    template: str
    context: Callable[[ReportData], Mapping[str, Any] | None]
    """The template's own variables; None leaves the section out."""
    scripts: tuple[str, ...] = ()
    """Names of JavaScript files among the templates, run after `page.js` as one block."""
    data: Callable[[ReportData], Mapping[str, Any]] = no_data
    """What the scripts read, as plain values; all sections share one object."""
