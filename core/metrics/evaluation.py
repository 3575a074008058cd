"""All metrics of one split: means over clips by name, with what was undefined counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips
from core.metrics.base import AudioDistance, CurveDistance, CurveProperty, TrialCost
from core.metrics.catalog import METRICS
from core.metrics.curves import project_on_all, project_on_same
from core.storage.records import MetricValues


@dataclass(frozen=True, slots=True)
class PerClip:
    """One metric of every clip, and of every modulation where it has them; NaN where undefined."""

    values: Float[Tensor, "clip *modulation"]
    modulations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What a model made of the clips of one split, on the CPU."""

    clips: Clips
    audio: Float[Tensor, "clip sample"]
    modulation: Float[Tensor, "clip modulation frame"]
    modulation_names: tuple[str, ...]
    sample_rate: int
    frame_rate: float

    def projection(self) -> Float[Tensor, "clip modulation frame"] | None:
        """LLS 3 of the true curves on the recovered ones, in the order of the true ones; None without truth."""
        truth = self.clips.modulation
        return None if truth is None else project_on_all(truth, self.modulation)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Estimates of one split with every metric."""

    estimates: Estimates
    per_clip: dict[str, PerClip]
    """By full name without the modulation."""

    @property
    def values(self) -> MetricValues:
        """Mean over clips by full name, None where a metric is defined for no clip.

        The bare name of a metric of curves has the mean over its modulations.
        """
        values: MetricValues = {}
        for name, metric in self.per_clip.items():
            if not metric.modulations:
                values[name] = _mean(metric.values)
                continue
            by_modulation = {
                f"{name}.{modulation}": _mean(metric.values[:, i]) for i, modulation in enumerate(metric.modulations)
            }
            defined = [torch.nan if mean is None else mean for mean in by_modulation.values()]
            values[name] = _mean(torch.tensor(defined))
            values |= by_modulation
        return values

    @property
    def undefined(self) -> dict[str, int]:
        """How many values (of a clip and modulation) each metric left out; metrics without any are left out."""
        counts = {name: int(metric.values.isnan().sum()) for name, metric in self.per_clip.items()}
        return {name: count for name, count in counts.items() if count}


def evaluate(estimates: Estimates) -> Evaluation:
    """Every metric of the catalogue that these clips allow: distances of curves need the truth."""
    return Evaluation(estimates, dict(_per_clip(estimates)))


def _per_clip(estimates: Estimates) -> Iterator[tuple[str, PerClip]]:
    clips, comparable = estimates.clips, _comparable_curves(estimates)
    for metric in METRICS:
        match metric.compute:
            case AudioDistance(function):
                yield metric.name, PerClip(function(clips.audio, estimates.audio, estimates.sample_rate))
            case CurveDistance(function):
                for suffix, (names, target, estimate) in comparable.items():
                    yield f"{metric.name}{suffix}", PerClip(function(target, estimate), names)
            case CurveProperty(function):
                values = function(estimates.modulation, estimates.frame_rate)
                yield metric.name, PerClip(values, estimates.modulation_names)
            case TrialCost():
                pass  # known when the trial has ended, and read from its record
            case _:
                assert_never(metric.compute)


def _comparable_curves(estimates: Estimates) -> dict[str, tuple[tuple[str, ...], Tensor, Tensor]]:
    """Names, true curves and recovered or projected curves, by the suffix of the metric's name.

    The recovered curves themselves and LLS 1 compare modulations that synth and truth both have.
    """
    truth, true_names = estimates.clips.modulation, estimates.clips.modulation_names
    if truth is None:
        return {}
    curves = {".lls3": (true_names, truth, project_on_all(truth, estimates.modulation))}
    shared = tuple(name for name in true_names if name in estimates.modulation_names)
    if shared:
        target = truth[:, [true_names.index(name) for name in shared]]
        estimate = estimates.modulation[:, [estimates.modulation_names.index(name) for name in shared]]
        curves = {
            "": (shared, target, estimate),
            ".lls1": (shared, target, project_on_same(target, estimate)),
            **curves,
        }
    return curves


def _mean(value: Float[Tensor, " n"]) -> float | None:
    mean = float(value.nanmean())
    return None if mean != mean else mean
