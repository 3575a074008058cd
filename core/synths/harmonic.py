"""Harmonic oscillator: a sum of sines at the multiples of f0, with amplitudes at frame rate.

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

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

    Within a hop the amplitude is a_h + r (a'_h - a_h), so the sum is two products over the harmonics and one lerp.
    """
    batch, _, n_harmonics = amplitudes.shape
    n_blocks = n_samples // hop_length
    cycles = oscillator_phase(f0_hz, phase, n_samples, sample_rate)
    number = torch.arange(1, n_harmonics + 1, dtype=cycles.dtype, device=cycles.device)
    angle = (cycles[..., None] * number) % 1.0 * (2 * math.pi)
    sines = torch.sin(angle.to(amplitudes.dtype)).view(batch, n_blocks, hop_length, n_harmonics)
    start = sines @ amplitudes[:, :n_blocks, :, None]
    end = sines @ amplitudes[:, 1 : n_blocks + 1, :, None]
    fraction = torch.arange(hop_length, dtype=amplitudes.dtype, device=amplitudes.device) / hop_length
    return torch.lerp(start[..., 0], end[..., 0], fraction).reshape(batch, n_samples)
