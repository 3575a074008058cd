"""The section "Settings and results": a line per arm through its settings and objectives (parallel coordinates).

A. Inselberg, "The plane with parallel coordinates", The Visual Computer 1, 1985.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.analysis.arm_results import ArmResult
from dashboards.formatting import axis, short
from dashboards.report.section import ReportData, Section
from dashboards.tables import table_metrics

MAX_SETTINGS = 8
"""Largest number of settings with an axis; those that most arms have come first."""
LOG_RATIO = 8.0
"""Positive numbers whose largest is this many times the smallest, or more, have a logarithmic axis."""
MAX_LABELS = 12
"""Largest number of values of an axis of names."""


def setting_axes(arms: Sequence[ArmResult]) -> list[dict[str, Any]]:
    """Axes of the settings that differ between arms, with a value per arm, None where an arm does not have it.

    Settings with numbers have an axis of numbers; others have one of names, whose values are indices of `names`.
    """
    paths = dict.fromkeys(path for arm in arms for path in arm.factors)
    counts = {path: sum(path in arm.factors for arm in arms) for path in paths}
    chosen = sorted(paths, key=lambda path: -counts[path])[:MAX_SETTINGS]
    found = [_setting_axis(path, [arm.factors.get(path) for arm in arms]) for path in paths if path in chosen]
    return [each for each in found if each]


def _setting_axis(path: str, values: Sequence[Any]) -> dict[str, Any] | None:
    """The axis of one setting; None for one with too many names."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        is_log = min(present) > 0 and max(present) >= LOG_RATIO * min(present)
        return {"label": path, "values": list(values), "log": is_log, "names": None}
    texts = [None if value is None else short(value) for value in values]
    names = list(dict.fromkeys(text for text in texts if text is not None))
    if len(names) > MAX_LABELS:
        return None
    return {
        "label": path,
        "values": [None if text is None else names.index(text) for text in texts],
        "log": False,
        "names": names,
    }


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None with fewer than two arms that have results."""
    arms = _arms(report)
    return {"n_arms": len(arms)} if len(arms) > 1 else None


def _arms(report: ReportData) -> list[ArmResult]:
    """The arms that have results and can be on a front."""
    return [arm for arm in report.results.arms if arm.is_eligible and arm.finished]


def _data(report: ReportData) -> Mapping[str, Any]:
    """Names of the arms, axes of their settings, and metrics whose values the arms have elsewhere in the data."""
    arms = _arms(report)
    results = report.results
    metrics = [name for name in table_metrics(results) if axis(name, results.objectives).direction != "neutral"]
    return {"parallel": {"arms": [arm.name for arm in arms], "settings": setting_axes(arms), "metrics": metrics}}


PARALLEL = Section(
    id="settings",
    title="Settings",
    template="parallel.html.j2",
    context=_context,
    styles=("parallel.css",),
    scripts=("parallel.js",),
    data=_data,
)
