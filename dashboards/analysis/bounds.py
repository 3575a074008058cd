"""Ideal value and reference value of each objective, between which hypervolumes are measured."""

from typing import assert_never

from core.metrics.catalog import metric_of
from core.statistics.pareto import Bounds
from core.storage.records import Objective


def objective_bounds(objective: Objective, frame_rate: float) -> Bounds:
    """Ideal and reference value of an objective: the better and the worse end of the range of its metric.

    They depend only on the plan, so they do not change as trials finish.

    Args:
        objective: Metric and direction; the direction may differ from the metric's own.
        frame_rate: Frame rate of the modulation curves in Hz.

    Raises:
        ConfigError: no metric has the objective's name.
    """
    metric = metric_of(objective.metric)
    low, high = sorted((metric.best, metric.reference_point.at(frame_rate)))
    match objective.direction:
        case "minimize":
            return Bounds(ideal=low, reference=high)
        case "maximize":
            return Bounds(ideal=high, reference=low)
        case _:
            assert_never(objective.direction)
