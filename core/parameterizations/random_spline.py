"""Random splines, a baseline: curves drawn for each clip, independent of its sound.

Reference: the random-spline baseline of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.bezier import evaluate_over_time, knots
from core.parameterizations.base import Baseline


class RandomSpline(Baseline):
    """Piecewise Bezier curves with random values, uniform in 0..1, and random spacings of the control points."""

    def __init__(self, n_frames: int, n_segments: int, degree: int) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.n_segments = n_segments
        self.degree = degree
        self.n_numbers = 2.0 * n_segments * degree

    def forward(
        self,
        batch: int,
        n_modulations: int,
        generator: torch.Generator,
        true_curves: Float[Tensor, "{batch} {n_modulations} frame"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        shape, n_intervals = (batch, n_modulations), self.n_segments * self.degree
        spacing = torch.rand(*shape, n_intervals, generator=generator, dtype=torch.float64).clamp_min(1e-3)
        values = torch.rand(*shape, n_intervals + 1, generator=generator, dtype=torch.float64)
        x = knots(spacing / spacing.sum(-1, keepdim=True))
        time = torch.linspace(0, 1, self.n_frames, dtype=torch.float64)
        return evaluate_over_time(x, values, self.degree, time).float()
