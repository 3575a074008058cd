"""Adapters: one modulation curve to the D controls of a learned module.

One small network per control, fed the curve's value and the time in 0..1: linear, PReLU, linear, PReLU, linear, hidden
size H = (2 + D) // 2. Reference: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.

    z1 = curve w1[0] + time w1[1] + b1,  z2 = prelu(z1) w2,  y = prelu(z2 + b2) w3 + b3

On the CPU frames lie last in memory, so that loops are long however few the hidden units, and as many controls at a
time as the cache holds go through all layers, the middle one as a matrix product of the library. Only z2 is kept for
the gradient; z1 is cheaper to compute again than to read.
"""

import math
from functools import cache
from typing import Any, cast, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, gradients_by_reference, has_kernel, kernel

_BLOCK = 1 << 17
"""Activations of one layer that are worked on at a time; two such blocks and more fit a core's cache."""


class Adapter(nn.Module):
    """D independent networks over (curve value, time)."""

    def __init__(self, n_controls: int) -> None:
        super().__init__()
        hidden = (2 + n_controls) // 2
        self.layers = nn.ModuleList(
            ParallelLinear(n_controls, n_in, n_out) for n_in, n_out in ((2, hidden), (hidden, hidden), (hidden, 1))
        )
        self.slopes = nn.ModuleList(nn.PReLU() for _ in range(2))

    def forward(self, curve: Float[Tensor, "batch frame"]) -> Float[Tensor, "batch frame control"]:
        first, middle, last = cast("list[ParallelLinear]", self.layers)
        slope1, slope2 = cast("list[nn.PReLU]", self.slopes)
        return adapt(
            curve,
            first.weight,
            first.bias,
            slope1.weight,
            middle.weight,
            middle.bias,
            slope2.weight,
            last.weight,
            last.bias,
        )


class ParallelLinear(nn.Module):
    """The weights of one linear layer per control, initialised like torch's own."""

    def __init__(self, n_parallel: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_parallel, n_in, n_out))
        self.bias = nn.Parameter(torch.empty(n_parallel, 1, n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)


def adapt(
    curve: Float[Tensor, "batch frame"],
    w1: Float[Tensor, "control 2 hidden"],
    b1: Float[Tensor, "control 1 hidden"],
    slope1: Float[Tensor, " 1"],
    w2: Float[Tensor, "control hidden hidden"],
    b2: Float[Tensor, "control 1 hidden"],
    slope2: Float[Tensor, " 1"],
    w3: Float[Tensor, "control hidden 1"],
    b3: Float[Tensor, "control 1 1"],
) -> Float[Tensor, "batch frame control"]:
    """All networks, each with weights of its own; the slopes are shared."""
    weights = (w1, b1, slope1, w2, b2, slope2, w3, b3)
    if not has_kernel(curve, *weights):
        return adapt_reference(curve, *weights)
    controls: Tensor = _Adapt.apply(curve, *weights)
    return controls


def adapt_reference(
    curve: Float[Tensor, "batch frame"],
    w1: Float[Tensor, "control 2 hidden"],
    b1: Float[Tensor, "control 1 hidden"],
    slope1: Float[Tensor, " 1"],
    w2: Float[Tensor, "control hidden hidden"],
    b2: Float[Tensor, "control 1 hidden"],
    slope2: Float[Tensor, " 1"],
    w3: Float[Tensor, "control hidden 1"],
    b3: Float[Tensor, "control 1 1"],
) -> Float[Tensor, "batch frame control"]:
    """The same by torch operations, all networks as one batched product."""
    batch, n_frames = curve.shape
    time = torch.linspace(0, 1, n_frames, dtype=curve.dtype, device=curve.device).expand(batch, -1)
    x = torch.stack([curve, time], -1).view(1, batch * n_frames, 2)
    x = F.prelu(torch.matmul(x, w1) + b1, slope1)
    x = F.prelu(torch.matmul(x, w2) + b2, slope2)
    x = torch.matmul(x, w3) + b3
    return x[..., 0].t().view(batch, n_frames, -1)


class _Adapt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, curve: Tensor, *weights: Tensor) -> Tensor:
        rows, time = array(curve).reshape(-1), _times(*curve.shape, array(curve).dtype)
        w1, b1, slope1, w2, b2, slope2, w3, b3 = ctx.arrays = [array(tensor) for tensor in weights]
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
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            return tuple(gradients_by_reference(adapt_reference, inputs, ctx.needs_input_grad, gradient))
        curve, z2 = inputs[0], kept.numpy()
        rows, time = array(curve).reshape(-1), _times(*curve.shape, z2.dtype)
        w1, b1, slope1, w2, b2, slope2, w3, b3 = ctx.arrays
        d_rows, d_slopes = np.zeros(len(rows)), np.zeros(2)
        d_w1, d_b1, d_w2, d_b2, d_w3, d_b3 = (np.empty_like(weight) for weight in (w1, b1, w2, b2, w3, b3))
        d_y = array(gradient).reshape(-1, len(w2))
        for first, last in _blocks(z2):
            a1, d_z2 = np.empty_like(z2[first:last]), np.empty_like(z2[first:last])
            _last_layer_backwards(first, d_y, z2, b2, slope2, w3, d_z2, d_b2, d_slopes, d_w3, d_b3)
            _first_layer(first, rows, time, w1, b1, slope1, a1)
            activation, pull = torch.from_numpy(a1), torch.from_numpy(d_z2)
            torch.bmm(activation, pull.transpose(1, 2), out=torch.from_numpy(d_w2[first:last]))
            torch.bmm(torch.from_numpy(w2[first:last]), pull, out=activation)
            _first_layer_backwards(first, rows, time, w1, b1, slope1, a1, d_w1, d_b1, d_slopes, d_rows)
        d_slope1, d_slope2 = d_slopes[:1].astype(z2.dtype), d_slopes[1:].astype(z2.dtype)
        found = (d_rows.astype(z2.dtype), d_w1, d_b1, d_slope1, d_w2, d_b2, d_slope2, d_w3, d_b3)
        d_curve, *d_weights = map(torch.from_numpy, found)
        return d_curve.view(curve.shape), *d_weights


@cache
def _times(batch: int, n_frames: int, dtype: Any) -> Any:
    """The time of all frames of all clips, one after the other."""
    return np.tile(torch.linspace(0, 1, n_frames, dtype=torch.float64).numpy().astype(dtype), batch)


def _blocks(z2: Any) -> list[tuple[int, int]]:
    """First control and the one after the last of each block."""
    step = max(_BLOCK // max(z2[0].size, 1), 1)
    return [(first, min(first + step, len(z2))) for first in range(0, len(z2), step)]


@kernel
@no_type_check
def _first_layer(first, curve, time, w1, b1, slope1, a1):
    """Fill the activations (control, hidden, row) of a block of controls."""
    slope, zero = slope1[0], a1.dtype.type(0)
    for d in range(a1.shape[0]):
        for j in range(a1.shape[1]):
            by_curve, by_time, bias = w1[first + d, 0, j], w1[first + d, 1, j], b1[first + d, 0, j]
            a1_ = a1[d, j]
            for row in range(a1.shape[2]):
                z = curve[row] * by_curve + time[row] * by_time + bias
                a1_[row] = z if z > zero else slope * z


@kernel
@no_type_check
def _last_layer(first, last, z2, b2, slope2, w3, b3, y):
    """Fill a block of y (row, control) from z2 (control, hidden, row)."""
    total = np.empty(z2.shape[2], z2.dtype)
    zero = z2.dtype.type(0)
    for d in range(first, last):
        total[:] = b3[d, 0, 0]
        for j in range(z2.shape[1]):
            bias, above = b2[d, 0, j], w3[d, j, 0]
            below = above * slope2[0]
            z2_ = z2[d, j]
            for row in range(z2.shape[2]):
                z = z2_[row] + bias
                total[row] += z * (above if z > zero else below)
        for row in range(z2.shape[2]):
            y[row, d] = total[row]


@kernel
@no_type_check
def _last_layer_backwards(first, d_y, z2, b2, slope2, w3, d_z2, d_b2, d_slopes, d_w3, d_b3):
    """Fill the gradients of a block but the slope's, which is added to."""
    n_rows = z2.shape[2]
    pull = np.empty(n_rows, z2.dtype)
    slope, zero = slope2[0], z2.dtype.type(0)
    for d in range(first, first + d_z2.shape[0]):
        total = zero
        for row in range(n_rows):
            pull[row] = d_y[row, d]
            total += pull[row]
        d_b3[d, 0, 0] = total
        for j in range(z2.shape[1]):
            bias, above = b2[d, 0, j], w3[d, j, 0]
            below = above * slope
            z2_, d_z2_ = z2[d, j], d_z2[d - first, j]
            by_bias = by_above = by_below = zero
            for row in range(n_rows):
                z = z2_[row] + bias
                low = zero if z > zero else z
                by_above += pull[row] * (z - low)
                by_below += pull[row] * low
                dz = pull[row] * (above if z > zero else below)
                by_bias += dz
                d_z2_[row] = dz
            d_b2[d, 0, j] = by_bias
            d_w3[d, j, 0] = by_above + slope * by_below
            d_slopes[1] += np.float64(above) * by_below


@kernel
@no_type_check
def _first_layer_backwards(first, curve, time, w1, b1, slope1, d_a1, d_w1, d_b1, d_slopes, d_curve):
    """Fill the gradients of a block's weights and biases, and add to those of the slope and the curve."""
    n_rows = d_a1.shape[2]
    by_row = np.empty(n_rows, d_a1.dtype)
    slope, zero, one = slope1[0], d_a1.dtype.type(0), d_a1.dtype.type(1)
    for d in range(first, first + d_a1.shape[0]):
        by_row[:] = zero
        for j in range(d_a1.shape[1]):
            by_curve, by_time, bias = w1[d, 0, j], w1[d, 1, j], b1[d, 0, j]
            d_a1_ = d_a1[d - first, j]
            along_curve = along_time = by_bias = by_below = zero
            for row in range(n_rows):
                z = curve[row] * by_curve + time[row] * by_time + bias
                dz = d_a1_[row] * (one if z > zero else slope)
                by_below += d_a1_[row] * (zero if z > zero else z)
                by_bias += dz
                along_curve += dz * curve[row]
                along_time += dz * time[row]
                by_row[row] += dz * by_curve
            d_w1[d, 0, j], d_w1[d, 1, j], d_b1[d, 0, j] = along_curve, along_time, by_bias
            d_slopes[0] += by_below
        for row in range(n_rows):
            d_curve[row] += by_row[row]
