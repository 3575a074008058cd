"""Harmonic oscillator: a sum of sines at the multiples of f0, with amplitudes at frame rate.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.frames import check_cover, to_samples
from core.ops.table_read import oscillator_phase

_LOG_10 = math.log(10)


_AMPLITUDE_FLOOR = 1e-7
"""Smallest value of exp_sigmoid."""


_NO_PHASES = np.empty((0, 0))
"""Stands for the phases of samples where they follow from a constant pitch."""
_MIN_SUM = 1e-12
"""Smallest sum that a distribution is divided by."""


def exp_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """2 sigmoid(x)^ln 10 + 1e-7, an amplitude that is never zero."""
    amplitude: Tensor = _ExpSigmoid.apply(x)
    return amplitude


def exp_sigmoid_reference(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`exp_sigmoid` by its definition, whose power is slow."""
    return 2 * torch.sigmoid(x) ** _LOG_10 + _AMPLITUDE_FLOOR


def n_below_nyquist(f0_hz: Float[Tensor, " batch"], n_harmonics: int, sample_rate: int) -> Integer[Tensor, " batch"]:
    """Number of each clip's harmonics below Nyquist."""
    number = torch.arange(1, n_harmonics + 1, dtype=torch.float64, device=f0_hz.device)
    return n_harmonics - (number * f0_hz.double()[:, None] >= sample_rate / 2).sum(-1)


def normalize_harmonics(
    distribution: Float[Tensor, "batch frame harmonic"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch frame harmonic"]:
    """The distribution with harmonics at or above Nyquist set to 0 and the others scaled to sum to 1."""
    count = n_below_nyquist(f0_hz, distribution.shape[-1], sample_rate)
    if not use_kernel(distribution):
        return normalize_harmonics_reference(distribution, count)
    shares: Tensor = _NormalizeHarmonics.apply(distribution, count)
    return shares


def normalize_harmonics_reference(
    distribution: Float[Tensor, "batch frame harmonic"], count: Integer[Tensor, " batch"]
) -> Float[Tensor, "batch frame harmonic"]:
    """`normalize_harmonics` in torch operations, given the number of harmonics below Nyquist."""
    masked = distribution.masked_fill(_is_above_nyquist(count, distribution), 0)
    return masked / masked.sum(-1, keepdim=True).clamp_min(_MIN_SUM)


def _is_above_nyquist(
    count: Integer[Tensor, " batch"], like: Float[Tensor, "batch frame harmonic"]
) -> Bool[Tensor, "batch 1 harmonic"]:
    """Whether each harmonic comes after the first `count` of its clip."""
    return (torch.arange(like.shape[-1], device=like.device) >= count[:, None])[:, None]


def sum_of_harmonics(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """sum_h a_h(n) sin(2 pi h phase(n)) with amplitudes interpolated linearly between frames; differentiable in them.

    Harmonics at or above Nyquist are left out.

    Args:
        f0_hz: Pitch of each clip.
        phase: Phase at the first sample, in cycles.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(amplitudes.shape[1], hop_length, n_samples)
    count = n_below_nyquist(f0_hz, amplitudes.shape[2], sample_rate)
    increment, phase = f0_hz.double() / sample_rate, phase.double()
    if not use_kernel(amplitudes):
        return sum_of_harmonics_reference(amplitudes, count, increment, phase, n_samples, hop_length)
    audio: Tensor = _SumOfHarmonics.apply(amplitudes, count, increment, phase, n_samples, hop_length)
    return audio


def sum_of_harmonics_at(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    phase: Float[Tensor, "batch sample"],
    highest_hz: Float[Tensor, " batch"],
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`sum_of_harmonics` at given phases, for a pitch that moves; differentiable in amplitudes and phases.

    Args:
        amplitudes: Amplitude of each harmonic at each frame.
        phase: Phase of the fundamental at each sample in cycles, as float64; it need not be wrapped.
        highest_hz: Highest pitch of each clip; harmonics that it places at or above Nyquist are left out.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(amplitudes.shape[1], hop_length, phase.shape[1])
    count = n_below_nyquist(highest_hz, amplitudes.shape[2], sample_rate)
    if not use_kernel(amplitudes) or not use_kernel(phase) or phase.dtype != torch.float64:
        return sum_of_harmonics_at_reference(amplitudes, phase, count, hop_length)
    audio: Tensor = _SumOfHarmonicsAt.apply(amplitudes, phase, count, hop_length)
    return audio


def sum_of_harmonics_reference(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    count: Integer[Tensor, " batch"],
    increment: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """`sum_of_harmonics` in torch operations: the first `count` harmonics, `increment` in cycles per sample."""
    return sum_of_harmonics_at_reference(
        amplitudes, oscillator_phase(increment, phase, n_samples, 1), count, hop_length
    )


def sum_of_harmonics_at_reference(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    phase: Float[Tensor, "batch sample"],
    count: Integer[Tensor, " batch"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """`sum_of_harmonics_at` in torch operations: the first `count` harmonics."""
    number = torch.arange(1, amplitudes.shape[2] + 1, dtype=phase.dtype, device=phase.device)
    sines = torch.sin((phase[..., None] * number) % 1.0 * (2 * math.pi)).to(amplitudes.dtype)
    masked = amplitudes.masked_fill(_is_above_nyquist(count, amplitudes), 0)
    sampled = to_samples(masked.transpose(1, 2), hop_length, phase.shape[1]).transpose(1, 2)
    return (sines * sampled).sum(-1)


class _ExpSigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        share = torch.sigmoid(x)
        # share^ln 10 = share^2 exp((ln 10 - 2) ln share): only 0.3 of the logarithm's rounding error remains.
        power = share.log().mul_(_LOG_10 - 2).exp_().mul_(share).mul_(share).mul_(2)
        ctx.save_for_backward(x, share, power)
        return power + _AMPLITUDE_FLOOR

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor | None:
        x, share, power = ctx.saved_tensors
        if torch.is_grad_enabled():
            return double_backward(exp_sigmoid_reference, (x,), (True,), grad_output)[0]
        grad_x: Tensor = (1 - share).mul_(power).mul_(_LOG_10).mul_(grad_output)
        return grad_x


class _NormalizeHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distribution: Tensor, count: Tensor) -> Tensor:
        values = as_numpy(distribution)
        shares, divisor = np.empty_like(values), np.empty(values.shape[:2], values.dtype)
        _normalize(values, as_numpy(count), _MIN_SUM, shares, divisor)
        output = torch.from_numpy(shares)
        ctx.save_for_backward(distribution, count, output, torch.from_numpy(divisor))
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, None]:
        distribution, count, shares, divisor = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(distribution: Tensor) -> Tensor:
                return normalize_harmonics_reference(distribution, count)

            return double_backward(reference, (distribution,), (True,), grad_output)[0], None
        grad_distribution = np.empty(tuple(shares.shape), divisor.numpy().dtype)
        _normalize_backward(
            as_numpy(grad_output), as_numpy(count), _MIN_SUM, as_numpy(shares), divisor.numpy(), grad_distribution
        )
        return torch.from_numpy(grad_distribution), None


class _SumOfHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, amplitudes: Tensor, count: Tensor, increment: Tensor, phase: Tensor, n_samples: int, hop_length: int
    ) -> Tensor:
        ctx.save_for_backward(amplitudes, count, increment, phase)
        ctx.n_samples, ctx.hop_length = n_samples, hop_length
        frames = as_numpy(amplitudes)
        audio = np.empty((len(frames), n_samples), frames.dtype)
        _add_harmonics(
            frames, as_numpy(count), as_numpy(increment), as_numpy(phase), _NO_PHASES, hop_length, False, audio
        )
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        amplitudes, count, increment, phase = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(amplitudes: Tensor) -> Tensor:
                return sum_of_harmonics_reference(amplitudes, count, increment, phase, ctx.n_samples, ctx.hop_length)

            return *double_backward(reference, (amplitudes,), (True,), grad_output), None, None, None, None, None
        grad_audio = as_numpy(grad_output)
        grad_amplitudes = np.zeros(tuple(amplitudes.shape), grad_audio.dtype)
        _add_harmonics_backward(
            grad_audio,
            as_numpy(count),
            as_numpy(increment),
            as_numpy(phase),
            _NO_PHASES,
            ctx.hop_length,
            grad_amplitudes,
        )
        return torch.from_numpy(grad_amplitudes), None, None, None, None, None


class _SumOfHarmonicsAt(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, amplitudes: Tensor, phase: Tensor, count: Tensor, hop_length: int) -> Tensor:
        ctx.save_for_backward(amplitudes, phase, count)
        ctx.hop_length = hop_length
        frames, phases = as_numpy(amplitudes), as_numpy(phase)
        audio = np.empty(phases.shape, frames.dtype)
        unused = np.zeros(len(phases))
        _add_harmonics(frames, as_numpy(count), unused, unused, phases, hop_length, False, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        amplitudes, phase, count = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda amplitudes, phase: sum_of_harmonics_at_reference(amplitudes, phase, count, ctx.hop_length),
                (amplitudes, phase),
                ctx.needs_input_grad[:2],
                grad_output,
            )
            return *grads, None, None
        grad_audio, phases, counts = as_numpy(grad_output), as_numpy(phase), as_numpy(count)
        unused = np.zeros(len(phases))
        grad_amplitudes = np.zeros(tuple(amplitudes.shape), grad_audio.dtype)
        _add_harmonics_backward(grad_audio, counts, unused, unused, phases, ctx.hop_length, grad_amplitudes)
        grad_phase = None
        if ctx.needs_input_grad[1]:
            slope = np.empty(phases.shape)
            _add_harmonics(as_numpy(amplitudes), counts, unused, unused, phases, ctx.hop_length, True, slope)
            grad_phase = torch.from_numpy(slope * grad_audio)
        return torch.from_numpy(grad_amplitudes), grad_phase, None, None


@kernel
@no_type_check
def _normalize(distribution, count, min_sum, shares, divisor):
    """Fill the shares and the sums they were divided by."""
    zero, smallest = distribution.dtype.type(0), distribution.dtype.type(min_sum)
    for clip in range(distribution.shape[0]):
        size = count[clip]
        for frame in range(distribution.shape[1]):
            values, shares_ = distribution[clip, frame, :size], shares[clip, frame]
            total = zero
            for h in range(size):
                total += values[h]
            total = smallest if total < smallest else total
            for h in range(size):
                shares_[h] = values[h] / total
            shares_[size:] = zero
            divisor[clip, frame] = total


@kernel
@no_type_check
def _normalize_backward(grad_shares, count, min_sum, shares, divisor, grad_distribution):
    """Fill grad_distribution; where the divisor is min_sum, it was clamped and has no gradient."""
    zero, smallest = grad_shares.dtype.type(0), grad_shares.dtype.type(min_sum)
    for clip in range(grad_shares.shape[0]):
        size = count[clip]
        for frame in range(grad_shares.shape[1]):
            grad_shares_, shares_ = grad_shares[clip, frame, :size], shares[clip, frame, :size]
            grad_ = grad_distribution[clip, frame]
            dot = zero
            for h in range(size):
                dot += grad_shares_[h] * shares_[h]
            if divisor[clip, frame] == smallest:
                dot = zero
            scale = 1 / divisor[clip, frame]
            for h in range(size):
                grad_[h] = (grad_shares_[h] - dot) * scale
            grad_[size:] = zero


@kernel
@no_type_check
def _fundamental(increment, hop_length):
    """Sine and cosine of the fundamental over one hop from phase 0."""
    sines, cosines = np.empty(hop_length), np.empty(hop_length)
    for n in range(hop_length):
        cycles = increment * n
        angle = 2 * np.pi * (cycles - np.floor(cycles))
        sines[n], cosines[n] = np.sin(angle), np.cos(angle)
    return sines, cosines


@kernel
@no_type_check
def _start_recurrence(cycles, sines, cosines, previous, current, two_cos):
    """Fill sin 0, sin x and 2 cos x of each sample's phase x, for a frame that starts at `cycles`."""
    angle = 2 * np.pi * (cycles - np.floor(cycles))
    sine, cosine = np.sin(angle), np.cos(angle)
    for n in range(len(previous)):
        previous[n] = 0.0
        current[n] = sine * cosines[n] + cosine * sines[n]
        two_cos[n] = 2 * (cosine * cosines[n] - sine * sines[n])


@kernel
@no_type_check
def _start_at(cycles, is_slope, previous, current, two_cos):
    """As `_start_recurrence`, for a phase of each sample; for the slope cos 0 and cos x in place of the sines."""
    for n in range(len(cycles)):
        angle = 2 * np.pi * (cycles[n] - np.floor(cycles[n]))
        cosine = np.cos(angle)
        previous[n] = 1.0 if is_slope else 0.0
        current[n] = cosine if is_slope else np.sin(angle)
        two_cos[n] = 2 * cosine
    for n in range(len(cycles), len(previous)):
        previous[n] = current[n] = two_cos[n] = 0.0


@kernel
@no_type_check
def _add_harmonics(amplitudes, count, increment, phase, phases, hop_length, is_slope, audio):
    """Fill audio by the sine recurrence of README.md in float64, four harmonics per pass.

    The phase of each sample is that of `phases`, or follows from phase and increment if `phases` is empty. With
    `is_slope` the result is the derivative by the phase in cycles: a sum of cosines, which have the same recurrence.
    """
    n_samples, n_frames = audio.shape[1], amplitudes.shape[1]
    previous, current, two_cos = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    # Sums with the amplitudes of the frame where a hop starts, and of the one where it ends.
    at_start, at_end = np.empty(hop_length), np.empty(hop_length)
    for clip in range(audio.shape[0]):
        # Zero amplitudes complete the last pass.
        frames = np.zeros((n_frames, (count[clip] + 3) // 4 * 4))
        frames[:, : count[clip]] = amplitudes[clip, :, : count[clip]]
        if is_slope:
            for h in range(count[clip]):
                frames[:, h] *= 2 * np.pi * (h + 1)
        sines, cosines = _fundamental(increment[clip], hop_length)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            if phases.size > 0:
                _start_at(phases[clip, start : start + size], is_slope, previous, current, two_cos)
            else:
                _start_recurrence(phase[clip] + increment[clip] * start, sines, cosines, previous, current, two_cos)
            at_start[:] = 0
            at_end[:] = 0
            a, b = frames[frame], frames[frame + 1]
            for h in range(0, len(a), 4):
                a0, a1, a2, a3 = a[h], a[h + 1], a[h + 2], a[h + 3]
                b0, b1, b2, b3 = b[h], b[h + 1], b[h + 2], b[h + 3]
                for n in range(hop_length):
                    factor, s0 = two_cos[n], current[n]
                    s1 = factor * s0 - previous[n]
                    s2 = factor * s1 - s0
                    s3 = factor * s2 - s1
                    at_start[n] += a0 * s0 + a1 * s1 + a2 * s2 + a3 * s3
                    at_end[n] += b0 * s0 + b1 * s1 + b2 * s2 + b3 * s3
                    previous[n] = s3
                    current[n] = factor * s3 - s2
            audio_ = audio[clip, start : start + size]
            for n in range(size):
                audio_[n] = at_start[n] + (at_end[n] - at_start[n]) * (n / hop_length)


@kernel
@no_type_check
def _add_harmonics_backward(grad_audio, count, increment, phase, phases, hop_length, grad_amplitudes):
    """Fill the gradients of the first `count` amplitudes of each clip."""
    n_samples, n_frames = grad_audio.shape[1], grad_amplitudes.shape[1]
    previous, current, two_cos = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    # The gradient over a hop, and the gradient weighted by the fraction of the hop.
    grad, ramp_grad = np.empty(hop_length), np.empty(hop_length)
    for clip in range(grad_audio.shape[0]):
        frames = np.zeros((n_frames, (count[clip] + 3) // 4 * 4))
        sines, cosines = _fundamental(increment[clip], hop_length)
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            if phases.size > 0:
                _start_at(phases[clip, start : start + size], False, previous, current, two_cos)
            else:
                _start_recurrence(phase[clip] + increment[clip] * start, sines, cosines, previous, current, two_cos)
            grad_audio_ = grad_audio[clip, start : start + size]
            grad[size:] = 0
            ramp_grad[size:] = 0
            for n in range(size):
                grad[n] = grad_audio_[n]
                ramp_grad[n] = grad[n] * (n / hop_length)
            a, b = frames[frame], frames[frame + 1]
            for h in range(0, len(a), 4):
                total0 = total1 = total2 = total3 = ramp0 = ramp1 = ramp2 = ramp3 = 0.0
                for n in range(hop_length):
                    factor, s0, g, r = two_cos[n], current[n], grad[n], ramp_grad[n]
                    s1 = factor * s0 - previous[n]
                    s2 = factor * s1 - s0
                    s3 = factor * s2 - s1
                    total0 += g * s0
                    total1 += g * s1
                    total2 += g * s2
                    total3 += g * s3
                    ramp0 += r * s0
                    ramp1 += r * s1
                    ramp2 += r * s2
                    ramp3 += r * s3
                    previous[n] = s3
                    current[n] = factor * s3 - s2
                a[h] += total0 - ramp0
                a[h + 1] += total1 - ramp1
                a[h + 2] += total2 - ramp2
                a[h + 3] += total3 - ramp3
                b[h], b[h + 1], b[h + 2], b[h + 3] = ramp0, ramp1, ramp2, ramp3
        grad_amplitudes[clip, :, : count[clip]] = frames[:, : count[clip]]
