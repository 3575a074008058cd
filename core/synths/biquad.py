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

from core.kernels import array, gradients_by_reference, has_kernel, kernel
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
    coefficients = torch.cat([b, a, gain[..., None]], -1).transpose(1, 2)
    if not has_kernel(audio, coefficients):
        return biquad_reference(audio, coefficients, hop_length)
    filtered: Tensor = _Biquad.apply(audio, coefficients, hop_length)
    return filtered


def biquad_reference(
    audio: Float[Tensor, "batch sample"], coefficients: Float[Tensor, "batch 6 frame"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """The same by torch operations; coefficients are b0, b1, b2, a1, a2, gain."""
    b, a, gain = torch.split(to_samples(coefficients, hop_length, audio.shape[1]), [3, 2, 1], dim=1)
    return time_varying_biquad(audio, b.transpose(1, 2), a.transpose(1, 2)) * gain[:, 0]


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
    def forward(ctx: Any, audio: Tensor, coefficients: Tensor, hop_length: int) -> Tensor:
        x, c = array(audio), array(coefficients)
        y, v = np.empty_like(x), np.empty((x.shape[0], x.shape[1] + 2), x.dtype)
        _filter(x, c, hop_length, y, v)
        ctx.save_for_backward(audio, coefficients, torch.from_numpy(v))
        ctx.hop_length = hop_length
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        audio, coefficients, v = ctx.saved_tensors
        if torch.is_grad_enabled():
            d_audio, d_coefficients = gradients_by_reference(
                lambda x, c: biquad_reference(x, c, ctx.hop_length),
                (audio, coefficients),
                ctx.needs_input_grad[:2],
                gradient,
            )
            return d_audio, d_coefficients, None
        g, c = array(gradient), array(coefficients)
        dx, dc = np.empty_like(g), np.zeros_like(c)
        _filter_backwards(g, c, ctx.hop_length, array(v), dx, dc)
        return torch.from_numpy(dx), torch.from_numpy(dc), None


@kernel
@no_type_check
def _filter(x, c, hop_length, y, v):
    """Fill y, and v with two zeros in front."""
    n_samples = x.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(x.dtype)
    for clip in range(x.shape[0]):
        v[clip, :2] = 0
        v1 = v2 = v[clip, 0]
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            at, by = c[clip, :, frame], c[clip, :, frame + 1] - c[clip, :, frame]
            b0, b1, b2, a1, a2, gain = at[0], at[1], at[2], at[3], at[4], at[5]
            b0_by, b1_by, b2_by, a1_by, a2_by, gain_by = by[0], by[1], by[2], by[3], by[4], by[5]
            x_, y_, v_ = x[clip, start : start + size], y[clip, start : start + size], v[clip, start : start + size + 2]
            for n in range(size):
                f = fraction[n]
                # Grouped so that each sample waits for one product with the sample before, not for two.
                v0 = (x_[n] - (a2 + f * a2_by) * v2) - (a1 + f * a1_by) * v1
                v_[n + 2] = v0
                v2 = v1
                v1 = v0
            for n in range(size):
                f = fraction[n]
                fir = (b0 + f * b0_by) * v_[n + 2] + (b1 + f * b1_by) * v_[n + 1] + (b2 + f * b2_by) * v_[n]
                y_[n] = fir * (gain + f * gain_by)


@kernel
@no_type_check
def _filter_backwards(g, c, hop_length, v, dx, dc):
    """Fill dx, and add to dc the gradients of the coefficients."""
    n_samples = g.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(g.dtype)
    s = np.empty(hop_length, g.dtype)
    for clip in range(g.shape[0]):
        # What the samples after the current one say about v one and two samples before them.
        next1 = next2 = g.dtype.type(0)
        for frame in range((n_samples + hop_length - 1) // hop_length - 1, -1, -1):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            at, by = c[clip, :, frame], c[clip, :, frame + 1] - c[clip, :, frame]
            b0, b1, b2, a1, a2, gain = at[0], at[1], at[2], at[3], at[4], at[5]
            b0_by, b1_by, b2_by, a1_by, a2_by, gain_by = by[0], by[1], by[2], by[3], by[4], by[5]
            g_, dx_ = g[clip, start : start + size], dx[clip, start : start + size]
            v_ = v[clip, start : start + size + 2]
            for n in range(size):
                s[n] = g_[n] * (gain + fraction[n] * gain_by)
            for n in range(size - 1, -1, -1):
                f = fraction[n]
                dv = s[n] * (b0 + f * b0_by) + next1
                next1 = (next2 + s[n] * (b1 + f * b1_by)) - (a1 + f * a1_by) * dv
                next2 = s[n] * (b2 + f * b2_by) - (a2 + f * a2_by) * dv
                dx_[n] = dv
            zero = g.dtype.type(0)
            s0 = s1 = s2 = p1 = p2 = e = zero
            s0_f = s1_f = s2_f = p1_f = p2_f = e_f = zero
            for n in range(size):
                f = fraction[n]
                v0, v1, v2 = v_[n + 2], v_[n + 1], v_[n]
                fir = (b0 + f * b0_by) * v0 + (b1 + f * b1_by) * v1 + (b2 + f * b2_by) * v2
                s0 += s[n] * v0
                s1 += s[n] * v1
                s2 += s[n] * v2
                p1 -= dx_[n] * v1
                p2 -= dx_[n] * v2
                e += g_[n] * fir
                s0_f += f * (s[n] * v0)
                s1_f += f * (s[n] * v1)
                s2_f += f * (s[n] * v2)
                p1_f -= f * (dx_[n] * v1)
                p2_f -= f * (dx_[n] * v2)
                e_f += f * (g_[n] * fir)
            here = (s0, s1, s2, p1, p2, e)
            later = (s0_f, s1_f, s2_f, p1_f, p2_f, e_f)
            for i in range(6):
                dc[clip, i, frame] += here[i] - later[i]
                dc[clip, i, frame + 1] += later[i]
