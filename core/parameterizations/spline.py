"""Splines: piecewise 2-D Bezier curves whose knots and values are both predicted.

    spacings = floor + (1 - K floor) softmax(x logits / temperature),  x_0 = 0,  x_i = x_{i-1} + spacing_i,  x_K = 1
    y = 1/2 + 1/2 (1 - 1e-3) tanh(y logits)
    curve(t) = By(Bx^-1(t))

Reference: the Spline condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. There By is evaluated at Bx(u), a
forward warp of time, kept here as an option; and the spacings have no floor, which lets knots collide and makes the
inverse singular.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.parameterizations.bezier import evaluate, evaluate_over_time, knots

_Y_SHARE = 1 - 1e-3


def check_spline_size(n_segments: int, degree: int, n_frames: int) -> None:
    """
    Raises:
        ValueError: the spline has more free numbers than there are frames to describe.
    """
    free = 2 * n_segments * degree + 1
    if free > n_frames:
        raise ValueError(
            f"a spline needs at most as many free numbers as frames: n_segments={n_segments} of degree={degree} have "
            f"{free}, over n_frames={n_frames}; lower n_segments to {max(1, (n_frames - 1) // (2 * degree))} "
            "or shorten hop_length"
        )


class Spline(nn.Module):
    """Logits of knots and values to curves in 0..1."""

    n_outputs = 2

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
        self.degree = degree
        self.evaluation = evaluation
        self.temperature = temperature
        self.min_spacing = min_spacing
        self.chord_curriculum = chord_curriculum
        self.register_buffer("time", torch.linspace(0, 1, n_frames, dtype=torch.float64), persistent=False)

    time: Tensor

    def forward(
        self, logits: Float[Tensor, "batch modulation token 2"], alpha: float = 0.0
    ) -> Float[Tensor, "batch modulation frame"]:
        """
        Args:
            logits: x and y logit of each control point; the first x logit is not used, since x_0 = 0.
            alpha: Share of the straight chord in each segment's inner control points (curriculum), 1 to 0.
        """
        x, y = self.control_points(logits)
        if self.chord_curriculum and alpha > 0:
            x, y = blend_with_chord(x, self.degree, alpha), blend_with_chord(y, self.degree, alpha)
        if self.evaluation == "inverse":
            return evaluate_over_time(x, y, self.degree, self.time)
        warp = evaluate(x, self.degree, self.time.to(x.dtype).expand(*x.shape[:-1], -1))
        return evaluate(y, self.degree, warp)

    def control_points(
        self, logits: Float[Tensor, "batch modulation token 2"]
    ) -> tuple[Float[Tensor, "batch modulation token"], Float[Tensor, "batch modulation token"]]:
        """Knots and values: x strictly increasing from exactly 0 to exactly 1, y in 0..1."""
        share = torch.softmax(logits[..., 1:, 0] / self.temperature, dim=-1)
        spacing = self.min_spacing / self.n_intervals + (1 - self.min_spacing) * share
        return knots(spacing), 0.5 + 0.5 * _Y_SHARE * torch.tanh(logits[..., 1])


def blend_with_chord(points: Float[Tensor, "*shape point"], degree: int, alpha: float) -> Float[Tensor, "*shape point"]:
    """P_i <- alpha lerp(P_0, P_d, i / d) + (1 - alpha) P_i within each segment; segment ends stay."""
    ends = points[..., ::degree]
    fraction = torch.arange(degree, dtype=points.dtype, device=points.device) / degree
    chord = torch.lerp(ends[..., :-1, None], ends[..., 1:, None], fraction).flatten(-2)
    return torch.cat([torch.lerp(points[..., :-1], chord, alpha), points[..., -1:]], dim=-1)
