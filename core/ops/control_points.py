"""Splines: piecewise 2-D Bezier curves whose knots and values are both predicted.

    spacings = floor + (1 - K floor) softmax(x logits / temperature),  x_0 = 0,  x_i = x_{i-1} + spacing_i,  x_K = 1
    y = 1/2 + 1/2 (1 - 1e-3) tanh(y logits)
    curve(t) = By(Bx^-1(t))

Reference: the Spline condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204. There By is evaluated at Bx(u), a
forward warp of time, which `core.parameterizations.spline` offers as an option; and the spacings have no floor, so that
knots may coincide, where the inverse is singular.
"""

from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.bezier import knots
from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel

_Y_RANGE = 1 - 1e-3
"""Width of the interval around 1/2 that values lie in."""


def control_points(
    logits: Float[Tensor, "*shape token 2"], degree: int, temperature: float, min_spacing: float, curriculum: float
) -> tuple[Float[Tensor, "*shape token"], Float[Tensor, "*shape token"]]:
    """Knots and values (x, y); a share `curriculum` of each inner point is replaced by its segment's chord."""
    if not use_kernel(logits):
        return control_points_reference(logits, degree, temperature, min_spacing, curriculum)
    x, y = _ControlPoints.apply(logits, degree, temperature, min_spacing, curriculum)
    return x, y


def control_points_reference(
    logits: Float[Tensor, "*shape token 2"], degree: int, temperature: float, min_spacing: float, curriculum: float
) -> tuple[Float[Tensor, "*shape token"], Float[Tensor, "*shape token"]]:
    """`control_points` in torch operations."""
    share = torch.softmax(logits[..., 1:, 0] / temperature, dim=-1)
    spacing = min_spacing / share.shape[-1] + (1 - min_spacing) * share
    x, y = knots(spacing), unit_values(logits[..., 1])
    return blend_with_chord(x, degree, curriculum), blend_with_chord(y, degree, curriculum)


def unit_values(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """1/2 + 1/2 (1 - 1e-3) tanh(logits): values in 0..1, not at the ends."""
    return 0.5 + 0.5 * _Y_RANGE * torch.tanh(logits)


def blend_with_chord(
    points: Float[Tensor, "*shape point"], degree: int, curriculum: float
) -> Float[Tensor, "*shape point"]:
    """curriculum lerp(P_0, P_d, i / d) + (1 - curriculum) P_i in each segment; segment ends are unchanged."""
    ends = points[..., ::degree]
    fraction = torch.arange(degree, dtype=points.dtype, device=points.device) / degree
    chord = torch.lerp(ends[..., :-1, None], ends[..., 1:, None], fraction).flatten(-2)
    return torch.cat([torch.lerp(points[..., :-1], chord, curriculum), points[..., -1:]], dim=-1)


class _ControlPoints(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, degree: int, temperature: float, min_spacing: float, curriculum: float
    ) -> tuple[Tensor, Tensor]:
        rows = as_numpy(logits).reshape(-1, logits.shape[-2], 2)
        shares, heights = np.empty((len(rows), rows.shape[1] - 1)), np.empty(rows.shape[:2])
        x, y = np.empty(rows.shape[:2], rows.dtype), np.empty(rows.shape[:2], rows.dtype)
        _control_points(rows, degree, temperature, min_spacing, curriculum, shares, heights, x, y)
        ctx.save_for_backward(logits, torch.from_numpy(shares), torch.from_numpy(heights))
        ctx.constants = degree, temperature, min_spacing, curriculum
        shape = logits.shape[:-1]
        return torch.from_numpy(x).view(shape), torch.from_numpy(y).view(shape)

    @staticmethod
    def backward(ctx: Any, grad_x: Tensor, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        logits, shares, heights = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(logits: Tensor) -> Tensor:
                return torch.stack(control_points_reference(logits, *ctx.constants))

            (grad_logits,) = double_backward(reference, (logits,), (True,), torch.stack([grad_x, grad_y]))
        else:
            grad_outputs = (as_numpy(grad).reshape(-1, logits.shape[-2]) for grad in (grad_x, grad_y))
            grad_rows = np.empty((*heights.shape, 2), as_numpy(logits).dtype)
            _control_points_backward(*grad_outputs, shares.numpy(), heights.numpy(), *ctx.constants, grad_rows)
            grad_logits = torch.from_numpy(grad_rows).view(logits.shape)
        return grad_logits, None, None, None, None


@kernel
@no_type_check
def _control_points(logits, degree, temperature, min_spacing, curriculum, shares, heights, x, y):
    """Fill the softmax of the x logits, the tanh of the y logits, and the control points."""
    n_rows, n_intervals = shares.shape
    points = np.empty(n_intervals + 1)
    for row in range(n_rows):
        share, height = shares[row], heights[row]
        max_logit = logits[row, 1:, 0].max()
        total = 0.0
        for i in range(n_intervals):
            share[i] = np.exp((np.float64(logits[row, i + 1, 0]) - max_logit) / temperature)
            total += share[i]
        points[0] = 0.0
        for i in range(n_intervals):
            share[i] /= total
            points[i + 1] = points[i] + min_spacing / n_intervals + (1 - min_spacing) * share[i]
        points[n_intervals] = 1.0
        _blend_with_chord(points, degree, curriculum, x[row])
        for i in range(n_intervals + 1):
            height[i] = np.tanh(np.float64(logits[row, i, 1]))
            points[i] = 0.5 + 0.5 * _Y_RANGE * height[i]
        _blend_with_chord(points, degree, curriculum, y[row])


@kernel
@no_type_check
def _control_points_backward(
    grad_x, grad_y, shares, heights, degree, temperature, min_spacing, curriculum, grad_logits
):
    """Fill grad_logits (row, token, 2)."""
    n_rows, n_intervals = shares.shape
    grad_points, grad_share = np.empty(n_intervals + 1), np.empty(n_intervals)
    for row in range(n_rows):
        share, height = shares[row], heights[row]
        _blend_with_chord_backward(grad_x[row], degree, curriculum, grad_points)
        # An interval moves every knot after it except the last, which is fixed at 1.
        later_sum = dot = 0.0
        for i in range(n_intervals - 1, -1, -1):
            grad_share[i] = (1 - min_spacing) * later_sum
            dot += grad_share[i] * share[i]
            later_sum += grad_points[i]
        grad_logits[row, 0, 0] = 0
        for i in range(n_intervals):
            grad_logits[row, i + 1, 0] = share[i] * (grad_share[i] - dot) / temperature
        _blend_with_chord_backward(grad_y[row], degree, curriculum, grad_points)
        for i in range(n_intervals + 1):
            grad_logits[row, i, 1] = grad_points[i] * 0.5 * _Y_RANGE * (1 - height[i] * height[i])


@kernel
@no_type_check
def _blend_with_chord(points, degree, curriculum, blended):
    """Fill blended with the points of one spline."""
    for first in range(0, points.shape[0] - 1, degree):
        for i in range(degree):
            chord = points[first] + (points[first + degree] - points[first]) * i / degree
            blended[first + i] = points[first + i] + curriculum * (chord - points[first + i])
    blended[points.shape[0] - 1] = points[points.shape[0] - 1]


@kernel
@no_type_check
def _blend_with_chord_backward(grad_blended, degree, curriculum, grad_points):
    """Fill grad_points of one spline."""
    grad_points[:] = grad_blended
    for first in range(0, grad_blended.shape[0] - 1, degree):
        for i in range(1, degree):
            grad_chord = curriculum * grad_blended[first + i]
            grad_points[first + i] -= grad_chord
            grad_points[first] += grad_chord * (degree - i) / degree
            grad_points[first + degree] += grad_chord * i / degree
