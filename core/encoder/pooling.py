"""What stands between two convolutions of LFO-net, in two passes over memory: max-pool, PReLU, layer norm.

    z = max of mel bands 2 m and 2 m + 1,  a = z where z > 0, else slope z
    n = (a - mean) / sqrt(variance + 1e-5), over the mel bands and frames of each clip and channel, without weights

Only z, n and which band won are kept for the gradient, where separate layers keep a copy each and 64-bit places; so
there is no double backward: nothing differentiates an encoder twice.
Channels lie last in memory. Reference of the layers: Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.kernels import array, has_kernel, kernel

_EPS = 1e-5


def pool_activate(
    x: Float[Tensor, "batch channel mel frame"], slope: Float[Tensor, " channel"], *, normalise: bool
) -> Float[Tensor, "batch channel half frame"]:
    """Max-pool over pairs of mel bands, PReLU, and, where `normalise`, layer norm over (mel, frame)."""
    if not has_kernel(x, slope):
        return pool_activate_reference(x, slope, normalise)
    pooled: Tensor = _PoolActivate.apply(x, slope, normalise)
    return pooled


def pool_activate_reference(
    x: Float[Tensor, "batch channel mel frame"], slope: Float[Tensor, " channel"], normalise: bool
) -> Float[Tensor, "batch channel half frame"]:
    """The same by torch operations."""
    activated = F.prelu(F.max_pool2d(x, (2, 1)), slope)
    return F.layer_norm(activated, activated.shape[-2:], eps=_EPS) if normalise else activated


class _PoolActivate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, normalise: bool) -> Tensor:
        rows = _channels_last(x)
        batch, n_mels, n_frames, channels = rows.shape
        z = np.empty((batch, n_mels // 2, n_frames, channels), rows.dtype)
        out, second = np.empty_like(z), np.empty(z.shape, np.bool_)
        scale = np.ones((batch, channels), rows.dtype)
        _pool(rows, array(slope), normalise, _EPS, z, second, out, scale)
        result = torch.from_numpy(out).permute(0, 3, 1, 2)
        ctx.save_for_backward(slope, *map(torch.from_numpy, (z, second, scale)), result)
        ctx.normalise, ctx.n_mels = normalise, n_mels
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        slope, z, second, scale, result = ctx.saved_tensors
        batch, _, n_frames, channels = z.shape
        d_x = np.empty((batch, ctx.n_mels, n_frames, channels), z.numpy().dtype)
        d_x[:, 2 * z.shape[1] :] = 0
        d_slope = np.zeros(channels)
        _pool_backwards(
            _channels_last(gradient),
            array(slope),
            ctx.normalise,
            _channels_last(result),
            *(saved.numpy() for saved in (z, second, scale)),
            d_x,
            d_slope,
        )
        return torch.from_numpy(d_x).permute(0, 3, 1, 2), torch.from_numpy(d_slope).to(slope.dtype), None


def _channels_last(x: Tensor) -> Any:
    """(batch, mel, frame, channel); a view where the memory is in that order."""
    return array(x.permute(0, 2, 3, 1))


@kernel
@no_type_check
def _pool(x, slope, normalise, eps, z, second, out, scale):
    """Fill z, which band won, the result, and each clip's and channel's 1 / standard deviation where it is asked for.

    Frames and channels of a band are one row, so that vectors are long whatever the number of channels.
    """
    batch, n_halves, n_frames, channels = z.shape
    size = n_frames * channels
    slopes, by, shift = np.empty(size, x.dtype), np.empty(size, x.dtype), np.empty(size, x.dtype)
    total, squares = np.empty(size, x.dtype), np.empty(size, x.dtype)
    zero = x.dtype.type(0)
    for i in range(size):
        slopes[i] = slope[i % channels]
    for clip in range(batch):
        total[:] = 0
        squares[:] = 0
        for half in range(n_halves):
            first, last = x[clip, 2 * half].reshape(-1), x[clip, 2 * half + 1].reshape(-1)
            z_, won, a_ = z[clip, half].reshape(-1), second[clip, half].reshape(-1), out[clip, half].reshape(-1)
            for i in range(size):
                # What is not a number wins, as in the library.
                wins = (last[i] > first[i]) | (last[i] != last[i])
                value = last[i] if wins else first[i]
                won[i] = wins
                z_[i] = value
                a_[i] = value if value > zero else slopes[i] * value
            if normalise:
                for i in range(size):
                    total[i] += a_[i]
                    squares[i] += a_[i] * a_[i]
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
                by[i], shift[i] = inverse, -mean * inverse
        for half in range(n_halves):
            a_ = out[clip, half].reshape(-1)
            for i in range(size):
                a_[i] = a_[i] * by[i] + shift[i]


@kernel
@no_type_check
def _pool_backwards(g, slope, normalise, n, z, second, scale, d_x, d_slope):
    """Fill d_x but for a band without a partner, and add to d_slope."""
    batch, n_halves, n_frames, channels = z.shape
    size = n_frames * channels
    slopes, by = np.empty(size, g.dtype), np.ones(size, g.dtype)
    mean, along, pull = np.zeros(size, g.dtype), np.zeros(size, g.dtype), np.zeros(size, g.dtype)
    zero = g.dtype.type(0)
    for i in range(size):
        slopes[i] = slope[i % channels]
    for clip in range(batch):
        if normalise:
            mean[:] = 0
            along[:] = 0
            for half in range(n_halves):
                g_, n_ = g[clip, half].reshape(-1), n[clip, half].reshape(-1)
                for i in range(size):
                    mean[i] += g_[i]
                    along[i] += g_[i] * n_[i]
            for c in range(channels):
                channel_mean = channel_along = 0.0
                for i in range(c, size, channels):
                    channel_mean += mean[i]
                    channel_along += along[i]
                for i in range(c, size, channels):
                    by[i] = scale[clip, c]
                    mean[i] = channel_mean / (n_halves * n_frames)
                    along[i] = channel_along / (n_halves * n_frames)
        for half in range(n_halves):
            g_, n_, z_ = g[clip, half].reshape(-1), n[clip, half].reshape(-1), z[clip, half].reshape(-1)
            won = second[clip, half].reshape(-1)
            first, last = d_x[clip, 2 * half].reshape(-1), d_x[clip, 2 * half + 1].reshape(-1)
            for i in range(size):
                # Without a norm, by is 1 and the others are 0.
                da = by[i] * ((g_[i] - mean[i]) - along[i] * n_[i])
                positive = z_[i] > zero
                pull[i] += zero if positive else da * z_[i]
                dz = da if positive else da * slopes[i]
                first[i] = zero if won[i] else dz
                last[i] = dz if won[i] else zero
    for i in range(size):
        d_slope[i % channels] += pull[i]
