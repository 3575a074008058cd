"""Cubic B-splines: values of the coefficients by tanh, knots uniform or by softmax.

    c = 1/2 + 1/2 (1 - 1e-3) tanh(value logits)
    curve(t) = sum_i N_i(t) c_i

The basis functions sum to 1 for any knots, so the curve stays in 0..1; the operation is `core.ops.b_spline`.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.b_spline import clamped_knots, evaluate, uniform_basis
from core.ops.control_points import unit_values
from core.ops.spacings import spacings
from core.parameterizations.base import Parameterization

DEGREE = 3
"""Degree of the polynomials."""


class BSpline(Parameterization):
    """Cubic B-splines with coefficients, and knots if they are learned, predicted from logits."""

    time: Tensor
    """Frame times in 0..1."""
    basis: Tensor
    """Basis functions of uniform knots at all frames; empty if the knots are learned."""

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
        self.n_tokens = n_segments + DEGREE
        self.n_outputs = 1 if knots == "uniform" else 2
        # Every coefficient, and every inner knot that is learned.
        self.n_numbers = float(n_segments + DEGREE) + (n_segments - 1 if knots == "learned" else 0)
        self.temperature = temperature
        self.min_spacing = min_spacing
        basis = uniform_basis(n_segments, DEGREE, n_frames).float() if knots == "uniform" else torch.empty(0, 0)
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("time", torch.linspace(0, 1, n_frames, dtype=torch.float64), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,  # noqa: ARG002  (no noise here)
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: Value logit of each coefficient; if knots are learned, then also a logit that adds to the width of
                the intervals between its token and both neighbours.
            curriculum: Share of equal spacing in learned knots, from 1 to 0.
            generator: Not used.
        """
        values = unit_values(logits[..., 0])
        if self.n_outputs == 1:
            return values @ self.basis.T
        return evaluate(self.knots(logits, curriculum), values, DEGREE, self.time).to(values.dtype)

    def knots(
        self, logits: Float[Tensor, "batch modulation token 2"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation knot"]:
        """Learned knots in float64, the ends four times: an interval lies between the inner two of its four tokens."""
        widths = logits[..., 1].double()
        inner = (widths[..., 1:-2] + widths[..., 2:-1]) / 2
        return clamped_knots(spacings(inner, self.temperature, self.min_spacing, curriculum), DEGREE)
