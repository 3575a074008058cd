"""Harmonic oscillator: a sum of sines at the multiples of f0, with amplitudes at frame rate.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from core.kernels import array, gradients_by_reference, has_kernel, kernel
from core.signal import check_cover, to_samples
from core.synths.wavetable import oscillator_phase

_LOG_10 = math.log(10)
_LEAST = 1e-7
"""What exp_sigmoid adds."""
_LEAST_SUM = 1e-12
"""What shares are divided by where their sum is less."""


def exp_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """2 sigmoid(x)^ln 10 + 1e-7: an amplitude that is never zero."""
    amplitude: Tensor = _ExpSigmoid.apply(x)
    return amplitude


def exp_sigmoid_reference(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The same by its definition, whose power is slow."""
    return 2 * torch.sigmoid(x) ** _LOG_10 + _LEAST


def n_audible(f0_hz: Float[Tensor, " batch"], n_harmonics: int, sample_rate: int) -> Integer[Tensor, " batch"]:
    """How many of each clip's harmonics lie below Nyquist."""
    number = torch.arange(1, n_harmonics + 1, dtype=torch.float64, device=f0_hz.device)
    return n_harmonics - (number * f0_hz.double()[:, None] >= sample_rate / 2).sum(-1)


def audible(
    distribution: Float[Tensor, "batch frame harmonic"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch frame harmonic"]:
    """Silence harmonics at or above Nyquist and scale the others to sum to one."""
    count = n_audible(f0_hz, distribution.shape[-1], sample_rate)
    if not has_kernel(distribution):
        return audible_reference(distribution, count)
    shares: Tensor = _Audible.apply(distribution, count)
    return shares


def audible_reference(
    distribution: Float[Tensor, "batch frame harmonic"], count: Integer[Tensor, " batch"]
) -> Float[Tensor, "batch frame harmonic"]:
    """The same by torch operations: of each clip the first `count`."""
    kept = distribution.masked_fill(_is_above(count, distribution), 0)
    return kept / kept.sum(-1, keepdim=True).clamp_min(_LEAST_SUM)


def _is_above(
    count: Integer[Tensor, " batch"], like: Float[Tensor, "batch frame harmonic"]
) -> Bool[Tensor, "batch 1 harmonic"]:
    """Whether a harmonic comes after the first `count` of its clip."""
    return (torch.arange(like.shape[-1], device=like.device) >= count[:, None])[:, None]


def sum_of_harmonics(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """sum_h a_h(n) sin(2 pi h phase(n)) with amplitudes interpolated linearly between frames.

    Harmonics at or above Nyquist are left out, whatever their amplitude.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(amplitudes.shape[1], hop_length, n_samples)
    count = n_audible(f0_hz, amplitudes.shape[2], sample_rate)
    increment, phase = f0_hz.double() / sample_rate, phase.double()
    if not has_kernel(amplitudes):
        return sum_of_harmonics_reference(amplitudes, count, increment, phase, n_samples, hop_length)
    audio: Tensor = _SumOfHarmonics.apply(amplitudes, count, increment, phase, n_samples, hop_length)
    return audio


def sum_of_harmonics_reference(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    count: Integer[Tensor, " batch"],
    increment: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """The same by torch operations: the first `count` harmonics at `increment` cycles per sample."""
    cycles = oscillator_phase(increment, phase, n_samples, 1)
    number = torch.arange(1, amplitudes.shape[2] + 1, dtype=cycles.dtype, device=cycles.device)
    sines = torch.sin((cycles[..., None] * number) % 1.0 * (2 * math.pi)).to(amplitudes.dtype)
    heard = amplitudes.masked_fill(_is_above(count, amplitudes), 0)
    sampled = to_samples(heard.transpose(1, 2), hop_length, n_samples).transpose(1, 2)
    return (sines * sampled).sum(-1)


class _ExpSigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        share = torch.sigmoid(x)
        # The whole squares apart: the logarithm's rounding counts only by what is left of the exponent.
        power = share.log().mul_(_LOG_10 - 2).exp_().mul_(share).mul_(share).mul_(2)
        ctx.save_for_backward(x, share, power)
        return power + _LEAST

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor | None:
        x, share, power = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_by_reference(exp_sigmoid_reference, (x,), (True,), gradient)[0]
        found: Tensor = (1 - share).mul_(power).mul_(_LOG_10).mul_(gradient)
        return found


class _Audible(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distribution: Tensor, count: Tensor) -> Tensor:
        whole = array(distribution)
        shares, divisor = np.empty_like(whole), np.empty(whole.shape[:2], whole.dtype)
        _share(whole, array(count), _LEAST_SUM, shares, divisor)
        result = torch.from_numpy(shares)
        ctx.save_for_backward(distribution, count, result, torch.from_numpy(divisor))
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        distribution, count, shares, divisor = ctx.saved_tensors
        if torch.is_grad_enabled():
            (found,) = gradients_by_reference(
                lambda distribution: audible_reference(distribution, count), (distribution,), (True,), gradient
            )
            return found, None
        d_whole = np.empty(tuple(shares.shape), divisor.numpy().dtype)
        _share_backwards(array(gradient), array(count), _LEAST_SUM, array(shares), divisor.numpy(), d_whole)
        return torch.from_numpy(d_whole), None


class _SumOfHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, amplitudes: Tensor, count: Tensor, increment: Tensor, phase: Tensor, n_samples: int, hop_length: int
    ) -> Tensor:
        ctx.save_for_backward(amplitudes, count, increment, phase)
        ctx.n_samples, ctx.hop_length = n_samples, hop_length
        frames = array(amplitudes)
        audio = np.empty((len(frames), n_samples), frames.dtype)
        _add_harmonics(frames, array(count), array(increment), array(phase), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        amplitudes, count, increment, phase = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(amplitudes: Tensor) -> Tensor:
                return sum_of_harmonics_reference(amplitudes, count, increment, phase, ctx.n_samples, ctx.hop_length)

            return *gradients_by_reference(reference, (amplitudes,), (True,), gradient), None, None, None, None, None
        pull = array(gradient)
        found = np.zeros(tuple(amplitudes.shape), pull.dtype)
        _pull_harmonics(pull, array(count), array(increment), array(phase), ctx.hop_length, found)
        return torch.from_numpy(found), None, None, None, None, None


@kernel
@no_type_check
def _share(whole, count, least, shares, divisor):
    """Fill the shares and what they were divided by."""
    zero, smallest = whole.dtype.type(0), whole.dtype.type(least)
    for clip in range(whole.shape[0]):
        size = count[clip]
        for frame in range(whole.shape[1]):
            whole_, shares_ = whole[clip, frame, :size], shares[clip, frame]
            total = zero
            for h in range(size):
                total += whole_[h]
            total = smallest if total < smallest else total
            for h in range(size):
                shares_[h] = whole_[h] / total
            shares_[size:] = zero
            divisor[clip, frame] = total


@kernel
@no_type_check
def _share_backwards(pull, count, least, shares, divisor, d_whole):
    """Fill d_whole; a divisor that is the least was not a sum."""
    zero, smallest = pull.dtype.type(0), pull.dtype.type(least)
    for clip in range(pull.shape[0]):
        size = count[clip]
        for frame in range(pull.shape[1]):
            pull_, shares_, d_ = pull[clip, frame, :size], shares[clip, frame, :size], d_whole[clip, frame]
            along = zero
            for h in range(size):
                along += pull_[h] * shares_[h]
            if divisor[clip, frame] == smallest:
                along = zero
            by = 1 / divisor[clip, frame]
            for h in range(size):
                d_[h] = (pull_[h] - along) * by
            d_[size:] = zero


@kernel
@no_type_check
def _turns(increment, hop_length):
    """Sines and cosines of the samples of a frame that begins at phase 0."""
    sines, cosines = np.empty(hop_length), np.empty(hop_length)
    for n in range(hop_length):
        cycles = increment * n
        angle = 2 * np.pi * (cycles - np.floor(cycles))
        sines[n], cosines[n] = np.sin(angle), np.cos(angle)
    return sines, cosines


@kernel
@no_type_check
def _start_sines(cycles, sines, cosines, before, current, doubled):
    """Fill sin 0, sin x and 2 cos x of each sample's phase x: sin (h + 1) x = 2 cos x sin h x - sin (h - 1) x."""
    angle = 2 * np.pi * (cycles - np.floor(cycles))
    sine, cosine = np.sin(angle), np.cos(angle)
    for n in range(len(before)):
        before[n] = 0.0
        current[n] = sine * cosines[n] + cosine * sines[n]
        doubled[n] = 2 * (cosine * cosines[n] - sine * sines[n])


@kernel
@no_type_check
def _add_harmonics(amplitudes, count, increment, phase, hop_length, audio):
    """Fill audio; sines of all harmonics come from two of them by recurrence in float64, four in one pass."""
    n_samples, n_frames = audio.shape[1], amplitudes.shape[1]
    before, current, doubled = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    here, there = np.empty(hop_length), np.empty(hop_length)
    for clip in range(audio.shape[0]):
        # Silence up to a whole pass.
        frames = np.zeros((n_frames, (count[clip] + 3) // 4 * 4))
        frames[:, : count[clip]] = amplitudes[clip, :, : count[clip]]
        sines, cosines = _turns(increment[clip], hop_length)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            _start_sines(phase[clip] + increment[clip] * start, sines, cosines, before, current, doubled)
            here[:] = 0
            there[:] = 0
            a, b = frames[frame], frames[frame + 1]
            for h in range(0, len(a), 4):
                a0, a1, a2, a3 = a[h], a[h + 1], a[h + 2], a[h + 3]
                b0, b1, b2, b3 = b[h], b[h + 1], b[h + 2], b[h + 3]
                for n in range(hop_length):
                    turn, s0 = doubled[n], current[n]
                    s1 = turn * s0 - before[n]
                    s2 = turn * s1 - s0
                    s3 = turn * s2 - s1
                    here[n] += a0 * s0 + a1 * s1 + a2 * s2 + a3 * s3
                    there[n] += b0 * s0 + b1 * s1 + b2 * s2 + b3 * s3
                    before[n] = s3
                    current[n] = turn * s3 - s2
            audio_ = audio[clip, start : start + size]
            for n in range(size):
                audio_[n] = here[n] + (there[n] - here[n]) * (n / hop_length)


@kernel
@no_type_check
def _pull_harmonics(pull, count, increment, phase, hop_length, found):
    """Add to found the gradients of the amplitudes."""
    n_samples, n_frames = pull.shape[1], found.shape[1]
    before, current, doubled = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    whole, late = np.empty(hop_length), np.empty(hop_length)
    for clip in range(pull.shape[0]):
        frames = np.zeros((n_frames, (count[clip] + 3) // 4 * 4))
        sines, cosines = _turns(increment[clip], hop_length)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            _start_sines(phase[clip] + increment[clip] * start, sines, cosines, before, current, doubled)
            pull_ = pull[clip, start : start + size]
            whole[size:] = 0
            late[size:] = 0
            for n in range(size):
                whole[n] = pull_[n]
                late[n] = whole[n] * (n / hop_length)
            a, b = frames[frame], frames[frame + 1]
            for h in range(0, len(a), 4):
                w0 = w1 = w2 = w3 = v0 = v1 = v2 = v3 = 0.0
                for n in range(hop_length):
                    turn, s0, w, v = doubled[n], current[n], whole[n], late[n]
                    s1 = turn * s0 - before[n]
                    s2 = turn * s1 - s0
                    s3 = turn * s2 - s1
                    w0 += w * s0
                    w1 += w * s1
                    w2 += w * s2
                    w3 += w * s3
                    v0 += v * s0
                    v1 += v * s1
                    v2 += v * s2
                    v3 += v * s3
                    before[n] = s3
                    current[n] = turn * s3 - s2
                a[h] += w0 - v0
                a[h + 1] += w1 - v1
                a[h + 2] += w2 - v2
                a[h + 3] += w3 - v3
                b[h], b[h + 1], b[h + 2], b[h + 3] = v0, v1, v2, v3
        found[clip, :, : count[clip]] = frames[:, : count[clip]]
