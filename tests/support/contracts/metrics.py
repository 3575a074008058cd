"""The contract of a metric."""

import re
from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor

from core.metrics.base import (
    AudioDistance,
    AudioProxy,
    CurveDescription,
    CurveDistance,
    CurveProperty,
    CurveRate,
    HeldDistance,
    Metric,
    TrialCost,
)
from core.metrics.catalog import METRICS, metric_of
from core.seeding import generator
from core.storage.records import TrialRecord

SAMPLE_RATE, FRAME_RATE = 16_000, 125.0
BATCH = 3
Check = Callable[[Metric], None]


def it_declares_name_direction_and_meaning(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", metric.name), f"{metric.name!r} must be group.metric"
    assert metric.direction in ("minimize", "maximize", "neutral")
    assert metric.description
    assert metric_of(metric.name) is metric
    assert [other.name for other in METRICS].count(metric.name) == 1


def the_reference_point_is_worse_than_the_best_value(metric: Metric) -> None:
    for frame_rate in (62.5, 125.0, 500.0):
        reference = metric.reference_point.at(frame_rate)
        assert metric.reference_point.reason
        if metric.direction == "maximize":
            assert reference < metric.best
        else:
            assert reference > metric.best


def equality_gives_the_best_value(metric: Metric) -> None:
    match metric.compute:
        case AudioDistance(function):
            values = function(_audio(), _audio(), SAMPLE_RATE)
        case CurveDistance(function):
            values = function(_curves(0), _curves(0))
        case AudioProxy(function=function):
            values = function(_curves(0)[:, 0], _curves(0)[:, 0])
        case HeldDistance() | CurveProperty() | CurveRate() | CurveDescription() | TrialCost():
            return
        case _:
            assert_never(metric.compute)
    torch.testing.assert_close(values, torch.full_like(values, metric.best), atol=1e-5, rtol=0)


def a_clip_scores_the_same_alone_and_in_a_batch(metric: Metric) -> None:
    audio, other = _audio(), _audio(1)
    curves, others = _curves(0), _curves(1)
    for i in range(BATCH):
        part = slice(i, i + 1)
        match metric.compute:
            case AudioDistance(function):
                alone = function(audio[part], other[part], SAMPLE_RATE)
                together = function(audio, other, SAMPLE_RATE)
                assert together.shape == (BATCH,)
            case CurveDistance(function):
                alone, together = function(curves[part], others[part]), function(curves, others)
                assert together.shape == (BATCH, 2)
            case CurveProperty(function):
                alone, together = function(curves[part], FRAME_RATE), function(curves, FRAME_RATE)
                assert together.shape == (BATCH, 2)
            case CurveRate(function):
                rates = torch.tensor([2.0, torch.nan, 5.0])
                alone = function(curves[part], rates[part], FRAME_RATE)
                together = function(curves, rates, FRAME_RATE)
                assert together.shape == (BATCH, 2)
            case AudioProxy(function=function):
                alone, together = function(curves[part, 0], others[part, 0]), function(curves[:, 0], others[:, 0])
                assert together.shape == (BATCH,)
            case CurveDescription(function):
                numbers = torch.tensor([[3.0, 4.0], [5.0, torch.nan], [6.0, 7.0]])
                alone, together = function(numbers[part], 2.0), function(numbers, 2.0)
                assert together.shape == (BATCH, 2)
            case HeldDistance() | TrialCost():
                return
            case _:
                assert_never(metric.compute)
        torch.testing.assert_close(alone, together[part], rtol=1e-4, atol=1e-6, equal_nan=True)


def a_rise_is_that_of_a_distance_before_it(metric: Metric) -> None:
    if isinstance(metric.compute, HeldDistance):
        before = [other.compute for other in METRICS[: METRICS.index(metric)]]
        assert AudioDistance(metric.compute.function) in before, "the distance without a held curve is taken from there"


def a_cost_is_read_from_the_record_alone(metric: Metric) -> None:
    if isinstance(metric.compute, TrialCost):
        record = TrialRecord(digest="d", study="s", arm="a", seed=0, attempt="1", outcome="failed", config={})
        assert metric.compute.function(record) is None, "a trial without a history has no known cost"


CHECKS: tuple[Check, ...] = (
    it_declares_name_direction_and_meaning,
    the_reference_point_is_worse_than_the_best_value,
    equality_gives_the_best_value,
    a_clip_scores_the_same_alone_and_in_a_batch,
    a_rise_is_that_of_a_distance_before_it,
    a_cost_is_read_from_the_record_alone,
)


def _audio(seed: int = 0) -> Tensor:
    return torch.rand(BATCH, 8000, generator=generator(seed, "audio")) - 0.5


def _curves(seed: int) -> Tensor:
    return torch.rand(BATCH, 2, 126, generator=generator(seed, "curves"))
