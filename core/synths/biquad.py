"""A time-varying biquad with a gain, given at frame rate: interpolation, recursion and gain in one pass.

    v[n] = x[n] - a1[n] v[n-1] - a2[n] v[n-2]
    y[n] = (b0[n] v[n] + b1[n] v[n-1] + b2[n] v[n-2]) gain[n]

The six coefficients are interpolated linearly between frames inside the loop, and their gradients are summed per frame
there, so nothing but v is ever kept at audio rate. The gradient runs the transposed recursion backwards:

    s[n] = g[n] gain[n],  dv[n] = s[n] b0[n] + s[n+1] b1[n+1] + s[n+2] b2[n+2] - a1[n+1] dv[n+1] - a2[n+2] dv[n+2]
    dx = dv,  da_i[n] = -dv[n] v[n-i],  db_i[n] = s[n] v[n-i]

Reference of recursion and gradient: Yu and Fazekas (2024), arXiv 2404.07970, whose torchlpc is the slow reference here.
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.kernels import array, gradients_by_reference, has_kernel, kernel, recursion
from core.signal import check_cover, to_samples


def biquad(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch frame 3"],
    a: Float[Tensor, "batch frame 2"],
    gain: Float[Tensor, "batch frame"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """Filter from silence with coefficients of each frame (a0 = 1), interpolated to samples, then apply the gain.

    Coefficients inside the stability triangle at every sample do not by themselves bound a fast-varying filter.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(b.shape[1], hop_length, audio.shape[1])
    if not has_kernel(audio, b, a, gain):
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
    """The same by torch operations."""
    frames = torch.cat([b, a, gain[..., None]], -1).transpose(1, 2)
    sampled = to_samples(frames, hop_length, audio.shape[1]).transpose(1, 2)
    return time_varying_biquad(audio, sampled[..., :3], sampled[..., 3:5]) * sampled[..., 5]


def time_varying_biquad(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch sample 3"],
    a: Float[Tensor, "batch sample 2"],
) -> Float[Tensor, "batch sample"]:
    """Filter with coefficients of their own for every sample (a0 = 1), from silence; torchlpc has a CUDA kernel."""
    # Its loops are compiled at import, which processes that only use the kernel are spared.
    from torchlpc import sample_wise_lpc

    v: Tensor = sample_wise_lpc(audio, a.contiguous())
    delayed = F.pad(v, (2, 0))
    filtered: Tensor = torch.linalg.vecdot(b, torch.stack([v, delayed[:, 1:-1], delayed[:, :-2]], -1))
    return filtered


class _Biquad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, b: Tensor, a: Tensor, gain: Tensor, hop_length: int) -> Tensor:
        x = array(audio)
        y, v = np.empty_like(x), np.empty((x.shape[0], x.shape[1] + 2), x.dtype)
        _filter(x, array(b), array(a), array(gain), hop_length, y, v)
        ctx.save_for_backward(audio, b, a, gain, torch.from_numpy(v))
        ctx.hop_length = hop_length
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        audio, b, a, gain, v = ctx.saved_tensors
        if torch.is_grad_enabled():
            found = gradients_by_reference(
                lambda x, b, a, gain: biquad_reference(x, b, a, gain, ctx.hop_length),
                (audio, b, a, gain),
                ctx.needs_input_grad[:4],
                gradient,
            )
            return *found, None
        frames = array(b), array(a), array(gain)
        g = array(gradient)
        dx, *found = np.empty_like(g), *map(np.zeros_like, frames)
        _filter_backwards(g, *frames, ctx.hop_length, v.numpy(), dx, *found)
        return *map(torch.from_numpy, (dx, *found)), None


@kernel
@no_type_check
def _interpolate(at, to, fraction, size, samples):
    """From one frame to the next."""
    by = to - at
    for n in range(size):
        samples[n] = at + by * fraction[n]


@recursion
@no_type_check
def _recur(x, a1, a2, size, v):
    """v[n + 2] = x[n] - a1[n] v[n + 1] - a2[n] v[n]; each waits for one product with the one before, not for two."""
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
            at, to = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, e = at[0], at[1], at[2], gain[clip, frame]
            b0_by, b1_by, b2_by, e_by = to[0] - b0, to[1] - b1, to[2] - b2, gain[clip, frame + 1] - e
            for n in range(size):
                f = fraction[n]
                fir = (b0 + f * b0_by) * v_[n + 2] + (b1 + f * b1_by) * v_[n + 1] + (b2 + f * b2_by) * v_[n]
                y_[n] = fir * (e + f * e_by)


@recursion
@no_type_check
def _recur_backwards(s, a1, a2, size, dv):
    """dv[n] = s[n] - a1[n + 1] dv[n + 1] - a2[n + 2] dv[n + 2], from the last to the first."""
    dv1, dv2 = dv[size], dv[size + 1]
    for n in range(size - 1, -1, -1):
        dv0 = (s[n] - a2[n + 2] * dv2) - a1[n + 1] * dv1
        dv[n] = dv0
        dv2 = dv1
        dv1 = dv0


@kernel
@no_type_check
def _filter_backwards(g, b, a, gain, hop_length, v, dx, db, da, dgain):
    """Fill dx, and add to the others the gradients of the frames."""
    n_samples = g.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(g.dtype)
    g_out, q = np.empty(hop_length, g.dtype), np.empty(hop_length, g.dtype)
    # Behind a frame's samples lie the first two of what follows it.
    p1, p2 = np.empty(hop_length + 2, g.dtype), np.empty(hop_length + 2, g.dtype)
    a1, a2, dv = np.empty_like(p1), np.empty_like(p1), np.empty_like(p1)
    for clip in range(g.shape[0]):
        for ahead in (p1, p2, a1, a2, dv):
            ahead[:2] = 0
        for frame in range((n_samples + hop_length - 1) // hop_length - 1, -1, -1):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            g_, dx_ = g[clip, start : start + size], dx[clip, start : start + size]
            v_ = v[clip, start : start + size + 2]
            for ahead in (p1, p2, a1, a2, dv):
                ahead[size + 1] = ahead[1]
                ahead[size] = ahead[0]
            _interpolate(a[clip, frame, 0], a[clip, frame + 1, 0], fraction, size, a1)
            _interpolate(a[clip, frame, 1], a[clip, frame + 1, 1], fraction, size, a2)
            at, to = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, e = at[0], at[1], at[2], gain[clip, frame]
            b0_by, b1_by, b2_by, e_by = to[0] - b0, to[1] - b1, to[2] - b2, gain[clip, frame + 1] - e
            for n in range(size):
                f = fraction[n]
                g_out[n] = g_[n] * (e + f * e_by)
                q[n] = g_out[n] * (b0 + f * b0_by)
                p1[n] = g_out[n] * (b1 + f * b1_by)
                p2[n] = g_out[n] * (b2 + f * b2_by)
            for n in range(size):
                q[n] += p1[n + 1] + p2[n + 2]
            _recur_backwards(q, a1, a2, size, dv)
            zero = g.dtype.type(0)
            s0 = s1 = s2 = r1 = r2 = u = zero
            s0_f = s1_f = s2_f = r1_f = r2_f = u_f = zero
            for n in range(size):
                f = fraction[n]
                dx_[n] = dv[n]
                v0, v1, v2 = v_[n + 2], v_[n + 1], v_[n]
                fir = (b0 + f * b0_by) * v0 + (b1 + f * b1_by) * v1 + (b2 + f * b2_by) * v2
                s0 += g_out[n] * v0
                s1 += g_out[n] * v1
                s2 += g_out[n] * v2
                r1 -= dv[n] * v1
                r2 -= dv[n] * v2
                u += g_[n] * fir
                s0_f += f * (g_out[n] * v0)
                s1_f += f * (g_out[n] * v1)
                s2_f += f * (g_out[n] * v2)
                r1_f -= f * (dv[n] * v1)
                r2_f -= f * (dv[n] * v2)
                u_f += f * (g_[n] * fir)
            for i, (whole, late) in enumerate(((s0, s0_f), (s1, s1_f), (s2, s2_f))):
                db[clip, frame, i] += whole - late
                db[clip, frame + 1, i] += late
            for i, (whole, late) in enumerate(((r1, r1_f), (r2, r2_f))):
                da[clip, frame, i] += whole - late
                da[clip, frame + 1, i] += late
            dgain[clip, frame] += u - u_f
            dgain[clip, frame + 1] += u_f
