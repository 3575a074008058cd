"""The section "What was run": factors, seeds, data, machine, times and shared settings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.storage.records import TrialRecord
from dashboards.analysis.arm_results import ArmResult
from dashboards.formatting import short
from dashboards.report.arm_data import shared_settings
from dashboards.report.section import ReportData, Section

MAX_ARMS = 50
"""Largest number of arms with a row each."""
MAX_VALUES = 12
"""Largest number of values of a setting that are listed."""


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    results = report.results
    times_s: Counter[str] = Counter()
    for record in results.records:
        times_s.update(record.times_s)
    return {
        "shown": results.arms[:MAX_ARMS],
        "factors": _factors(results.arms) if len(results.arms) > MAX_ARMS else {},
        "copied": {arm.name: _seeds_by_origin(arm) for arm in results.arms},
        "environments": _environments(results.records),
        "times_s": times_s,
        "started_at": min((record.started_at for record in results.records if record.started_at), default=""),
        "finished_at": results.finished_at,
        "shared_settings": shared_settings(results),
    }


def _seeds_by_origin(arm: ArmResult) -> dict[str, list[int]]:
    """Seeds of an arm whose records are copies, by the study that ran them."""
    seeds: dict[str, list[int]] = {}
    for trial in arm.trials:
        if trial.record is not None and trial.record.copied_from is not None:
            seeds.setdefault(trial.record.copied_from, []).append(trial.seed)
    return seeds


def _factors(arms: Sequence[ArmResult]) -> dict[str, str]:
    """Values of the settings that differ between arms, as text."""
    values: dict[str, dict[str, None]] = {}
    for arm in arms:
        for path, value in arm.factors.items():
            values.setdefault(path, {})[short(value)] = None
    return {
        path: ", ".join(list(found)[:MAX_VALUES])
        + (f" and {len(found) - MAX_VALUES} more" if len(found) > MAX_VALUES else "")
        for path, found in values.items()
    }


def _environments(records: tuple[TrialRecord, ...]) -> dict[str, dict[str, int]]:
    """Number of trials by value, for each entry of their environment such as the host."""
    names = sorted({name for record in records for name in record.environment})
    return {
        name: dict(Counter(short(record.environment[name]) for record in records if name in record.environment))
        for name in names
    }


RUN = Section(id="run", title="What was run", template="run.html.j2", context=_context)
