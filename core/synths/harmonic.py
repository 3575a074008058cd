"""Harmonic oscillator: a sum of sines at the multiples of f0, with amplitudes at frame rate.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.kernels import array, gradients_by_reference, has_kernel, kernel
from core.signal import check_cover, to_samples
from core.synths.wavetable import oscillator_phase


def exp_sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """2 sigmoid(x)^ln 10 + 1e-7: an amplitude that is never zero."""
    return 2 * torch.sigmoid(x) ** math.log(10) + 1e-7


def audible(
    distribution: Float[Tensor, "batch frame harmonic"], f0_hz: Float[Tensor, " batch"], sample_rate: int
) -> Float[Tensor, "batch frame harmonic"]:
    """Silence harmonics at or above Nyquist and scale the others to sum to one."""
    number = torch.arange(1, distribution.shape[-1] + 1, device=f0_hz.device)
    below = (number * f0_hz[:, None] < sample_rate / 2).to(distribution.dtype)[:, None]
    kept = distribution * below
    return kept / kept.sum(-1, keepdim=True).clamp_min(1e-12)


def sum_of_harmonics(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """sum_h a_h(n) sin(2 pi h phase(n)) with amplitudes interpolated linearly between frames.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(amplitudes.shape[1], hop_length, n_samples)
    if not has_kernel(amplitudes):
        return sum_of_harmonics_reference(amplitudes, f0_hz, phase, n_samples, sample_rate, hop_length)
    increment = f0_hz.double() / sample_rate
    audio: Tensor = _SumOfHarmonics.apply(amplitudes, increment, phase.double(), n_samples, hop_length)
    return audio


def sum_of_harmonics_reference(
    amplitudes: Float[Tensor, "batch frame harmonic"],
    f0_hz: Float[Tensor, " batch"],
    phase: Float[Tensor, " batch"],
    n_samples: int,
    sample_rate: int,
    hop_length: int,
) -> Float[Tensor, "batch {n_samples}"]:
    """The same by torch operations."""
    cycles = oscillator_phase(f0_hz, phase, n_samples, sample_rate)
    number = torch.arange(1, amplitudes.shape[2] + 1, dtype=cycles.dtype, device=cycles.device)
    sines = torch.sin((cycles[..., None] * number) % 1.0 * (2 * math.pi)).to(amplitudes.dtype)
    sampled = to_samples(amplitudes.transpose(1, 2), hop_length, n_samples).transpose(1, 2)
    return (sines * sampled).sum(-1)


class _SumOfHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, amplitudes: Tensor, increment: Tensor, phase: Tensor, n_samples: int, hop_length: int
    ) -> Tensor:
        ctx.save_for_backward(amplitudes, increment, phase)
        ctx.n_samples, ctx.hop_length = n_samples, hop_length
        frames = array(amplitudes)
        audio = np.zeros((len(frames), n_samples), frames.dtype)
        _add_harmonics(frames, array(increment), array(phase), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        amplitudes, increment, phase = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(amplitudes: Tensor) -> Tensor:
                return sum_of_harmonics_reference(amplitudes, increment, phase, ctx.n_samples, 1, ctx.hop_length)

            return *gradients_by_reference(reference, (amplitudes,), (True,), gradient), None, None, None, None
        pull = array(gradient)
        found = np.zeros(tuple(amplitudes.shape), pull.dtype)
        _pull_harmonics(pull, array(increment), array(phase), ctx.hop_length, found)
        return torch.from_numpy(found), None, None, None, None


@kernel
@no_type_check
def _start_sines(first, increment, before, current, doubled, size):
    """Fill sin 0, sin x and 2 cos x of each sample's phase x: sin (h + 1) x = 2 cos x sin h x - sin (h - 1) x."""
    for n in range(size):
        cycles = first + increment * n
        angle = 2 * np.pi * (cycles - np.floor(cycles))
        before[n], current[n], doubled[n] = 0.0, np.sin(angle), 2 * np.cos(angle)


@kernel
@no_type_check
def _add_harmonics(amplitudes, increment, phase, hop_length, audio):
    """Add to audio; sines of all harmonics come from two of them by recurrence in float64."""
    n_samples, n_harmonics = audio.shape[1], amplitudes.shape[2]
    before, current, doubled = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    total = np.empty(hop_length)
    fraction = np.arange(hop_length) / hop_length
    for clip in range(audio.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            _start_sines(phase[clip] + increment[clip] * start, increment[clip], before, current, doubled, size)
            total[:] = 0
            for h in range(n_harmonics):
                at = np.float64(amplitudes[clip, frame, h])
                by = np.float64(amplitudes[clip, frame + 1, h]) - at
                for n in range(size):
                    total[n] += (at + by * fraction[n]) * current[n]
                    following = doubled[n] * current[n] - before[n]
                    before[n] = current[n]
                    current[n] = following
            for n in range(size):
                audio[clip, start + n] = total[n]


@kernel
@no_type_check
def _pull_harmonics(pull, increment, phase, hop_length, found):
    """Add to found the gradients of the amplitudes."""
    n_samples, n_harmonics = pull.shape[1], found.shape[2]
    before, current, doubled = np.empty(hop_length), np.empty(hop_length), np.empty(hop_length)
    whole, late = np.empty(hop_length), np.empty(hop_length)
    for clip in range(pull.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            size = min(hop_length, n_samples - start)
            _start_sines(phase[clip] + increment[clip] * start, increment[clip], before, current, doubled, size)
            for n in range(size):
                whole[n] = pull[clip, start + n]
                late[n] = whole[n] * n / hop_length
            for h in range(n_harmonics):
                total = total_late = 0.0
                for n in range(size):
                    total += whole[n] * current[n]
                    total_late += late[n] * current[n]
                    following = doubled[n] * current[n] - before[n]
                    before[n] = current[n]
                    current[n] = following
                found[clip, frame, h] += total - total_late
                found[clip, frame + 1, h] += total_late
