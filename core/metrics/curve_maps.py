"""Affine maps from the curves of one training run to those of another, by least squares with a bias.

    LLS 1   y_m ~ a x_m + b                     of the same modulation
    LLS 3   y_m ~ a_1 x_1 + a_2 x_2 + ... + b   of all modulations

R^2 = 1 - |y - fit|^2 / |y - mean y|^2 is 1 if both runs found the same curves up to such a map, and 0 if the mean is as
good. It is NaN for curves y that are flat. A negative slope a means that one run has the curve upside down.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.curves import FLAT_STD, project_on_all, project_on_same

Curves = Float[Tensor, "clip modulation frame"]


@dataclass(frozen=True, slots=True)
class AffineMap:
    """The quality of a map for each clip and modulation."""

    r2_same: Float[Tensor, "clip modulation"]
    """R^2 of LLS 1."""
    r2_all: Float[Tensor, "clip modulation"]
    """R^2 of LLS 3."""
    slope: Float[Tensor, "clip modulation"]
    """Slope of LLS 1; NaN if either curve is flat."""


def map_per_clip(source: Curves, target: Curves) -> AffineMap:
    """Maps of their own for each clip."""
    x, y = (curves.double() - curves.double().mean(-1, keepdim=True) for curves in (source, target))
    x_energy, y_energy = x.square().mean(-1), y.square().mean(-1)
    is_flat = y_energy.sqrt() < FLAT_STD
    slope = (x * y).mean(-1) / x_energy.clamp_min(1e-12)
    return AffineMap(
        r2_same=_r2(target, project_on_same(target, source), y_energy, is_flat),
        r2_all=_r2(target, project_on_all(target, source), y_energy, is_flat),
        slope=torch.where(is_flat | (x_energy.sqrt() < FLAT_STD), torch.nan, slope),
    )


def map_of_all_clips(source: Curves, target: Curves) -> AffineMap:
    """One map for all clips, with a clip dimension of 1: the synths differ by this map, and by nothing of the clips."""
    return map_per_clip(*(curves.transpose(0, 1).flatten(1)[None] for curves in (source, target)))


def _r2(
    target: Curves, fit: Curves, energy: Float[Tensor, "clip modulation"], is_flat: Tensor
) -> Float[Tensor, "clip modulation"]:
    """Share of the variance that a fit explains."""
    error = (target.double() - fit.double()).square().mean(-1)
    return torch.where(is_flat, torch.nan, 1 - error / energy.clamp_min(1e-12))
