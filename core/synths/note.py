"""Notes: the inputs of a synth besides its modulation curves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips
from core.ops.phase import constant_pitch_phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Pitch, resonance, start phase and noise of each clip.

    Phase and noise are random and drawn outside the synth, so rendering is deterministic.
    """

    f0_hz: Float[Tensor, " batch"]
    q: Float[Tensor, " batch"]
    """Filter resonance in 0..1."""
    phase: Float[Tensor, " batch"]
    """Start phase of the oscillator in cycles, 0..1."""
    noise: Float[Tensor, "batch sample"] | None = None
    """White noise, uniform in -1..1, for synths that play it."""

    @property
    def highest_hz(self) -> Float[Tensor, " batch"]:
        """Highest pitch of each clip."""
        return self.f0_hz

    def phase_of_samples(
        self,
        n_samples: int,
        sample_rate: int,
        hop_length: int,  # noqa: ARG002
    ) -> Float[Tensor, "batch {n_samples}"]:
        """Phase of an oscillator at each sample in cycles, as float64 and not wrapped."""
        return constant_pitch_phase(self.f0_hz, self.phase, n_samples, sample_rate)

    def __getitem__(self, index: slice) -> "Note":
        """The notes of a slice of the clips."""
        noise = None if self.noise is None else self.noise[index]
        return Note(f0_hz=self.f0_hz[index], q=self.q[index], phase=self.phase[index], noise=noise)


def draw_note(clips: Clips, generator: torch.Generator, *, with_noise: bool) -> Note:
    """A note per clip, with random phase and optionally white noise.

    Args:
        clips: Source of pitch and resonance.
        generator: On the CPU, where draws do not depend on the device.
        with_noise: Whether to draw noise.
    """
    batch, n_samples = clips.audio.shape
    device = clips.audio.device
    phase = torch.rand(batch, generator=generator).to(device, non_blocking=True)
    noise = None
    if with_noise:
        noise = (2 * torch.rand(batch, n_samples, generator=generator) - 1).to(device, non_blocking=True)
    return Note(f0_hz=clips.f0_hz, q=clips.q, phase=phase, noise=noise)
