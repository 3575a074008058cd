"""Curves that never look at the sound: what any method has to beat."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.bezier import evaluate_over_time, knots


def random_splines(
    batch: int, n_modulations: int, n_frames: int, n_segments: int, degree: int, generator: torch.Generator
) -> Float[Tensor, "{batch} {n_modulations} {n_frames}"]:
    """Piecewise Bezier curves with uniformly random values and random spacings of all control points.

    Reference: the random-spline baseline of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
    """
    shape = (batch, n_modulations)
    spacing = torch.rand(*shape, n_segments * degree, generator=generator, dtype=torch.float64).clamp_min(1e-3)
    values = torch.rand(*shape, n_segments * degree + 1, generator=generator, dtype=torch.float64)
    x = knots(spacing / spacing.sum(-1, keepdim=True))
    return evaluate_over_time(x, values, degree, torch.linspace(0, 1, n_frames, dtype=torch.float64)).float()


def curve_from_segments(
    widths: Float[Tensor, "*shape segment"], values: Float[Tensor, "*shape point"], degree: int, n_frames: int
) -> Float[Tensor, "*shape frame"]:
    """A Bezier curve over time whose segments have these relative widths and, inside, equally spaced control points."""
    spacing = (widths / widths.sum(-1, keepdim=True) / degree).repeat_interleave(degree, dim=-1)
    time = torch.linspace(0, 1, n_frames, dtype=torch.float64, device=values.device)
    return evaluate_over_time(knots(spacing), values, degree, time)
