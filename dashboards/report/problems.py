"""The section "What went wrong": trials without a result, damaged files, skipped sounds and undefined metrics."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dashboards.analysis.arm_results import TrialResult, TrialState
from dashboards.report.section import ReportData, Section

MAX_ROWS = 50
"""Largest number of rows of a table."""
NO_RECORD = "no record: not run yet, or its process died; `modstudy resume` runs it"


def cause(trial: TrialResult, damaged_trials: Mapping[str, str]) -> str:
    """Why a trial has no result.

    Args:
        trial: The trial.
        damaged_trials: What is wrong with the records of some trials, by digest.
    """
    if trial.record is None:
        return damaged_trials.get(trial.digest, NO_RECORD)
    return trial.record.error or "no message was left"


def _context(report: ReportData) -> Mapping[str, Any]:
    """Variables of the section's template."""
    arms = report.results.arms
    unfinished = [(arm, trial) for arm in arms for trial in arm.trials if trial.state != "finished"]
    undefined = [arm for arm in arms if arm.undefined]
    states: Counter[TrialState] = Counter(trial.state for _, trial in unfinished)
    # Damage that made a trial one without a record is told with that trial.
    damaged = [sentence for sentence, digest in report.store.damage.items() if digest is None]
    return {
        "damaged": damaged[:MAX_ROWS],
        "n_damaged": len(damaged),
        "unfinished": [(arm, trial, cause(trial, report.store.damaged_trials)) for arm, trial in unfinished[:MAX_ROWS]],
        "n_unfinished": len(unfinished),
        "states": states if len(unfinished) > MAX_ROWS else {},
        "issues": report.results.plan.data_issues[:MAX_ROWS],
        "n_issues": len(report.results.plan.data_issues),
        "undefined": undefined[:MAX_ROWS],
        "n_undefined": len(undefined),
    }


PROBLEMS = Section(id="problems", title="What went wrong", template="problems.html.j2", context=_context)
