"""Two-operator frequency modulation, computed as phase modulation, with the index at frame rate.

    audio(n) = sin(2 pi phase(n) + index(n) sin(2 pi ratio phase(n)))

Its spectrum has the carrier f0 and sidebands f0 (1 +- k ratio), whose amplitudes are the Bessel functions J_k(index):
Chowning (1973), "The Synthesis of Complex Audio Spectra by Means of Frequency Modulation". Since
|J_k(x)| <= (x / 2)^k / k! (DLMF 10.14.4), an index of at most 2 (epsilon k!)^(1 / k) keeps sideband k below epsilon,
and those above it far below.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.frames import check_cover, to_samples

SIDEBAND_FLOOR = 1e-3
"""Largest amplitude of a sideband at or above Nyquist relative to the carrier without modulation: -60 dB."""


def largest_index(
    pitch_hz: Float[Tensor, " batch"], ratio: float, sample_rate: int, floor: float = SIDEBAND_FLOOR
) -> Float[Tensor, " batch"]:
    """Largest modulation index in radians at which each sideband at or above Nyquist has an amplitude below `floor`.

    Args:
        pitch_hz: Frequency of the carrier.
        ratio: Frequency of the modulator over that of the carrier.
    """
    # The lowest order k with pitch_hz (1 + k ratio) >= sample_rate / 2.
    order = torch.ceil((sample_rate / (2 * pitch_hz.double()) - 1) / ratio).clamp_min(1)
    index = 2 * torch.exp((math.log(floor) + torch.lgamma(order + 1)) / order)
    return index.to(pitch_hz.dtype)


def modulate_phase(
    index: Float[Tensor, "batch frame"], phase: Float[Tensor, "batch sample"], ratio: float, hop_length: int
) -> Float[Tensor, "batch sample"]:
    """The modulated sine; differentiable in index and phase.

    Args:
        index: Modulation index in radians, interpolated linearly to samples.
        phase: Phase of the carrier in cycles, as float64; not wrapped, unless the ratio is a whole number.
        ratio: Frequency of the modulator over that of the carrier.

    Raises:
        ValueError: the frames end before the last sample.
    """
    check_cover(index.shape[1], hop_length, phase.shape[1])
    if not use_kernel(index) or not use_kernel(phase) or phase.dtype != torch.float64:
        return modulate_phase_reference(index, phase, ratio, hop_length)
    audio: Tensor = _ModulatePhase.apply(index, phase, ratio, hop_length)
    return audio


def modulate_phase_reference(
    index: Float[Tensor, "batch frame"], phase: Float[Tensor, "batch sample"], ratio: float, hop_length: int
) -> Float[Tensor, "batch sample"]:
    """`modulate_phase` in torch operations."""
    modulator = torch.sin(2 * math.pi * ((ratio * phase) % 1.0))
    sampled = to_samples(index.to(phase), hop_length, phase.shape[1])
    return torch.sin(2 * math.pi * (phase % 1.0) + sampled * modulator).to(index.dtype)


class _ModulatePhase(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, index: Tensor, phase: Tensor, ratio: float, hop_length: int) -> Tensor:
        ctx.save_for_backward(index, phase)
        ctx.ratio, ctx.hop_length = ratio, hop_length
        frames = as_numpy(index)
        audio = np.empty(tuple(phase.shape), frames.dtype)
        _modulate(frames, as_numpy(phase), float(ratio), hop_length, audio)
        return torch.from_numpy(audio)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        index, phase = ctx.saved_tensors
        if torch.is_grad_enabled():
            grads = double_backward(
                lambda index, phase: modulate_phase_reference(index, phase, ctx.ratio, ctx.hop_length),
                (index, phase),
                ctx.needs_input_grad[:2],
                grad_output,
            )
            return *grads, None, None
        frames = as_numpy(index)
        grad_index = np.zeros_like(frames)
        grad_phase = np.empty(tuple(phase.shape) if ctx.needs_input_grad[1] else (0, 0))
        _modulate_backward(
            as_numpy(grad_output), frames, as_numpy(phase), float(ctx.ratio), ctx.hop_length, grad_index, grad_phase
        )
        return (
            torch.from_numpy(grad_index),
            torch.from_numpy(grad_phase) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


@kernel
@no_type_check
def _modulate(index, phase, ratio, hop_length, audio):
    """Fill audio, computed in float64."""
    n_samples = audio.shape[1]
    for clip in range(audio.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first = np.float64(index[clip, frame])
            rise = (np.float64(index[clip, frame + 1]) - first) / hop_length
            for n in range(start, min(start + hop_length, n_samples)):
                carrier, modulator = phase[clip, n], ratio * phase[clip, n]
                sine = np.sin(2 * np.pi * (modulator - np.floor(modulator)))
                angle = 2 * np.pi * (carrier - np.floor(carrier)) + (first + (n - start) * rise) * sine
                audio[clip, n] = np.sin(angle)


@kernel
@no_type_check
def _modulate_backward(grad_audio, index, phase, ratio, hop_length, grad_index, grad_phase):
    """Add to grad_index, and fill grad_phase unless it is empty."""
    n_samples = grad_audio.shape[1]
    needs_phase = grad_phase.size > 0
    for clip in range(grad_audio.shape[0]):
        for frame in range((n_samples + hop_length - 1) // hop_length):
            start = frame * hop_length
            first = np.float64(index[clip, frame])
            rise = (np.float64(index[clip, frame + 1]) - first) / hop_length
            total = ramp_weighted = 0.0
            for n in range(start, min(start + hop_length, n_samples)):
                carrier, modulator = phase[clip, n], ratio * phase[clip, n]
                modulator_angle = 2 * np.pi * (modulator - np.floor(modulator))
                sine = np.sin(modulator_angle)
                sampled = first + (n - start) * rise
                grad_angle = grad_audio[clip, n] * np.cos(2 * np.pi * (carrier - np.floor(carrier)) + sampled * sine)
                total += grad_angle * sine
                ramp_weighted += grad_angle * sine * (n - start)
                if needs_phase:
                    grad_phase[clip, n] = 2 * np.pi * grad_angle * (1 + sampled * ratio * np.cos(modulator_angle))
            ramp_weighted /= hop_length
            grad_index[clip, frame] += total - ramp_weighted
            grad_index[clip, frame + 1] += ramp_weighted
