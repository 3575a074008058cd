"""Piecewise cubic Bezier curves whose first derivative is continuous: a value and a tangent per knot.

    values = 1/2 + 1/2 (1 - 1e-3) tanh(value logits);  control points as in `core.ops.c1_points`, all in 0..1
    curve(t) = B_s((t - u_s) / (u_{s+1} - u_s)) between knots u_s and u_{s+1}, uniform or by softmax

A curve lies between its control points, hence in 0..1.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.bezier import evaluate, knots
from core.ops.c1_points import c1_points
from core.ops.control_points import unit_values
from core.ops.spacings import position_between_knots, spacings
from core.parameterizations.base import Parameterization


class C1Bezier(Parameterization):
    """Cubic Bezier segments with shared tangents, and with learned widths if `knots` says so."""

    time: Tensor
    """Frame times in 0..1."""

    def __init__(
        self,
        n_frames: int,
        n_segments: int,
        *,
        knots: Literal["uniform", "learned"] = "uniform",
        temperature: float = 1.0,
        min_spacing: float = 0.2,
    ) -> None:
        super().__init__()
        self.n_tokens = n_segments + 1
        self.n_outputs = 2 if knots == "uniform" else 3
        self.n_numbers = 2.0 * self.n_tokens + (n_segments - 1 if knots == "learned" else 0)
        self.temperature = temperature
        self.min_spacing = min_spacing
        self.register_buffer("time", torch.linspace(0, 1, n_frames, dtype=torch.float64), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,  # noqa: ARG002  (no noise here)
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: Value and tangent logit of each knot; if knots are learned, then also a logit that adds to the
                widths of the segments on both sides.
            curriculum: Share of equal widths in learned ones, from 1 to 0.
            generator: Not used.
        """
        widths = self.widths(logits, curriculum)
        points = c1_points(unit_values(logits[..., 0]), logits[..., 1], widths.to(logits.dtype))
        if self.n_outputs == 2:
            position = self.time.expand(*logits.shape[:2], -1)
        else:
            position = position_between_knots(knots(widths), self.time)
        return evaluate(points, 3, position.to(points.dtype))

    def widths(
        self, logits: Float[Tensor, "batch modulation token output"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation segment"]:
        """Widths of the segments in float64, which sum to 1."""
        n_segments = self.n_tokens - 1
        if self.n_outputs == 2:
            return logits.new_full((*logits.shape[:2], n_segments), 1 / n_segments, dtype=torch.float64)
        each = logits[..., 2].double()
        return spacings((each[..., 1:] + each[..., :-1]) / 2, self.temperature, self.min_spacing, curriculum)
