"""Proxy curves of sounds without known modulation: level, centroid, bandwidth and flatness of the target over time.

A modulation that was recovered moves the sound, so the features of the target (`core.ops.audio_features`) should follow
from the recovered curves: `proxies.rms_pcc.lls3` compares the level of the target with its least-squares fit by all
recovered curves (LLS 3), per clip. `proxies.rms_pcc` compares it with the level of the estimated sound. Each feature is
compared as it is, and below 8 Hz where the frame rate admits such a filter, since the period of a low note shows in it.

Both curves are scaled by the smallest and largest value of the target's, so that errors are shares of its range. Values
are NaN where the target's feature is flat, its range below 1 % of its largest value: no curve can be blamed for missing
what does not move. Three unrelated smooth curves reach a correlation of about 0.3 under LLS 3, as for true curves.
Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.base import AudioProxy, Metric, ReferencePoint
from core.metrics.curves import l1, pearson, project_on_all
from core.ops.audio_features import FEATURES, Feature, audio_features
from core.ops.low_pass import convolve, lowpass_kernel
from core.ops.sizes import check_low_pass_size
from core.statistics.support import CORRELATION, NON_NEGATIVE

CUTOFF_HZ = 8.0
"""Cutoff of the low-passed features."""
FLAT_SHARE = 0.01
"""A feature is flat if its range is a smaller share of its largest value."""

ProxyKey = tuple[str, float | None]
"""Name of a feature, and the cutoff of its low-pass if it has one."""


@dataclass(frozen=True, slots=True)
class ProxyCurves:
    """One feature of all clips, scaled by the range of the target's; NaN for clips where that is flat."""

    target: Float[Tensor, "clip frame"]
    estimate: Float[Tensor, "clip frame"]
    """The feature of the estimated sound."""
    fit: Float[Tensor, "clip frame"]
    """LLS 3 fit of the target's feature by the recovered curves."""


def proxy_curves(
    target: Float[Tensor, "clip sample"],
    estimate: Float[Tensor, "clip sample"],
    modulation: Float[Tensor, "clip modulation frame"],
    sample_rate: int,
    frame_rate: float,
) -> Mapping[ProxyKey, ProxyCurves]:
    """The features of target and estimate, each as it is and, if the frame rate admits it, low-passed at 8 Hz.

    Args:
        modulation: The recovered curves, whose frames are those of the features.
    """
    hop_length = round(sample_rate / frame_rate)
    of_target, of_estimate = (audio_features(audio, sample_rate, hop_length) for audio in (target, estimate))
    curves = dict(_scaled(None, of_target, of_estimate, modulation))
    if _can_low_pass(of_target.shape[-1], frame_rate):
        taps = lowpass_kernel(CUTOFF_HZ, frame_rate).to(of_target)
        curves |= _scaled(CUTOFF_HZ, convolve(of_target, taps), convolve(of_estimate, taps), modulation)
    return curves


def _scaled(
    cutoff_hz: float | None,
    target: Float[Tensor, "clip 4 frame"],
    estimate: Float[Tensor, "clip 4 frame"],
    modulation: Float[Tensor, "clip modulation frame"],
) -> Mapping[ProxyKey, ProxyCurves]:
    """The curves of each feature."""
    low, high = target.amin(-1, keepdim=True), target.amax(-1, keepdim=True)
    extent = torch.where(high - low <= FLAT_SHARE * high, torch.nan, high - low)
    target, estimate = (target - low) / extent, (estimate - low) / extent
    fit = project_on_all(target, modulation)
    return {
        (feature, cutoff_hz): ProxyCurves(target[:, i], estimate[:, i], fit[:, i]) for i, feature in enumerate(FEATURES)
    }


def _can_low_pass(n_frames: int, frame_rate: float) -> bool:
    """Whether the low-pass has enough taps, and the clips enough frames."""
    try:
        check_low_pass_size(CUTOFF_HZ, frame_rate, n_frames)
    except ValueError:
        return False
    return True


_NAMES: Mapping[Feature, str] = {
    "rms": "level",
    "centroid": "spectral centroid",
    "bandwidth": "spectral bandwidth",
    "flatness": "spectral flatness",
}
"""Features in words."""


def _metrics(feature: Feature, cutoff_hz: float | None) -> tuple[Metric, Metric]:
    """The metrics of a feature."""
    suffix, below = ("", "") if cutoff_hz is None else (f"_{cutoff_hz:g}hz", f" below {cutoff_hz:g} Hz")
    curve = f"the target sound's {_NAMES[feature]} over time{below}"
    error = Metric(
        name=f"proxies.{feature}{suffix}_l1",
        direction="minimize",
        unit="",
        description=f"mean absolute error of {curve}, as a share of its range",
        support=NON_NEGATIVE,
        reference_point=ReferencePoint(1.0, "an error of the whole range"),
        compute=AudioProxy(feature, cutoff_hz, l1),
    )
    correlation = Metric(
        name=f"proxies.{feature}{suffix}_pcc",
        direction="maximize",
        unit="",
        description=f"Pearson correlation with {curve}",
        support=CORRELATION,
        best=1.0,
        reference_point=ReferencePoint(0.0, "an uncorrelated curve"),
        compute=AudioProxy(feature, cutoff_hz, pearson),
    )
    return error, correlation


PROXIES: tuple[Metric, ...] = tuple(
    metric for feature in FEATURES for cutoff_hz in (None, CUTOFF_HZ) for metric in _metrics(feature, cutoff_hz)
)
"""Metrics of all features."""
