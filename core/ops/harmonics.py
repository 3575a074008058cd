"""Harmonic oscillator: a sum of sines at the multiples of f0, with amplitudes at frame rate.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.frames import check_cover, to_samples
from core.ops.harmonic_shares import is_above_nyquist, n_below_nyquist
from core.ops.phase import constant_pitch_phase

_NO_PHASES = np.empty((0, 0))
"""Stands for the phases of samples where they follow from a constant pitch."""


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
        amplitudes, constant_pitch_phase(increment, phase, n_samples, 1), count, hop_length
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
    masked = amplitudes.masked_fill(is_above_nyquist(count, amplitudes), 0)
    sampled = to_samples(masked.transpose(1, 2), hop_length, phase.shape[1]).transpose(1, 2)
    return (sines * sampled).sum(-1)


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
