"""Adapters: one modulation curve to the D controls of a learned module.

One small network per control over (curve value, time in 0..1): linear, PReLU, linear, PReLU, linear, with hidden size
H = (2 + D) // 2. Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.

    z1 = curve w1[0] + time w1[1] + b1,  z2 = prelu(z1) w2,  y = prelu(z2 + b2) w3 + b3

The kernel computes a block of controls at a time ("Cache blocking" in README.md). Only z2 is saved for the gradient,
since recomputing z1 is cheaper than reading it.
"""

from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel

_BLOCK_SIZE = 1 << 17
"""Activations of one layer in a block; at least two blocks fit a core's cache."""


def adapt(
    curve: Float[Tensor, "batch frame"],
    w1: Float[Tensor, "control 2 hidden"],
    b1: Float[Tensor, "control 1 hidden"],
    slope1: Float[Tensor, " control"],
    w2: Float[Tensor, "control hidden hidden"],
    b2: Float[Tensor, "control 1 hidden"],
    slope2: Float[Tensor, " control"],
    w3: Float[Tensor, "control hidden 1"],
    b3: Float[Tensor, "control 1 1"],
) -> Float[Tensor, "batch frame control"]:
    """The controls of each frame; each control has its own weights and PReLU slopes."""
    weights = (w1, b1, slope1, w2, b2, slope2, w3, b3)
    if not use_kernel(curve, *weights):
        return adapt_reference(curve, *weights)
    controls: Tensor = _Adapt.apply(curve, *weights)
    return controls


def adapt_reference(
    curve: Float[Tensor, "batch frame"],
    w1: Float[Tensor, "control 2 hidden"],
    b1: Float[Tensor, "control 1 hidden"],
    slope1: Float[Tensor, " control"],
    w2: Float[Tensor, "control hidden hidden"],
    b2: Float[Tensor, "control 1 hidden"],
    slope2: Float[Tensor, " control"],
    w3: Float[Tensor, "control hidden 1"],
    b3: Float[Tensor, "control 1 1"],
) -> Float[Tensor, "batch frame control"]:
    """`adapt` in torch operations, each layer one batched product."""
    batch, n_frames = curve.shape
    time = torch.linspace(0, 1, n_frames, dtype=curve.dtype, device=curve.device).expand(batch, -1)
    x = torch.stack([curve, time], -1).view(1, batch * n_frames, 2)
    x = _prelu(torch.matmul(x, w1) + b1, slope1)
    x = _prelu(torch.matmul(x, w2) + b2, slope2)
    x = torch.matmul(x, w3) + b3
    return x[..., 0].t().view(batch, n_frames, -1)


def _prelu(x: Float[Tensor, "control row hidden"], slope: Float[Tensor, " control"]) -> Tensor:
    # torch expects the channels, which have a slope each, in the second dimension.
    return F.prelu(x.transpose(0, 1), slope).transpose(0, 1)


class _Adapt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, curve: Tensor, *weights: Tensor) -> Tensor:
        rows, time = as_numpy(curve).reshape(-1), _times(*curve.shape, as_numpy(curve).dtype)
        w1, b1, slope1, w2, b2, slope2, w3, b3 = ctx.arrays = [as_numpy(tensor) for tensor in weights]
        z2 = np.empty((*w2.shape[:2], len(rows)), rows.dtype)
        y = np.empty((*curve.shape, len(w2)), rows.dtype)
        for first, last in _blocks(z2):
            a1 = np.empty_like(z2[first:last])
            _first_layer(first, rows, time, w1, b1, slope1, a1)
            product = torch.from_numpy(z2[first:last])
            torch.bmm(torch.from_numpy(w2[first:last]).transpose(1, 2), torch.from_numpy(a1), out=product)
            _last_layer(first, last, z2, b2, slope2, w3, b3, y.reshape(-1, len(w2)))
        ctx.save_for_backward(curve, *weights, torch.from_numpy(z2))
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, saved_z2 = ctx.saved_tensors
        if torch.is_grad_enabled():
            return tuple(double_backward(adapt_reference, inputs, ctx.needs_input_grad, grad_output))
        curve, z2 = inputs[0], saved_z2.numpy()
        rows, time = as_numpy(curve).reshape(-1), _times(*curve.shape, z2.dtype)
        w1, b1, slope1, w2, b2, slope2, w3, b3 = ctx.arrays
        grad_rows, grad_slopes = np.zeros(len(rows)), np.zeros((2, len(w2)))
        grad_w1, grad_b1, grad_w2, grad_b2, grad_w3, grad_b3 = map(np.empty_like, (w1, b1, w2, b2, w3, b3))
        grad_y = as_numpy(grad_output).reshape(-1, len(w2))
        for first, last in _blocks(z2):
            a1, grad_z2 = np.empty_like(z2[first:last]), np.empty_like(z2[first:last])
            _last_layer_backward(first, grad_y, z2, b2, slope2, w3, grad_z2, grad_b2, grad_slopes, grad_w3, grad_b3)
            _first_layer(first, rows, time, w1, b1, slope1, a1)
            a1_block, grad_z2_block = torch.from_numpy(a1), torch.from_numpy(grad_z2)
            torch.bmm(a1_block, grad_z2_block.transpose(1, 2), out=torch.from_numpy(grad_w2[first:last]))
            # The activations are not needed any more, so their gradient overwrites them.
            torch.bmm(torch.from_numpy(w2[first:last]), grad_z2_block, out=a1_block)
            _first_layer_backward(first, rows, time, w1, b1, slope1, a1, grad_w1, grad_b1, grad_slopes, grad_rows)
        grad_slope1, grad_slope2 = grad_slopes.astype(z2.dtype)
        grad_weights = (grad_w1, grad_b1, grad_slope1, grad_w2, grad_b2, grad_slope2, grad_w3, grad_b3)
        grad_curve = torch.from_numpy(grad_rows.astype(z2.dtype)).view(curve.shape)
        return grad_curve, *map(torch.from_numpy, grad_weights)


@cache
def _times(batch: int, n_frames: int, dtype: Any) -> Any:
    """The time in 0..1 of all frames of all clips (batch * frame)."""
    return np.tile(torch.linspace(0, 1, n_frames, dtype=torch.float64).numpy().astype(dtype), batch)


def _blocks(z2: Any) -> list[tuple[int, int]]:
    """First control of each block and the control after its last."""
    step = max(_BLOCK_SIZE // max(z2[0].size, 1), 1)
    return [(first, min(first + step, len(z2))) for first in range(0, len(z2), step)]


@kernel
@no_type_check
def _first_layer(first, curve, time, w1, b1, slope1, a1):
    """Fill the activations (control, hidden, row) of a block of controls."""
    zero = a1.dtype.type(0)
    for d in range(a1.shape[0]):
        slope = slope1[first + d]
        for j in range(a1.shape[1]):
            curve_weight, time_weight, bias = w1[first + d, 0, j], w1[first + d, 1, j], b1[first + d, 0, j]
            a1_row = a1[d, j]
            for row in range(a1.shape[2]):
                z = curve[row] * curve_weight + time[row] * time_weight + bias
                a1_row[row] = z if z > zero else slope * z


@kernel
@no_type_check
def _last_layer(first, last, z2, b2, slope2, w3, b3, y):
    """Fill a block of y (row, control) from z2 (control, hidden, row)."""
    total = np.empty(z2.shape[2], z2.dtype)
    zero = z2.dtype.type(0)
    for d in range(first, last):
        total[:] = b3[d, 0, 0]
        for j in range(z2.shape[1]):
            bias, weight = b2[d, 0, j], w3[d, j, 0]
            negative_weight = weight * slope2[d]
            z2_row = z2[d, j]
            for row in range(z2.shape[2]):
                z = z2_row[row] + bias
                total[row] += z * (weight if z > zero else negative_weight)
        for row in range(z2.shape[2]):
            y[row, d] = total[row]


@kernel
@no_type_check
def _last_layer_backward(first, grad_y, z2, b2, slope2, w3, grad_z2, grad_b2, grad_slopes, grad_w3, grad_b3):
    """Fill the gradients of a block of controls, but for the slopes, whose gradient it adds to."""
    n_rows = z2.shape[2]
    grad_row = np.empty(n_rows, z2.dtype)
    zero = z2.dtype.type(0)
    for d in range(first, first + grad_z2.shape[0]):
        slope, total = slope2[d], zero
        for row in range(n_rows):
            grad_row[row] = grad_y[row, d]
            total += grad_row[row]
        grad_b3[d, 0, 0] = total
        for j in range(z2.shape[1]):
            bias, weight = b2[d, 0, j], w3[d, j, 0]
            negative_weight = weight * slope
            z2_row, grad_z2_row = z2[d, j], grad_z2[d - first, j]
            grad_bias = positive_sum = negative_sum = zero
            for row in range(n_rows):
                z = z2_row[row] + bias
                negative_part = zero if z > zero else z
                positive_sum += grad_row[row] * (z - negative_part)
                negative_sum += grad_row[row] * negative_part
                grad_z = grad_row[row] * (weight if z > zero else negative_weight)
                grad_bias += grad_z
                grad_z2_row[row] = grad_z
            grad_b2[d, 0, j] = grad_bias
            grad_w3[d, j, 0] = positive_sum + slope * negative_sum
            grad_slopes[1, d] += np.float64(weight) * negative_sum


@kernel
@no_type_check
def _first_layer_backward(first, curve, time, w1, b1, slope1, grad_a1, grad_w1, grad_b1, grad_slopes, grad_curve):
    """Fill the gradients of a block's weights and biases; add to those of the slopes and the curve."""
    n_rows = grad_a1.shape[2]
    control_grad = np.empty(n_rows, grad_a1.dtype)
    zero, one = grad_a1.dtype.type(0), grad_a1.dtype.type(1)
    for d in range(first, first + grad_a1.shape[0]):
        slope = slope1[d]
        control_grad[:] = zero
        for j in range(grad_a1.shape[1]):
            curve_weight, time_weight, bias = w1[d, 0, j], w1[d, 1, j], b1[d, 0, j]
            grad_a1_row = grad_a1[d - first, j]
            grad_curve_weight = grad_time_weight = grad_bias = negative_sum = zero
            for row in range(n_rows):
                z = curve[row] * curve_weight + time[row] * time_weight + bias
                grad_z = grad_a1_row[row] * (one if z > zero else slope)
                negative_sum += grad_a1_row[row] * (zero if z > zero else z)
                grad_bias += grad_z
                grad_curve_weight += grad_z * curve[row]
                grad_time_weight += grad_z * time[row]
                control_grad[row] += grad_z * curve_weight
            grad_w1[d, 0, j], grad_w1[d, 1, j], grad_b1[d, 0, j] = grad_curve_weight, grad_time_weight, grad_bias
            grad_slopes[0, d] += negative_sum
        for row in range(n_rows):
            grad_curve[row] += control_grad[row]
