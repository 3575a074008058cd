"""Splines: piecewise 2-D Bezier curves whose knots and values are both predicted.

    spacings = floor + (1 - K floor) softmax(x logits / temperature),  x_0 = 0,  x_i = x_{i-1} + spacing_i,  x_K = 1
    y = 1/2 + 1/2 (1 - 1e-3) tanh(y logits)
    curve(t) = By(Bx^-1(t))

Reference: the Spline condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. The reference evaluates
By at Bx(t), a forward warp of time, available here as an option. Its spacings have no floor, so knots can collide,
which makes the inverse singular.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.bezier import evaluate, evaluate_over_time
from core.ops.control_points import control_points
from core.ops.sizes import check_spline_size
from core.parameterizations.base import Parameterization


class Spline(Parameterization):
    """Piecewise Bezier curves with knots and values predicted from logits."""

    n_outputs = 2
    # The logits of times are divided by the temperature, and each of them moves all points.
    refinement_steps = (0.1, 1.0)
    time: Tensor
    """Frame times in 0..1."""

    def __init__(
        self,
        n_frames: int,
        n_segments: int,
        degree: int,
        *,
        evaluation: Literal["inverse", "forward_warp"] = "inverse",
        temperature: float = 0.25,
        min_spacing: float = 0.05,
        chord_curriculum: bool = True,
    ) -> None:
        super().__init__()
        check_spline_size(n_segments, degree, n_frames)
        self.n_intervals = n_segments * degree
        self.n_tokens = self.n_intervals + 1
        # Values of all control points, and times of all but the first and the last.
        self.n_numbers = 2.0 * self.n_intervals
        self.degree = degree
        self.evaluation = evaluation
        self.temperature = temperature
        self.min_spacing = min_spacing
        self.chord_curriculum = chord_curriculum
        self.register_buffer("time", torch.linspace(0, 1, n_frames, dtype=torch.float64), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 2"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,  # noqa: ARG002  (no noise here)
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: x and y logit of each control point; the first x logit is not used, since x_0 = 0.
            curriculum: Share of the straight chord in each segment's inner control points, from 1 to 0.
            generator: Not used.
        """
        x, y = self.control_points(logits, curriculum if self.chord_curriculum else 0.0)
        if self.evaluation == "inverse":
            return evaluate_over_time(x, y, self.degree, self.time)
        warp = evaluate(x, self.degree, self.time.to(x.dtype).expand(*x.shape[:-1], -1))
        return evaluate(y, self.degree, warp)

    def control_points(
        self, logits: Float[Tensor, "batch modulation token 2"], curriculum: float = 0.0
    ) -> tuple[Float[Tensor, "batch modulation token"], Float[Tensor, "batch modulation token"]]:
        """Times x and values y of the control points: x increases strictly from 0 to 1, both exact; y lies in 0..1."""
        return control_points(logits, self.degree, self.temperature, self.min_spacing, curriculum)
