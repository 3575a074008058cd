"""A time-varying biquad with a gain, given at frame rate: interpolation, recursion and gain in one pass.

    v[n] = x[n] - a1[n] v[n-1] - a2[n] v[n-2]
    y[n] = (b0[n] v[n] + b1[n] v[n-1] + b2[n] v[n-2]) gain[n]

The six coefficients are interpolated linearly between frames inside the loop, and their gradients are summed per frame
there, so that v is the only intermediate result at audio rate. The gradient is the transposed recursion in reversed
time, with s the gradient of the FIR's output:

    s[n] = grad_y[n] gain[n]
    grad_v[n] = s[n] b0[n] + s[n+1] b1[n+1] + s[n+2] b2[n+2] - a1[n+1] grad_v[n+1] - a2[n+2] grad_v[n+2]
    grad_x = grad_v,  grad_a_i[n] = -grad_v[n] v[n-i],  grad_b_i[n] = s[n] v[n-i]

Reference of recursion and gradient: Yu and Fazekas (2024), arXiv 2404.07970. The slow reference of the recursion is
`core.ops.all_pole`.
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.ops.all_pole import all_pole
from core.ops.compiling import as_numpy, double_backward, kernel, recursive_kernel, use_kernel
from core.ops.frames import check_cover, to_samples


def biquad(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch frame 3"],
    a: Float[Tensor, "batch frame 2"],
    gain: Float[Tensor, "batch frame"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """The filtered audio times the gain, from zero state; coefficients per frame (a0 = 1), interpolated to samples.

    Coefficients inside the stability triangle at every sample do not by themselves bound a fast-varying filter.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(b.shape[1], hop_length, audio.shape[1])
    if not use_kernel(audio, b, a, gain):
        return biquad_reference(audio, b, a, gain, hop_length)
    filtered: Tensor = _Biquad.apply(audio, b, a, gain, hop_length)
    return filtered


def biquad_reference(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch frame 3"],
    a: Float[Tensor, "batch frame 2"],
    gain: Float[Tensor, "batch frame"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`biquad` in torch operations."""
    frames = torch.cat([b, a, gain[..., None]], -1).transpose(1, 2)
    sampled = to_samples(frames, hop_length, audio.shape[1]).transpose(1, 2)
    return time_varying_biquad(audio, sampled[..., :3], sampled[..., 3:5]) * sampled[..., 5]


def time_varying_biquad(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch sample 3"],
    a: Float[Tensor, "batch sample 2"],
) -> Float[Tensor, "batch sample"]:
    """The filtered audio, from zero state, with coefficients per sample (a0 = 1)."""
    v = all_pole(audio, a)
    delayed = F.pad(v, (2, 0))
    filtered: Tensor = torch.linalg.vecdot(b, torch.stack([v, delayed[:, 1:-1], delayed[:, :-2]], -1))
    return filtered


class _Biquad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, b: Tensor, a: Tensor, gain: Tensor, hop_length: int) -> Tensor:
        x = as_numpy(audio)
        y, v = np.empty_like(x), np.empty((x.shape[0], x.shape[1] + 2), x.dtype)
        _filter(x, as_numpy(b), as_numpy(a), as_numpy(gain), hop_length, y, v)
        ctx.save_for_backward(audio, b, a, gain, torch.from_numpy(v))
        ctx.hop_length = hop_length
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        audio, b, a, gain, v = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda x, b, a, gain: biquad_reference(x, b, a, gain, ctx.hop_length),
                (audio, b, a, gain),
                ctx.needs_input_grad[:4],
                grad_output,
            )
            return *grads, None
        frames = as_numpy(b), as_numpy(a), as_numpy(gain)
        grad_y = as_numpy(grad_output)
        grad_x, *grad_frames = np.empty_like(grad_y), *map(np.zeros_like, frames)
        _filter_backward(grad_y, *frames, ctx.hop_length, v.numpy(), grad_x, *grad_frames)
        return *map(torch.from_numpy, (grad_x, *grad_frames)), None


@kernel
@no_type_check
def _interpolate(start_value, end_value, fraction, size, samples):
    """Fill the samples between two frames."""
    difference = end_value - start_value
    for n in range(size):
        samples[n] = start_value + difference * fraction[n]


@recursive_kernel
@no_type_check
def _recur(x, a1, a2, size, v):
    """v[n + 2] = x[n] - a1[n] v[n + 1] - a2[n] v[n], ordered so that v[n + 1] enters in the last multiply-add."""
    v1, v2 = v[1], v[0]
    for n in range(size):
        v0 = (x[n] - a2[n] * v2) - a1[n] * v1
        v[n + 2] = v0
        v2 = v1
        v1 = v0


@kernel
@no_type_check
def _filter(x, b, a, gain, hop_length, y, v):
    """Fill y, and v with two zeros in front."""
    n_samples = x.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(x.dtype)
    a1, a2 = np.empty(hop_length, x.dtype), np.empty(hop_length, x.dtype)
    for clip in range(x.shape[0]):
        v[clip, :2] = 0
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            x_, y_, v_ = x[clip, start : start + size], y[clip, start : start + size], v[clip, start : start + size + 2]
            _interpolate(a[clip, frame, 0], a[clip, frame + 1, 0], fraction, size, a1)
            _interpolate(a[clip, frame, 1], a[clip, frame + 1, 1], fraction, size, a2)
            _recur(x_, a1, a2, size, v_)
            b_start, b_end = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, g = b_start[0], b_start[1], b_start[2], gain[clip, frame]
            b0_rise, b1_rise, b2_rise = b_end[0] - b0, b_end[1] - b1, b_end[2] - b2
            g_rise = gain[clip, frame + 1] - g
            for n in range(size):
                f = fraction[n]
                fir = (b0 + f * b0_rise) * v_[n + 2] + (b1 + f * b1_rise) * v_[n + 1] + (b2 + f * b2_rise) * v_[n]
                y_[n] = fir * (g + f * g_rise)


@recursive_kernel
@no_type_check
def _recur_backward(source, a1, a2, size, grad_v):
    """grad_v[n] = source[n] - a1[n + 1] grad_v[n + 1] - a2[n + 2] grad_v[n + 2], from the last to the first."""
    next1, next2 = grad_v[size], grad_v[size + 1]
    for n in range(size - 1, -1, -1):
        current = (source[n] - a2[n + 2] * next2) - a1[n + 1] * next1
        grad_v[n] = current
        next2 = next1
        next1 = current


@kernel
@no_type_check
def _filter_backward(grad_y, b, a, gain, hop_length, v, grad_x, grad_b, grad_a, grad_gain):
    """Fill grad_x, and add to the gradients of the frames.

    A coefficient at fraction f of a hop is (1 - f) times that of its start frame plus f times that of its end frame.
    So each gradient is summed twice per hop, as it is and weighted by f ("_ramp"): the end frame receives the weighted
    sum, the start frame the rest.
    """
    n_samples = grad_y.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(grad_y.dtype)
    grad_fir, source = np.empty(hop_length, grad_y.dtype), np.empty(hop_length, grad_y.dtype)
    # After a frame's samples, these hold the first two of the frame that follows.
    delayed1, delayed2 = np.empty(hop_length + 2, grad_y.dtype), np.empty(hop_length + 2, grad_y.dtype)
    a1, a2, grad_v = np.empty_like(delayed1), np.empty_like(delayed1), np.empty_like(delayed1)
    for clip in range(grad_y.shape[0]):
        for buffer in (delayed1, delayed2, a1, a2, grad_v):
            buffer[:2] = 0
        for frame in range((n_samples + hop_length - 1) // hop_length - 1, -1, -1):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            grad_y_, grad_x_ = grad_y[clip, start : start + size], grad_x[clip, start : start + size]
            v_ = v[clip, start : start + size + 2]
            for buffer in (delayed1, delayed2, a1, a2, grad_v):
                buffer[size + 1] = buffer[1]
                buffer[size] = buffer[0]
            _interpolate(a[clip, frame, 0], a[clip, frame + 1, 0], fraction, size, a1)
            _interpolate(a[clip, frame, 1], a[clip, frame + 1, 1], fraction, size, a2)
            b_start, b_end = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, g = b_start[0], b_start[1], b_start[2], gain[clip, frame]
            b0_rise, b1_rise, b2_rise = b_end[0] - b0, b_end[1] - b1, b_end[2] - b2
            g_rise = gain[clip, frame + 1] - g
            for n in range(size):
                f = fraction[n]
                grad_fir[n] = grad_y_[n] * (g + f * g_rise)
                source[n] = grad_fir[n] * (b0 + f * b0_rise)
                delayed1[n] = grad_fir[n] * (b1 + f * b1_rise)
                delayed2[n] = grad_fir[n] * (b2 + f * b2_rise)
            for n in range(size):
                source[n] += delayed1[n + 1] + delayed2[n + 2]
            _recur_backward(source, a1, a2, size, grad_v)
            zero = grad_y.dtype.type(0)
            grad_b0 = grad_b1 = grad_b2 = grad_a1 = grad_a2 = grad_g = zero
            grad_b0_ramp = grad_b1_ramp = grad_b2_ramp = grad_a1_ramp = grad_a2_ramp = grad_g_ramp = zero
            for n in range(size):
                f = fraction[n]
                grad_x_[n] = grad_v[n]
                v0, v1, v2 = v_[n + 2], v_[n + 1], v_[n]
                fir = (b0 + f * b0_rise) * v0 + (b1 + f * b1_rise) * v1 + (b2 + f * b2_rise) * v2
                grad_b0 += grad_fir[n] * v0
                grad_b1 += grad_fir[n] * v1
                grad_b2 += grad_fir[n] * v2
                grad_a1 -= grad_v[n] * v1
                grad_a2 -= grad_v[n] * v2
                grad_g += grad_y_[n] * fir
                grad_b0_ramp += f * (grad_fir[n] * v0)
                grad_b1_ramp += f * (grad_fir[n] * v1)
                grad_b2_ramp += f * (grad_fir[n] * v2)
                grad_a1_ramp -= f * (grad_v[n] * v1)
                grad_a2_ramp -= f * (grad_v[n] * v2)
                grad_g_ramp += f * (grad_y_[n] * fir)
            for i, (total, ramp_weighted) in enumerate(
                ((grad_b0, grad_b0_ramp), (grad_b1, grad_b1_ramp), (grad_b2, grad_b2_ramp))
            ):
                grad_b[clip, frame, i] += total - ramp_weighted
                grad_b[clip, frame + 1, i] += ramp_weighted
            for i, (total, ramp_weighted) in enumerate(((grad_a1, grad_a1_ramp), (grad_a2, grad_a2_ramp))):
                grad_a[clip, frame, i] += total - ramp_weighted
                grad_a[clip, frame + 1, i] += ramp_weighted
            grad_gain[clip, frame] += grad_g - grad_g_ramp
            grad_gain[clip, frame + 1] += grad_g_ramp
