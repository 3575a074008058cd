"""Splines: piecewise 2-D Bezier curves whose knots and values are both predicted.

    spacings = floor + (1 - K floor) softmax(x logits / temperature),  x_0 = 0,  x_i = x_{i-1} + spacing_i,  x_K = 1
    y = 1/2 + 1/2 (1 - 1e-3) tanh(y logits)
    curve(t) = By(Bx^-1(t))

Reference: the Spline condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. There By is evaluated at Bx(u), a
forward warp of time, kept here as an option; and the spacings have no floor, which lets knots collide and makes the
inverse singular.
"""

from typing import Any, Literal, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, gradients_by_reference, has_kernel, kernel
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
        x, y = self.control_points(logits, alpha if self.chord_curriculum else 0.0)
        if self.evaluation == "inverse":
            return evaluate_over_time(x, y, self.degree, self.time)
        warp = evaluate(x, self.degree, self.time.to(x.dtype).expand(*x.shape[:-1], -1))
        return evaluate(y, self.degree, warp)

    def control_points(
        self, logits: Float[Tensor, "batch modulation token 2"], alpha: float = 0.0
    ) -> tuple[Float[Tensor, "batch modulation token"], Float[Tensor, "batch modulation token"]]:
        """Knots and values: x strictly increasing from exactly 0 to exactly 1, y in 0..1."""
        return control_points(logits, self.degree, self.temperature, self.min_spacing, alpha)


def control_points(
    logits: Float[Tensor, "*shape token 2"], degree: int, temperature: float, min_spacing: float, alpha: float
) -> tuple[Float[Tensor, "*shape token"], Float[Tensor, "*shape token"]]:
    """Knots and values, inner ones blended with a share alpha of their segment's chord."""
    if not has_kernel(logits):
        return control_points_reference(logits, degree, temperature, min_spacing, alpha)
    x, y = _ControlPoints.apply(logits, degree, temperature, min_spacing, alpha)
    return x, y


def control_points_reference(
    logits: Float[Tensor, "*shape token 2"], degree: int, temperature: float, min_spacing: float, alpha: float
) -> tuple[Float[Tensor, "*shape token"], Float[Tensor, "*shape token"]]:
    """The same by torch operations."""
    share = torch.softmax(logits[..., 1:, 0] / temperature, dim=-1)
    spacing = min_spacing / share.shape[-1] + (1 - min_spacing) * share
    x, y = knots(spacing), 0.5 + 0.5 * _Y_SHARE * torch.tanh(logits[..., 1])
    return blend_with_chord(x, degree, alpha), blend_with_chord(y, degree, alpha)


def blend_with_chord(points: Float[Tensor, "*shape point"], degree: int, alpha: float) -> Float[Tensor, "*shape point"]:
    """P_i <- alpha lerp(P_0, P_d, i / d) + (1 - alpha) P_i within each segment; segment ends stay."""
    ends = points[..., ::degree]
    fraction = torch.arange(degree, dtype=points.dtype, device=points.device) / degree
    chord = torch.lerp(ends[..., :-1, None], ends[..., 1:, None], fraction).flatten(-2)
    return torch.cat([torch.lerp(points[..., :-1], chord, alpha), points[..., -1:]], dim=-1)


class _ControlPoints(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, degree: int, temperature: float, min_spacing: float, alpha: float
    ) -> tuple[Tensor, Tensor]:
        rows = array(logits).reshape(-1, logits.shape[-2], 2)
        shares, heights = np.empty((len(rows), rows.shape[1] - 1)), np.empty(rows.shape[:2])
        x, y = np.empty(rows.shape[:2], rows.dtype), np.empty(rows.shape[:2], rows.dtype)
        _control_points(rows, degree, temperature, min_spacing, alpha, shares, heights, x, y)
        ctx.save_for_backward(logits, torch.from_numpy(shares), torch.from_numpy(heights))
        ctx.constants = degree, temperature, min_spacing, alpha
        shape = logits.shape[:-1]
        return torch.from_numpy(x).view(shape), torch.from_numpy(y).view(shape)

    @staticmethod
    def backward(ctx: Any, d_x: Tensor, d_y: Tensor) -> tuple[Tensor | None, ...]:
        logits, shares, heights = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(logits: Tensor) -> Tensor:
                return torch.stack(control_points_reference(logits, *ctx.constants))

            (d_logits,) = gradients_by_reference(reference, (logits,), (True,), torch.stack([d_x, d_y]))
        else:
            pulls = (array(gradient).reshape(-1, logits.shape[-2]) for gradient in (d_x, d_y))
            rows = np.empty((*heights.shape, 2), array(logits).dtype)
            _control_points_backwards(*pulls, shares.numpy(), heights.numpy(), *ctx.constants, rows)
            d_logits = torch.from_numpy(rows).view(logits.shape)
        return d_logits, None, None, None, None


@kernel
@no_type_check
def _control_points(logits, degree, temperature, min_spacing, alpha, shares, heights, x, y):
    """Fill the softmax, the tanh, and the control points."""
    n_rows, n_intervals = shares.shape
    points = np.empty(n_intervals + 1)
    for row in range(n_rows):
        share, height = shares[row], heights[row]
        highest = logits[row, 1:, 0].max()
        total = 0.0
        for i in range(n_intervals):
            share[i] = np.exp((np.float64(logits[row, i + 1, 0]) - highest) / temperature)
            total += share[i]
        points[0] = 0.0
        for i in range(n_intervals):
            share[i] /= total
            points[i + 1] = points[i] + min_spacing / n_intervals + (1 - min_spacing) * share[i]
        points[n_intervals] = 1.0
        _blend_with_chord(points, degree, alpha, x[row])
        for i in range(n_intervals + 1):
            height[i] = np.tanh(np.float64(logits[row, i, 1]))
            points[i] = 0.5 + 0.5 * _Y_SHARE * height[i]
        _blend_with_chord(points, degree, alpha, y[row])


@kernel
@no_type_check
def _control_points_backwards(d_x, d_y, shares, heights, degree, temperature, min_spacing, alpha, d_logits):
    n_rows, n_intervals = shares.shape
    pull, d_share = np.empty(n_intervals + 1), np.empty(n_intervals)
    for row in range(n_rows):
        share, height = shares[row], heights[row]
        _blend_with_chord_backwards(d_x[row], degree, alpha, pull)
        # An interval moves all knots after it but the last.
        later = along = 0.0
        for i in range(n_intervals - 1, -1, -1):
            d_share[i] = (1 - min_spacing) * later
            along += d_share[i] * share[i]
            later += pull[i]
        d_logits[row, 0, 0] = 0
        for i in range(n_intervals):
            d_logits[row, i + 1, 0] = share[i] * (d_share[i] - along) / temperature
        _blend_with_chord_backwards(d_y[row], degree, alpha, pull)
        for i in range(n_intervals + 1):
            d_logits[row, i, 1] = pull[i] * 0.5 * _Y_SHARE * (1 - height[i] * height[i])


@kernel
@no_type_check
def _blend_with_chord(points, degree, alpha, blended):
    for first in range(0, points.shape[0] - 1, degree):
        for i in range(degree):
            chord = points[first] + (points[first + degree] - points[first]) * i / degree
            blended[first + i] = points[first + i] + alpha * (chord - points[first + i])
    blended[points.shape[0] - 1] = points[points.shape[0] - 1]


@kernel
@no_type_check
def _blend_with_chord_backwards(pull, degree, alpha, d_points):
    d_points[:] = pull
    for first in range(0, pull.shape[0] - 1, degree):
        for i in range(1, degree):
            to_chord = alpha * pull[first + i]
            d_points[first + i] -= to_chord
            d_points[first] += to_chord * (degree - i) / degree
            d_points[first + degree] += to_chord * i / degree
