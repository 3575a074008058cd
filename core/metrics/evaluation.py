"""All metrics of one split: values per clip, means over clips, and numbers of undefined values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips
from core.metrics.base import (
    AudioDistance,
    AudioProxy,
    CurveDescription,
    CurveDistance,
    CurveProperty,
    CurveRate,
    HeldDistance,
    SoundDistance,
    TrialCost,
)
from core.metrics.catalog import METRICS
from core.metrics.curves import project_on_all, project_on_same
from core.metrics.proxies import proxy_curves
from core.storage.records import MetricValues


@dataclass(frozen=True, slots=True)
class PerClip:
    """Values of one metric per clip, and per modulation if it has any; NaN where undefined."""

    values: Float[Tensor, "clip *modulation"]
    modulations: tuple[str, ...] = ()
    """Names of the modulations; empty for a metric that is not per modulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Clips of one split with the sounds and curves that a model estimates for them, on the CPU."""

    clips: Clips
    """Target sounds and, where known, true curves."""
    audio: Float[Tensor, "clip sample"]
    """Estimated sounds."""
    modulation: Float[Tensor, "clip modulation frame"]
    """Recovered curves in 0..1."""
    numbers: Float[Tensor, "clip modulation"]
    """Numbers that a person would have to edit to draw each curve; NaN if nothing describes it."""
    modulation_names: tuple[str, ...]
    sample_rate: int
    frame_rate: float
    controls: Float[Tensor, "clip control frame"] | None = None
    """Free controls of a granular synth; None for others."""
    held: Callable[[str], Float[Tensor, "clip sample"]] | None = None
    """Renders the estimated sounds with the curve of a name held at its mean over each clip; None leaves effects out.

    A function, because the sounds of all modulations together would take several times the memory of the estimates.
    """

    @property
    def inputs(self) -> Float[Tensor, "clip channel frame"]:
        """The inputs of the synth: the recovered curves, followed by the free controls of a granular one."""
        return self.modulation if self.controls is None else torch.cat([self.modulation, self.controls], 1)

    def projection(self) -> Float[Tensor, "clip modulation frame"] | None:
        """True curves projected on the recovered ones (LLS 3), in the order of the true ones; None if unknown."""
        true_curves = self.clips.modulation
        return None if true_curves is None else project_on_all(true_curves, self.modulation)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Estimates of one split and their metrics."""

    estimates: Estimates
    per_clip: dict[str, PerClip]
    """Values of each metric, by full name without modulation."""

    @property
    def values(self) -> MetricValues:
        """Mean over clips by full name; None if a metric is undefined for all clips.

        For a metric per modulation, the name without modulation has the mean over modulations.
        """
        values: MetricValues = {}
        for name, metric in self.per_clip.items():
            if not metric.modulations:
                values[name] = _mean(metric.values)
                continue
            mean_of_modulation = {
                f"{name}.{modulation}": _mean(metric.values[:, i]) for i, modulation in enumerate(metric.modulations)
            }
            means = [torch.nan if mean is None else mean for mean in mean_of_modulation.values()]
            values[name] = _mean(torch.tensor(means))
            values |= mean_of_modulation
        return values

    @property
    def undefined(self) -> dict[str, int]:
        """Number of undefined values (per clip and modulation) of each metric that has any; means exclude them."""
        counts = {name: int(metric.values.isnan().sum()) for name, metric in self.per_clip.items()}
        return {name: count for name, count in counts.items() if count}


def evaluate(estimates: Estimates) -> Evaluation:
    """Evaluate all metrics but costs; distances between curves and rates only if true curves or rates are known.

    A value that is not finite is undefined: it becomes NaN, and is counted.
    """
    per_clip = {
        name: replace(metric, values=torch.where(metric.values.isfinite(), metric.values, torch.nan))
        for name, metric in _per_clip(estimates)
    }
    return Evaluation(estimates, per_clip)


def _per_clip(estimates: Estimates) -> Iterator[tuple[str, PerClip]]:
    """Each metric by its full name without modulation, with its values per clip."""
    clips, names, comparable = estimates.clips, estimates.modulation_names, _comparable_curves(estimates)
    proxies = proxy_curves(
        clips.audio, estimates.audio, estimates.modulation, estimates.sample_rate, estimates.frame_rate
    )
    of_sounds: dict[SoundDistance, Float[Tensor, " clip"]] = {}
    for metric in METRICS:
        match metric.compute:
            case AudioDistance(function):
                of_sounds[function] = function(clips.audio, estimates.audio, estimates.sample_rate)
                yield metric.name, PerClip(of_sounds[function])
            case HeldDistance(function):
                if estimates.held is not None:
                    held = [function(clips.audio, estimates.held(name), estimates.sample_rate) for name in names]
                    rises = torch.stack(held, dim=1) - of_sounds[function][:, None]
                    yield metric.name, PerClip(rises, names)
            case CurveDistance(function):
                for suffix, (compared, target, estimate) in comparable.items():
                    yield f"{metric.name}{suffix}", PerClip(function(target, estimate), compared)
            case CurveProperty(function):
                values = function(estimates.modulation, estimates.frame_rate)
                yield metric.name, PerClip(values, names)
            case CurveRate(function):
                if clips.lfo_hz is not None:
                    values = function(estimates.modulation, clips.lfo_hz, estimates.frame_rate)
                    yield metric.name, PerClip(values, names)
            case AudioProxy(feature, cutoff_hz, function):
                if (curves := proxies.get((feature, cutoff_hz))) is not None:
                    yield metric.name, PerClip(function(curves.target, curves.estimate))
                    yield f"{metric.name}.lls3", PerClip(function(curves.target, curves.fit))
            case CurveDescription(function):
                # A clip of n frames lasts n frame periods here, so that a value per frame is the frame rate.
                duration_s = estimates.modulation.shape[-1] / estimates.frame_rate
                yield metric.name, PerClip(function(estimates.numbers, duration_s), names)
            case TrialCost():
                pass  # computed from the record after the trial has ended
            case _:
                assert_never(metric.compute)


def _comparable_curves(estimates: Estimates) -> dict[str, tuple[tuple[str, ...], Tensor, Tensor]]:
    """Names, true curves and recovered or projected curves, by the suffix of the projection in metric names.

    Recovered curves and LLS 1 are compared only for modulations that both synth and data have.
    """
    true_curves, true_names = estimates.clips.modulation, estimates.clips.modulation_names
    if true_curves is None:
        return {}
    curves = {".lls3": (true_names, true_curves, project_on_all(true_curves, estimates.modulation))}
    shared = tuple(name for name in true_names if name in estimates.modulation_names)
    if shared:
        target = true_curves[:, [true_names.index(name) for name in shared]]
        estimate = estimates.modulation[:, [estimates.modulation_names.index(name) for name in shared]]
        curves = {
            "": (shared, target, estimate),
            ".lls1": (shared, target, project_on_same(target, estimate)),
            **curves,
        }
    return curves


def _mean(value: Float[Tensor, " n"]) -> float | None:
    """Mean of the values that are not NaN; None if all are."""
    mean = float(value.nanmean())
    return None if mean != mean else mean
