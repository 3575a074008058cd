"""All metrics of one split: means over clips by name, with what was undefined counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.data.clips import Clips
from core.metrics import curves, interpretability
from core.metrics.audio import mel_distance, mss_distance
from core.metrics.catalog import SIGNALS
from core.results import MetricValues

PerClip = dict[str, Float[Tensor, "clip *signal"]]
"""Every metric of every clip, and signal where it has them; NaN where undefined."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Estimates of one split on the CPU, with every metric."""

    clips: Clips
    audio: Float[Tensor, "clip sample"]
    modulation: Float[Tensor, "clip modulation frame"]
    per_clip: PerClip

    @property
    def values(self) -> MetricValues:
        """Mean over clips by full name, None where a metric is defined for no clip.

        Under the bare name of a metric of curves stands the mean over its signals.
        """
        values: MetricValues = {}
        for name, value in self.per_clip.items():
            if value.ndim == 1:
                values[name] = _mean(value)
                continue
            by_signal = {f"{name}.{signal}": _mean(value[:, i]) for i, signal in enumerate(SIGNALS)}
            values[name] = _mean(torch.tensor([torch.nan if mean is None else mean for mean in by_signal.values()]))
            values |= by_signal
        return values

    @property
    def undefined(self) -> dict[str, int]:
        """How many values (of a clip and signal) each metric left out; metrics without any are left out."""
        counts = {name: int(value.isnan().sum()) for name, value in self.per_clip.items()}
        return {name: count for name, count in counts.items() if count}

    def fit(self) -> Float[Tensor, "clip modulation frame"] | None:
        """LLS 3 of the true curves on the recovered ones, None without truth."""
        truth = self.clips.modulation
        return None if truth is None else curves.fit_all(truth, self.modulation)


def evaluate_estimates(
    clips: Clips,
    audio: Float[Tensor, "clip sample"],
    modulation: Float[Tensor, "clip modulation frame"],
    sample_rate: int,
    frame_rate: float,
) -> Evaluation:
    """Measure estimates against a split; everything on the CPU."""
    per_clip: PerClip = {
        "audio.mss": mss_distance(clips.audio, audio, sample_rate),
        "audio.mel": mel_distance(clips.audio, audio, sample_rate),
    }
    if clips.modulation is not None:
        per_clip |= dict(_curve_metrics(clips.modulation, modulation))
    per_clip |= dict(_interpretability_metrics(modulation, frame_rate))
    return Evaluation(clips=clips, audio=audio, modulation=modulation, per_clip=per_clip)


def _curve_metrics(
    target: Float[Tensor, "clip modulation frame"], estimate: Float[Tensor, "clip modulation frame"]
) -> Iterator[tuple[str, Float[Tensor, "clip modulation"]]]:
    fits = {
        "": estimate,
        ".lls1": curves.fit_same(target, estimate),
        ".lls3": curves.fit_all(target, estimate),
    }
    for fit, fitted in fits.items():
        yield f"curves.l1{fit}", curves.l1(target, fitted)
        yield f"curves.l1_diff{fit}", curves.l1_difference(target, fitted)
        yield f"curves.pcc{fit}", curves.pearson(target, fitted)


def _interpretability_metrics(
    estimate: Float[Tensor, "clip modulation frame"], frame_rate: float
) -> Iterator[tuple[str, Float[Tensor, "clip modulation"]]]:
    yield "interpretability.tv", interpretability.total_variation(estimate, frame_rate)
    yield "interpretability.turning_points", interpretability.turning_points(estimate)
    yield "interpretability.spectral_entropy", interpretability.spectral_entropy(estimate)
    yield "interpretability.range", interpretability.value_range(estimate)


def _mean(value: Float[Tensor, " n"]) -> float | None:
    mean = float(value.nanmean())
    return None if mean != mean else mean
