"""The boxes that hypervolumes are measured in."""

from typing import Literal

import numpy as np
import pytest

from core.errors import ConfigError
from core.metrics.base import Metric
from core.metrics.catalog import METRICS
from core.statistics.pareto import Bounds
from core.storage.records import Objective
from dashboards.analysis.bounds import objective_bounds

Goal = Literal["minimize", "maximize"]


def allowed_goals(metric: Metric) -> tuple[Goal, ...]:
    return ("minimize", "maximize") if metric.direction == "neutral" else (metric.direction,)


@pytest.mark.parametrize("frame_rate", [62.5, 125.0, 1000.0])
@pytest.mark.parametrize(
    ("metric", "goal"), [(metric.name, goal) for metric in METRICS for goal in allowed_goals(metric)]
)
def test_every_metric_has_a_box_in_every_allowed_direction(metric: str, goal: Goal, frame_rate: float) -> None:
    bounds = objective_bounds(Objective(metric=metric, direction=goal), frame_rate)
    assert bounds.ideal != bounds.reference
    assert (bounds.ideal < bounds.reference) == (goal == "minimize")


@pytest.mark.parametrize(
    ("metric", "goal", "ideal", "reference"),
    [
        ("audio.mss", "minimize", 0.0, 5.0),
        ("audio.log_mel", "minimize", 0.0, 13.2),
        ("curves.l1.lls3", "minimize", 0.0, 0.5),
        ("curves.l1_diff", "minimize", 0.0, 1 / 6),
        ("curves.pcc.lls3.add", "maximize", 1.0, 0.0),
        ("interpretability.tv.env", "minimize", 0.0, 125 / 3),
        ("interpretability.turning_points", "minimize", 0.0, 1.0),
        ("interpretability.spectral_entropy", "minimize", 0.0, 1.0),
        ("interpretability.range", "minimize", 0.0, 1.0),
        ("interpretability.range", "maximize", 1.0, 0.0),
        ("cost.train_s", "minimize", 0.0, 600.0),
    ],
)
def test_the_boxes_of_the_catalogue(metric: str, goal: Goal, ideal: float, reference: float) -> None:
    assert objective_bounds(Objective(metric=metric, direction=goal), 125.0) == Bounds(ideal, reference)


def test_white_noise_has_the_total_variation_that_bounds_the_box() -> None:
    noise = np.random.default_rng(0).uniform(size=100_000)
    per_second = np.abs(np.diff(noise)).mean() * 125
    bounds = objective_bounds(Objective(metric="interpretability.tv", direction="minimize"), 125.0)
    assert bounds.reference == pytest.approx(per_second, rel=0.01)


def test_an_objective_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'audio\.loudness'"):
        objective_bounds(Objective(metric="audio.loudness", direction="minimize"), 125.0)
