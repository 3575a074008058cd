"""Interpretability of single curves: total variation, turning points, spectral entropy, range, saturation and rate.

The first three are computed from the curve scaled to 0..1 by its smallest and largest value, and are NaN for flat
curves (range below 0.05). Total variation is per second, which makes it comparable between frame rates. Reference:
Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.base import CurveProperty, Metric, ReferencePoint
from core.metrics.rates import dominant_rate_hz
from core.statistics.support import NON_NEGATIVE, UNIT

FLAT_RANGE = 0.05
"""A curve with a smaller range is flat: total variation, turning points and spectral entropy are undefined."""

SATURATED = 0.01
"""A curve is saturated where it is closer than this to 0 or 1, the ends of what it can control."""


def value_range(curve: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Largest minus smallest value."""
    return curve.amax(-1) - curve.amin(-1)


def total_variation(curve: Float[Tensor, "*shape frame"], frame_rate: float) -> Float[Tensor, "*shape"]:
    """Mean |first difference| of the scaled curve times the frame rate: full sweeps of the range per second."""
    return _nan_if_flat(curve, _scaled(curve).diff(dim=-1).abs().mean(-1) * frame_rate)


def turning_points(curve: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Share of the inner frames at which the first difference changes its sign."""
    step = curve.diff(dim=-1)
    return _nan_if_flat(curve, (step[..., 1:] * step[..., :-1] < 0).to(curve.dtype).mean(-1))


def spectral_entropy(curve: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Shannon entropy of the normalised magnitude spectrum over ln(bins): 1 for a flat spectrum.

    The spectrum includes the mean and has no window, as in the reference, so that a sine of whole cycles has two lines,
    2/3 and 1/3 of the sum: its entropy is 0.637 / ln(bins), 0.15 at 129 frames and 0.10 at 1,501. Between whole cycles
    leakage spreads the line, which adds up to 0.5. White noise has 0.86 to 0.94.
    """
    magnitude = torch.fft.rfft(_scaled(curve)).abs()
    share = magnitude / magnitude.sum(-1, keepdim=True).clamp_min(1e-12)
    entropy = -(share * share.clamp_min(1e-12).log()).sum(-1) / math.log(magnitude.shape[-1])
    return _nan_if_flat(curve, entropy)


def saturation(curve: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape"]:
    """Share of the frames within `SATURATED` of 0 or 1."""
    return ((curve < SATURATED) | (curve > 1 - SATURATED)).to(curve.dtype).mean(-1)


def _scaled(curve: Float[Tensor, "*shape frame"]) -> Float[Tensor, "*shape frame"]:
    """The curve scaled to 0..1 by its smallest and largest value."""
    low = curve.amin(-1, keepdim=True)
    return (curve - low) / (curve.amax(-1, keepdim=True) - low).clamp_min(1e-9)


def _nan_if_flat(curve: Float[Tensor, "*shape frame"], value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The value; NaN where the curve is flat."""
    return torch.where(value_range(curve) < FLAT_RANGE, torch.nan, value)


_BOUND = ReferencePoint(1.0, "the largest possible value")
"""Reference point of metrics in 0..1."""
TOTAL_VARIATION = Metric(
    name="interpretability.tv",
    direction="minimize",
    unit="1/s",
    description="total variation per second of the curve scaled to 0..1",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(lambda frame_rate: frame_rate / 3, "white noise: a third of the range each frame"),
    compute=CurveProperty(total_variation),
)
TURNING_POINTS = Metric(
    name="interpretability.turning_points",
    direction="minimize",
    unit="",
    description="share of the inner frames where the curve turns",
    support=UNIT,
    reference_point=_BOUND,
    compute=CurveProperty(lambda curve, _: turning_points(curve)),
)
SPECTRAL_ENTROPY = Metric(
    name="interpretability.spectral_entropy",
    direction="minimize",
    unit="",
    description="spread of the curve's spectrum, without a window: 0.1 to 0.6 for a sine, 0.9 for noise",
    support=UNIT,
    reference_point=_BOUND,
    compute=CurveProperty(lambda curve, _: spectral_entropy(curve)),
)
RANGE = Metric(
    name="interpretability.range",
    direction="neutral",
    unit="",
    description="largest minus smallest value of the curve",
    support=UNIT,
    reference_point=_BOUND,
    compute=CurveProperty(lambda curve, _: value_range(curve)),
)
SATURATION = Metric(
    name="interpretability.saturation",
    direction="neutral",
    unit="",
    description="share of the frames at the ends of the range, within 0.01 of 0 or 1",
    support=UNIT,
    reference_point=_BOUND,
    compute=CurveProperty(lambda curve, _: saturation(curve)),
)
DOMINANT_RATE = Metric(
    name="interpretability.dominant_rate",
    direction="neutral",
    unit="Hz",
    description="rate of the curve's clear oscillation, undefined for a curve without one",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(lambda frame_rate: frame_rate / 2, "the fastest rate that frames can show"),
    compute=CurveProperty(dominant_rate_hz),
)
