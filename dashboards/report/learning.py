"""The section "Learning curves": validation loss by step, with the mean and the range over the seeds of each arm."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.storage.records import TrialRecord
from dashboards.analysis.arm_results import ArmResult
from dashboards.report.section import ReportData, Section

MAX_POINTS, MAX_POINTS_OF_MANY = 120, 20
"""Largest number of steps of an arm, and of one among more than `MANY_ARMS`."""
MANY_ARMS = 200
DIGITS = 4
"""Significant digits of a loss."""


def learning_curve(arm: ArmResult, max_points: int = MAX_POINTS) -> list[list[float]] | None:
    """Steps, and mean, smallest and largest validation loss over the arm's trials at each step.

    A step counts if half of the trials with a history or more have a finite loss there, so that a trial that diverged
    does not end the curve of the others. None if there are not two such steps.
    """
    losses: dict[float, list[float]] = {}
    histories = [_losses(trial.record) for trial in arm.trials if trial.record is not None]
    histories = [history for history in histories if len(history) > 1]
    for history in histories:
        for step, loss in history.items():
            losses.setdefault(step, []).append(loss)
    steps = sorted(step for step, at_step in losses.items() if 2 * len(at_step) >= len(histories))
    if len(steps) < 2:
        return None
    if len(steps) > max_points:
        steps = [steps[index] for index in np.linspace(0, len(steps) - 1, max_points).round().astype(int)]
    return [
        [float(f"{step:g}") for step in steps],
        *([_rounded(reduce(losses[step])) for step in steps] for reduce in (_mean, min, max)),
    ]


# ---------------------------------------------------------------------------------------------------------------------


def _losses(record: TrialRecord) -> dict[float, float]:
    """Finite validation losses of a trial by step."""
    return {
        entry["step"]: loss
        for entry in record.history
        if "step" in entry and (loss := entry.get("validation_loss")) is not None and math.isfinite(loss)
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rounded(value: float) -> float:
    """The value with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def _curves(report: ReportData) -> dict[str, list[list[float]]]:
    """Learning curves by arm."""
    arms = report.results.arms
    max_points = MAX_POINTS if len(arms) <= MANY_ARMS else MAX_POINTS_OF_MANY
    return {arm.name: curve for arm in arms if (curve := learning_curve(arm, max_points))}


def _context(report: ReportData) -> Mapping[str, Any] | None:
    """Variables of the section's template; None if no trial has been validated twice."""
    has_curve = any(
        trial.record is not None and len(trial.record.history) > 1
        for arm in report.results.arms
        for trial in arm.trials
    )
    return {} if has_curve else None


def _data(report: ReportData) -> Mapping[str, Any]:
    """Curves of all arms; arms that share their steps share one list of them."""
    curves = _curves(report)
    grids = list(dict.fromkeys(tuple(curve[0]) for curve in curves.values()))
    index = {grid: position for position, grid in enumerate(grids)}
    return {
        "learning": {
            "steps": [list(grid) for grid in grids],
            "arms": {name: [index[tuple(steps)], *losses] for name, (steps, *losses) in curves.items()},
        }
    }


LEARNING = Section(
    id="learning",
    title="Learning curves",
    template="learning.html.j2",
    context=_context,
    styles=("learning.css",),
    scripts=("learning.js",),
    data=_data,
)
