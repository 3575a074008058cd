"""The layers between two convolutions of LFO-net in two passes over memory: max-pool, PReLU, layer norm.

    z = max of mel bands 2 m and 2 m + 1,  a = z where z > 0, else slope z
    n = (a - mean) / sqrt(variance + 1e-5), over the mel bands and frames of each clip and channel, without weights

Saved for the gradient are z, n and which band is the maximum; separate layers would save the input, a copy per layer
and 64-bit indices. Memory is channels last. Reference of the layers: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel

_EPS = 1e-5


def pool_activate(
    x: Float[Tensor, "batch channel mel frame"], slope: Float[Tensor, " channel"], *, normalise: bool
) -> Float[Tensor, "batch channel half frame"]:
    """Max-pool over pairs of mel bands, PReLU and, with `normalise`, layer norm over (mel, frame)."""
    if not use_kernel(x, slope):
        return pool_activate_reference(x, slope, normalise)
    output: Tensor = _PoolActivate.apply(x, slope, normalise)[0]
    return output


def pool_activate_reference(
    x: Float[Tensor, "batch channel mel frame"], slope: Float[Tensor, " channel"], normalise: bool
) -> Float[Tensor, "batch channel half frame"]:
    """`pool_activate` in torch operations."""
    return _activate_reference(F.max_pool2d(x, (2, 1)), slope, normalise)


def _activate_reference(
    z: Float[Tensor, "batch channel half frame"], slope: Float[Tensor, " channel"], normalise: bool
) -> Float[Tensor, "batch channel half frame"]:
    """The layers after the max-pool."""
    activated = F.prelu(z, slope)
    return F.layer_norm(activated, activated.shape[-2:], eps=_EPS) if normalise else activated


def _unpool(
    grad_z: Float[Tensor, "batch channel half frame"], is_second: Bool[Tensor, "batch half frame channel"], n_mels: int
) -> Float[Tensor, "batch channel mel frame"]:
    """The gradient of the input of the max-pool."""
    is_second = is_second.permute(0, 3, 1, 2)
    pairs = torch.stack([grad_z.masked_fill(is_second, 0), grad_z.masked_fill(~is_second, 0)], 3).flatten(2, 3)
    return F.pad(pairs, (0, 0, 0, n_mels - pairs.shape[2]))


class _PoolActivate(torch.autograd.Function):
    """Its outputs are the result and z.

    The second derivative goes through z instead of x, so that x, which is twice the size of z, is not saved.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, normalise: bool) -> tuple[Tensor, Tensor]:
        rows = _channels_last(x)
        batch, n_mels, n_frames, channels = rows.shape
        z = np.empty((batch, n_mels // 2, n_frames, channels), rows.dtype)
        normalised, is_second = np.empty_like(z), np.empty(z.shape, np.bool_)
        scale = np.ones((batch, channels), rows.dtype)
        _pool(rows, as_numpy(slope), normalise, _EPS, z, is_second, normalised, scale)
        output, pooled = (torch.from_numpy(array).permute(0, 3, 1, 2) for array in (normalised, z))
        ctx.save_for_backward(slope, pooled, torch.from_numpy(is_second), torch.from_numpy(scale), output)
        ctx.normalise, ctx.n_mels = normalise, n_mels
        ctx.set_materialize_grads(False)
        return output, pooled

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor | None, grad_z: Tensor | None) -> tuple[Tensor | None, ...]:
        slope, z, is_second, scale, output = ctx.saved_tensors
        grad_x = grad_slope = None
        if grad_output is not None and torch.is_grad_enabled():
            grad_pooled, grad_slope = double_backward(
                lambda z, slope: _activate_reference(z, slope, ctx.normalise),
                (z, slope),
                (True, ctx.needs_input_grad[1]),
                grad_output,
            )
            assert grad_pooled is not None
            grad_x = _unpool(grad_pooled, is_second, ctx.n_mels)
        elif grad_output is not None:
            grad_x, grad_slope = _backward(grad_output, slope, z, is_second, scale, output, ctx.normalise, ctx.n_mels)
        if grad_z is not None:
            grad_pooled_x = _unpool(grad_z, is_second, ctx.n_mels)
            grad_x = grad_pooled_x if grad_x is None else grad_x + grad_pooled_x
        return grad_x, grad_slope, None


def _backward(
    grad_output: Tensor,
    slope: Tensor,
    z: Tensor,
    is_second: Tensor,
    scale: Tensor,
    output: Tensor,
    normalise: bool,
    n_mels: int,
) -> tuple[Tensor, Tensor]:
    """Gradients of x and the slope."""
    batch, n_halves, n_frames, channels = is_second.shape
    grad_x = np.empty((batch, n_mels, n_frames, channels), scale.numpy().dtype)
    grad_x[:, 2 * n_halves :] = 0
    grad_slope = np.zeros(channels)
    _pool_backward(
        _channels_last(grad_output),
        as_numpy(slope),
        normalise,
        _channels_last(output),
        _channels_last(z),
        is_second.numpy(),
        scale.numpy(),
        grad_x,
        grad_slope,
    )
    return torch.from_numpy(grad_x).permute(0, 3, 1, 2), torch.from_numpy(grad_slope).to(slope.dtype)


def _channels_last(x: Tensor) -> Any:
    """The tensor as an array (batch, mel, frame, channel); no copy where memory is channels last."""
    return as_numpy(x.permute(0, 2, 3, 1))


@kernel
@no_type_check
def _pool(x, slope, normalise, eps, z, is_second, normalised, scale):
    """Fill z, whether the second band is the maximum, the result and, with `normalise`, 1 / standard deviation.

    Frames and channels of a band are one row, so that loops are long for any number of channels.
    """
    batch, n_halves, n_frames, channels = z.shape
    size = n_frames * channels
    slopes, row_scale, shift = np.empty(size, x.dtype), np.empty(size, x.dtype), np.empty(size, x.dtype)
    total, squares = np.empty(size, x.dtype), np.empty(size, x.dtype)
    zero = x.dtype.type(0)
    for i in range(size):
        slopes[i] = slope[i % channels]
    for clip in range(batch):
        total[:] = 0
        squares[:] = 0
        for half in range(n_halves):
            first, second = x[clip, 2 * half].reshape(-1), x[clip, 2 * half + 1].reshape(-1)
            z_row, is_second_row = z[clip, half].reshape(-1), is_second[clip, half].reshape(-1)
            a_row = normalised[clip, half].reshape(-1)
            for i in range(size):
                # NaN is the maximum, as in torch.
                takes_second = (second[i] > first[i]) | (second[i] != second[i])
                value = second[i] if takes_second else first[i]
                is_second_row[i] = takes_second
                z_row[i] = value
                a_row[i] = value if value > zero else slopes[i] * value
            if normalise:
                for i in range(size):
                    total[i] += a_row[i]
                    squares[i] += a_row[i] * a_row[i]
        if not normalise:
            continue
        n = n_halves * n_frames
        for c in range(channels):
            channel_total = channel_squares = 0.0
            for i in range(c, size, channels):
                channel_total += total[i]
                channel_squares += squares[i]
            mean = channel_total / n
            inverse = 1 / np.sqrt(max(channel_squares / n - mean * mean, 0.0) + eps)
            scale[clip, c] = inverse
            for i in range(c, size, channels):
                row_scale[i], shift[i] = inverse, -mean * inverse
        for half in range(n_halves):
            a_row = normalised[clip, half].reshape(-1)
            for i in range(size):
                a_row[i] = a_row[i] * row_scale[i] + shift[i]


@kernel
@no_type_check
def _pool_backward(grad_output, slope, normalise, normalised, z, is_second, scale, grad_x, grad_slope):
    """Fill grad_x except for the last of an odd number of bands, and add to grad_slope."""
    batch, n_halves, n_frames, channels = z.shape
    size = n_frames * channels
    slopes, row_scale = np.empty(size, grad_output.dtype), np.ones(size, grad_output.dtype)
    # Means over (mel, frame) of the gradient and of its product with the result; zero without the norm.
    mean, dot = np.zeros(size, grad_output.dtype), np.zeros(size, grad_output.dtype)
    slope_sum = np.zeros(size, grad_output.dtype)
    zero = grad_output.dtype.type(0)
    for i in range(size):
        slopes[i] = slope[i % channels]
    for clip in range(batch):
        if normalise:
            mean[:] = 0
            dot[:] = 0
            for half in range(n_halves):
                grad_row, n_row = grad_output[clip, half].reshape(-1), normalised[clip, half].reshape(-1)
                for i in range(size):
                    mean[i] += grad_row[i]
                    dot[i] += grad_row[i] * n_row[i]
            for c in range(channels):
                channel_mean = channel_dot = 0.0
                for i in range(c, size, channels):
                    channel_mean += mean[i]
                    channel_dot += dot[i]
                for i in range(c, size, channels):
                    row_scale[i] = scale[clip, c]
                    mean[i] = channel_mean / (n_halves * n_frames)
                    dot[i] = channel_dot / (n_halves * n_frames)
        for half in range(n_halves):
            grad_row, n_row = grad_output[clip, half].reshape(-1), normalised[clip, half].reshape(-1)
            z_row, is_second_row = z[clip, half].reshape(-1), is_second[clip, half].reshape(-1)
            grad_first, grad_second = grad_x[clip, 2 * half].reshape(-1), grad_x[clip, 2 * half + 1].reshape(-1)
            for i in range(size):
                grad_a = row_scale[i] * ((grad_row[i] - mean[i]) - dot[i] * n_row[i])
                is_positive = z_row[i] > zero
                slope_sum[i] += zero if is_positive else grad_a * z_row[i]
                grad_z = grad_a if is_positive else grad_a * slopes[i]
                grad_first[i] = zero if is_second_row[i] else grad_z
                grad_second[i] = grad_z if is_second_row[i] else zero
    for i in range(size):
        grad_slope[i % channels] += slope_sum[i]
