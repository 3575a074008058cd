"""Harmonic plus noise synth: harmonics with learned amplitudes (add), filtered noise (sub) and an envelope (env).

Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643, with the adapters of
Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.filtered_noise import band_filters, filter_noise
from core.ops.frames import to_samples
from core.ops.harmonic_shares import exp_sigmoid, normalize_harmonics
from core.ops.harmonics import sum_of_harmonics, sum_of_harmonics_at
from core.synths.adapters import Adapter, split_controls
from core.synths.base import Synth
from core.synths.note import Note

_MAX_AMPLITUDE = 2.0 + 1e-7
"""Upper bound of exp_sigmoid."""
_NOISE_BIAS = -5.0
"""Added to the logits of the noise bands: training starts with little noise."""


@dataclass(frozen=True, slots=True)
class EngelControls:
    """Controls of the harmonic and the noise branch, and the envelope, at frame rate."""

    harmonic_amplitude: Float[Tensor, "batch frame 1"]
    harmonic_distribution: Float[Tensor, "batch frame harmonic"]
    """Relative amplitudes; `render` normalises them below Nyquist, which depends on the pitch."""
    noise_magnitudes: Float[Tensor, "batch frame band"]
    amplitude: Float[Tensor, "batch frame"]


class Engel(Synth[EngelControls]):
    """DDSP's harmonic plus noise synth with one modulation curve per branch and one for the envelope."""

    needs_noise = True

    def __init__(
        self,
        n_harmonics: int,
        n_noise_bands: int,
        noise_taps: int,
        sample_rate: int,
        n_samples: int,
        hop_length: int,
        *,
        is_granular: bool = False,
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.hop_length = hop_length
        self.noise_taps = noise_taps
        self.n_harmonics = n_harmonics
        self.n_noise_bands = n_noise_bands
        self.add_adapter = None if is_granular else Adapter(1 + n_harmonics)
        self.sub_adapter = None if is_granular else Adapter(n_noise_bands)

    @property
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        branches = ("harmonic_amplitude", "harmonic_distribution", "noise_magnitudes")
        return dict.fromkeys(branches, (0.0, _MAX_AMPLITUDE)) | {"amplitude": (0.0, 1.0)}

    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> EngelControls:
        if self.add_adapter is None or self.sub_adapter is None:
            env = modulation[:, 0]
            harmonic, noise = split_controls(modulation[:, 1:], 1 + self.n_harmonics, self.n_noise_bands)
        else:
            add, sub, env = modulation.unbind(1)
            harmonic, noise = self.add_adapter(add), self.sub_adapter(sub)
        harmonic, noise = exp_sigmoid(harmonic), exp_sigmoid(noise + _NOISE_BIAS)
        return EngelControls(harmonic[..., :1], harmonic[..., 1:], noise, env)

    def render(self, controls: EngelControls, note: Note) -> Float[Tensor, "batch sample"]:
        if note.noise is None:
            raise ValueError("the harmonic and noise synth needs a note with noise; draw it with_noise=True")
        shares = normalize_harmonics(controls.harmonic_distribution, note.highest_hz, self.sample_rate)
        amplitudes = controls.harmonic_amplitude * shares
        size = self.n_samples, self.sample_rate, self.hop_length
        if note.bend is None:
            harmonics = sum_of_harmonics(amplitudes, note.f0_hz, note.phase, *size)
        else:
            phase = note.phase_of_samples(*size)
            harmonics = sum_of_harmonics_at(amplitudes, phase, note.highest_hz, self.sample_rate, self.hop_length)
        filters = band_filters(controls.noise_magnitudes, self.noise_taps)
        noise = filter_noise(note.noise, filters, self.hop_length)
        return (harmonics + noise) * to_samples(controls.amplitude, self.hop_length, self.n_samples)
