"""Ranges of metrics: no estimate has a value outside them."""

import pytest
import torch

from core.metrics.base import AudioDistance, AudioProxy, CurveDistance, CurveProperty, CurveRate, Metric
from core.metrics.catalog import METRICS, support_of
from core.metrics.curves import project_on_all, project_on_same
from core.statistics.support import CORRELATION, NON_NEGATIVE, REAL, UNIT

FRAMES = 50


def extreme_curves(seed: int) -> torch.Tensor:
    """Curves in 0..1 that jump between both ends, of noise, of ramps and of a single peak."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(6, 2, FRAMES, generator=generator)
    jumps = torch.arange(FRAMES).remainder(2).float().expand(1, 2, -1)
    ramp = torch.linspace(0, 1, FRAMES).expand(1, 2, -1)
    peak = torch.zeros(1, 2, FRAMES).index_fill(-1, torch.tensor([seed]), 1.0)
    return torch.cat([noise.round(), noise, jumps, 1 - jumps, ramp, 1 - ramp, peak])


def values_of(metric: Metric) -> torch.Tensor:
    """Values of a metric for extreme curves or sounds, with all projections."""
    target, estimate = extreme_curves(1), extreme_curves(2).flip(0)
    match metric.compute:
        case CurveDistance(function):
            pairs = [(target, estimate)] + [
                (target, fit(target, estimate)) for fit in (project_on_same, project_on_all)
            ]
            return torch.cat([function(*pair).flatten() for pair in pairs])
        case CurveProperty(function):
            return function(estimate, 125.0).flatten()
        case CurveRate(function):
            return function(estimate, torch.linspace(0.5, 20.0, len(estimate)), 125.0).flatten()
        case AudioProxy(function=function):
            return torch.cat([function(target[:, 0], estimate[:, 0]), function(target[:, 0], estimate[:, 0] * 9 - 4)])
        case AudioDistance(function):
            return function(target.flatten(1).repeat(1, 80), estimate.flatten(1).repeat(1, 80) - 0.5, 16_000)
        case _:
            return torch.zeros(1)


@pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])
def test_values_lie_within_the_range_of_their_metric(metric: Metric) -> None:
    values = values_of(metric)
    values = values[~values.isnan()]
    assert len(values)
    assert (values >= metric.support.low).all()
    assert (values <= metric.support.high + 1e-6).all()
    assert metric.support.low <= metric.best <= metric.support.high


def test_the_range_is_found_by_the_full_name() -> None:
    assert support_of("curves.pcc.lls3.env") is CORRELATION
    assert support_of("curves.l1.add") is UNIT
    assert support_of("audio.mss") is NON_NEGATIVE
    assert support_of("of.another.version") is REAL
