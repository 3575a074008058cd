"""A time-varying filter of second order as a normalised ladder, with a gain, given at frame rate.

    f1[n] = c2 x[n] - k2 s1[n-1],   g2[n] = k2 x[n] + c2 s1[n-1],   c_i = sqrt(1 - k_i^2)
    s0[n] = c1 f1[n] - k1 s0[n-1],  s1[n] = k1 f1[n] + c1 s0[n-1]
    y[n] = (v0 s0[n] + v1 s1[n] + b2 g2[n]) gain[n]
    m1 = b1 - b2 k1 (1 + k2),  v1 = m1 / c2,   m0 = b0 - b2 k2 - k1 m1,  v0 = m0 / (c1 c2)

with k, b and gain of sample n. For constant coefficients it is the biquad with the numerator b and the denominator of
`denominator`. Both lines of the recursion are rotations:

    s0[n]^2 + s1[n]^2 + g2[n]^2 = x[n]^2 + s0[n-1]^2 + s1[n-1]^2

So whatever the coefficients do from one sample to the next, the energy of the state never exceeds that of the audio so
far, and |y[n]| <= |v[n]| |gain[n]| ||x||, with v = (v0, v1, b2). The responses at s0, s1 and g2 to constant
coefficients are orthonormal: white noise comes out |v| times as loud. The gradient runs through transposed rotations
and is bounded in the same way. A biquad in direct form has no such bound: there, poles that are stable at every sample
may swap and grow. Gray and Markel (1975), "A normalized digital filter structure", IEEE Transactions on Acoustics,
Speech, and Signal Processing 23(3).
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, recursive_kernel, use_kernel
from core.ops.frames import check_cover, to_samples
from core.ops.linear_recurrence import linear_recurrence


def ladder(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch frame 3"],
    k: Float[Tensor, "batch frame 2"],
    gain: Float[Tensor, "batch frame"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """The filtered audio times the gain, from zero state; coefficients per frame, interpolated to samples.

    Args:
        audio: The sound.
        b: Numerator (b0, b1, b2) of the transfer function.
        k: Reflection coefficients (k1, k2), inside -1..1.
        gain: Gain of the output.
        hop_length: Samples from one frame to the next.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(k.shape[1], hop_length, audio.shape[1])
    if not use_kernel(audio, b, k, gain):
        return ladder_reference(audio, b, k, gain, hop_length)
    filtered: Tensor = _Ladder.apply(audio, b, k, gain, hop_length)
    return filtered


def ladder_reference(
    audio: Float[Tensor, "batch sample"],
    b: Float[Tensor, "batch frame 3"],
    k: Float[Tensor, "batch frame 2"],
    gain: Float[Tensor, "batch frame"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`ladder` in torch operations."""
    frames = torch.cat([b, k, gain[..., None]], -1).transpose(1, 2)
    b0, b1, b2, k1, k2, g = to_samples(frames, hop_length, audio.shape[1]).unbind(1)
    c1, c2 = (1 - k1 * k1).sqrt(), (1 - k2 * k2).sqrt()
    matrix = torch.stack([torch.stack([-k1, -c1 * k2], -1), torch.stack([c1, -k1 * k2], -1)], -2)
    state = linear_recurrence(matrix, torch.stack([c1 * c2 * audio, k1 * c2 * audio], -1))
    s0, s1 = state.unbind(-1)
    g2 = k2 * audio + c2 * F.pad(s1, (1, 0))[:, :-1]
    m1 = b1 - b2 * k1 * (1 + k2)
    m0 = b0 - b2 * k2 - k1 * m1
    filtered: Tensor = (m0 / (c1 * c2) * s0 + m1 / c2 * s1 + b2 * g2) * g
    return filtered


def denominator(k: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape 2"]:
    """Coefficients (a1, a2) of the transfer function's denominator 1 + a1/z + a2/z^2 for reflection coefficients k."""
    k1, k2 = k.unbind(-1)
    return torch.stack([k1 * (1 + k2), k2], -1)


class _Ladder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, audio: Tensor, b: Tensor, k: Tensor, gain: Tensor, hop_length: int) -> Tensor:
        x = as_numpy(audio)
        y, state = np.empty_like(x), np.empty((2, x.shape[0], x.shape[1] + 1), x.dtype)
        _filter(x, as_numpy(b), as_numpy(k), as_numpy(gain), hop_length, y, state)
        ctx.save_for_backward(audio, b, k, gain, torch.from_numpy(state))
        ctx.hop_length = hop_length
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        audio, b, k, gain, state = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda x, b, k, gain: ladder_reference(x, b, k, gain, ctx.hop_length),
                (audio, b, k, gain),
                ctx.needs_input_grad[:4],
                grad_output,
            )
            return *grads, None
        frames = as_numpy(b), as_numpy(k), as_numpy(gain)
        grad_y = as_numpy(grad_output)
        grad_x, *grad_frames = np.empty_like(grad_y), *map(np.zeros_like, frames)
        _filter_backward(grad_y, as_numpy(audio), *frames, ctx.hop_length, state.numpy(), grad_x, *grad_frames)
        return *map(torch.from_numpy, (grad_x, *grad_frames)), None


@kernel
@no_type_check
def _rotations(k, frame, fraction, size, k1, k2, c1, c2):
    """Fill sines and cosines of both rotations for the samples between two frames."""
    one = k1.dtype.type(1)
    k1_start, k2_start = k[frame, 0], k[frame, 1]
    k1_rise, k2_rise = k[frame + 1, 0] - k1_start, k[frame + 1, 1] - k2_start
    for n in range(size):
        k1[n] = k1_start + fraction[n] * k1_rise
        k2[n] = k2_start + fraction[n] * k2_rise
        c1[n] = np.sqrt(one - k1[n] * k1[n])
        c2[n] = np.sqrt(one - k2[n] * k2[n])


@recursive_kernel
@no_type_check
def _recur(x, k1, k2, c1, c2, size, state0, state1):
    """Fill the states after each sample behind the first, which is given."""
    s0, s1 = state0[0], state1[0]
    for n in range(size):
        f1 = c2[n] * x[n] - k2[n] * s1
        s1 = c1[n] * s0 + k1[n] * f1
        s0 = c1[n] * f1 - k1[n] * s0
        state0[n + 1] = s0
        state1[n + 1] = s1


@kernel
@no_type_check
def _filter(x, b, k, gain, hop_length, y, state):
    """Fill y, and the states with a zero in front."""
    n_samples = x.shape[1]
    fraction = (np.arange(hop_length) / hop_length).astype(x.dtype)
    k1, k2 = np.empty(hop_length, x.dtype), np.empty(hop_length, x.dtype)
    c1, c2 = np.empty(hop_length, x.dtype), np.empty(hop_length, x.dtype)
    for clip in range(x.shape[0]):
        state[:, clip, 0] = 0
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            x_, y_ = x[clip, start : start + size], y[clip, start : start + size]
            state0, state1 = state[0, clip, start : start + size + 1], state[1, clip, start : start + size + 1]
            _rotations(k[clip], frame, fraction, size, k1, k2, c1, c2)
            _recur(x_, k1, k2, c1, c2, size, state0, state1)
            b_start, b_end = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, g = b_start[0], b_start[1], b_start[2], gain[clip, frame]
            b0_rise, b1_rise, b2_rise = b_end[0] - b0, b_end[1] - b1, b_end[2] - b2
            g_rise = gain[clip, frame + 1] - g
            one = x.dtype.type(1)
            for n in range(size):
                f = fraction[n]
                last = b2 + f * b2_rise
                m1 = b1 + f * b1_rise - last * k1[n] * (one + k2[n])
                m0 = b0 + f * b0_rise - last * k2[n] - k1[n] * m1
                g2 = k2[n] * x_[n] + c2[n] * state1[n]
                out = (m0 / c1[n] * state0[n + 1] + m1 * state1[n + 1]) / c2[n] + last * g2
                y_[n] = out * (g + f * g_rise)


@recursive_kernel
@no_type_check
def _recur_backward(source0, source1, source2, k1, k2, c1, c2, size, next0, next1, grad0, grad1, grad_f1):
    """Fill the gradients of s0, s1 and f1 at each sample, from the last to the first.

    Takes and returns what the samples that follow add to the gradient of the state before them.
    """
    for n in range(size - 1, -1, -1):
        p, q = source0[n] + next0, source1[n] + next1
        f1 = c1[n] * p + k1[n] * q
        grad0[n], grad1[n], grad_f1[n] = p, q, f1
        next0 = c1[n] * q - k1[n] * p
        next1 = c2[n] * source2[n] - k2[n] * f1
    return next0, next1


@kernel
@no_type_check
def _filter_backward(grad_y, x, b, k, gain, hop_length, state, grad_x, grad_b, grad_k, grad_gain):
    """Fill grad_x, and add to the gradients of the frames, summed twice per hop as in `core.ops.biquad`."""
    n_samples = grad_y.shape[1]
    dtype = grad_y.dtype
    fraction = (np.arange(hop_length) / hop_length).astype(dtype)
    k1, k2 = np.empty(hop_length, dtype), np.empty(hop_length, dtype)
    c1, c2 = np.empty(hop_length, dtype), np.empty(hop_length, dtype)
    source0, source1, source2 = np.empty(hop_length, dtype), np.empty(hop_length, dtype), np.empty(hop_length, dtype)
    grad0, grad1, grad_f1 = np.empty(hop_length, dtype), np.empty(hop_length, dtype), np.empty(hop_length, dtype)
    m0, m1 = np.empty(hop_length, dtype), np.empty(hop_length, dtype)
    zero, one = grad_y.dtype.type(0), grad_y.dtype.type(1)
    for clip in range(grad_y.shape[0]):
        next0 = next1 = zero
        for frame in range((n_samples + hop_length - 1) // hop_length - 1, -1, -1):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            grad_y_, grad_x_ = grad_y[clip, start : start + size], grad_x[clip, start : start + size]
            x_ = x[clip, start : start + size]
            state0, state1 = state[0, clip, start : start + size + 1], state[1, clip, start : start + size + 1]
            _rotations(k[clip], frame, fraction, size, k1, k2, c1, c2)
            b_start, b_end = b[clip, frame], b[clip, frame + 1]
            b0, b1, b2, g = b_start[0], b_start[1], b_start[2], gain[clip, frame]
            b0_rise, b1_rise, b2_rise = b_end[0] - b0, b_end[1] - b1, b_end[2] - b2
            g_rise = gain[clip, frame + 1] - g
            for n in range(size):
                f = fraction[n]
                last = b2 + f * b2_rise
                m1[n] = b1 + f * b1_rise - last * k1[n] * (one + k2[n])
                m0[n] = b0 + f * b0_rise - last * k2[n] - k1[n] * m1[n]
                grad_out = grad_y_[n] * (g + f * g_rise)
                source1[n] = grad_out * m1[n] / c2[n]
                source0[n] = grad_out * m0[n] / (c1[n] * c2[n])
                source2[n] = grad_out * last
            next0, next1 = _recur_backward(
                source0, source1, source2, k1, k2, c1, c2, size, next0, next1, grad0, grad1, grad_f1
            )
            grad_k1 = grad_k2 = grad_b0 = grad_b1 = grad_b2 = grad_g = zero
            grad_k1_ramp = grad_k2_ramp = grad_b0_ramp = grad_b1_ramp = grad_b2_ramp = grad_g_ramp = zero
            for n in range(size):
                f = fraction[n]
                sine1, sine2, cosine1, cosine2 = k1[n], k2[n], c1[n], c2[n]
                before0, before1, last = state0[n], state1[n], b2 + f * b2_rise
                f1 = cosine2 * x_[n] - sine2 * before1
                g2 = sine2 * x_[n] + cosine2 * before1
                p, q, grad_f, r = grad0[n], grad1[n], grad_f1[n], source2[n]
                grad_x_[n] = cosine2 * grad_f + sine2 * r
                # Of the taps: m1 = b1 - b2 k1 (1 + k2) and m0 = b0 - b2 k2 - k1 m1.
                u1 = state1[n + 1] / cosine2
                u0 = state0[n + 1] / (cosine1 * cosine2)
                grad_out = grad_y_[n] * (g + f * g_rise)
                to_m0 = grad_out * u0
                to_m1 = grad_out * u1 - sine1 * to_m0
                to_b2 = grad_out * g2 - sine2 * to_m0 - sine1 * (one + sine2) * to_m1
                # Of the rotations and of 1 / c; the cosine c = sqrt(1 - k^2) has the derivative -k / c.
                weighted0, weighted1 = to_m0 * m0[n], grad_out * u1 * m1[n]
                to_k1 = (q * f1 - p * before0) - sine1 / cosine1 * (p * f1 + q * before0)
                to_k1 += sine1 / (cosine1 * cosine1) * weighted0 - m1[n] * to_m0 - last * (one + sine2) * to_m1
                to_k2 = (r * x_[n] - grad_f * before1) - sine2 / cosine2 * (grad_f * x_[n] + r * before1)
                to_k2 += sine2 / (cosine2 * cosine2) * (weighted0 + weighted1) - last * (to_m0 + sine1 * to_m1)
                to_g = grad_y_[n] * (m0[n] * u0 + m1[n] * u1 + last * g2)
                grad_k1 += to_k1
                grad_k2 += to_k2
                grad_b0 += to_m0
                grad_b1 += to_m1
                grad_b2 += to_b2
                grad_g += to_g
                grad_k1_ramp += f * to_k1
                grad_k2_ramp += f * to_k2
                grad_b0_ramp += f * to_m0
                grad_b1_ramp += f * to_m1
                grad_b2_ramp += f * to_b2
                grad_g_ramp += f * to_g
            for i, (total, ramp_weighted) in enumerate(((grad_k1, grad_k1_ramp), (grad_k2, grad_k2_ramp))):
                grad_k[clip, frame, i] += total - ramp_weighted
                grad_k[clip, frame + 1, i] += ramp_weighted
            for i, (total, ramp_weighted) in enumerate(
                ((grad_b0, grad_b0_ramp), (grad_b1, grad_b1_ramp), (grad_b2, grad_b2_ramp))
            ):
                grad_b[clip, frame, i] += total - ramp_weighted
                grad_b[clip, frame + 1, i] += ramp_weighted
            grad_gain[clip, frame] += grad_g - grad_g_ramp
            grad_gain[clip, frame + 1] += grad_g_ramp
