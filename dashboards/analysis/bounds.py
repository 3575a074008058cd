"""The box of an objective, from its ideal value to the reference that hypervolumes are measured from."""

from dataclasses import dataclass
from typing import assert_never

from core.metrics.catalog import metric_of
from core.storage.records import Objective


@dataclass(frozen=True, slots=True)
class Bounds:
    """Two ends of an objective's range, in the metric's unit."""

    ideal: float
    reference: float


def objective_bounds(objective: Objective, frame_rate: float) -> Bounds:
    """The range of the objective's metric, with the end that the objective prefers as the ideal.

    It depends on the plan alone, so that it does not move while trials finish.

    Args:
        objective: Metric and direction; the direction may differ from the metric's own.
        frame_rate: Of the modulation curves, in Hz.

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
