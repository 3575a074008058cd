"""What a note is beside its modulation."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Constants of each clip, and the chance in its sound, drawn outside the synth so that rendering is a function."""

    f0_hz: Float[Tensor, " batch"]
    q: Float[Tensor, " batch"]
    """Filter resonance in 0..1."""
    phase: Float[Tensor, " batch"]
    """Start phase of the oscillator in cycles, 0..1."""
    noise: Float[Tensor, "batch sample"] | None = None
    """White noise, uniform in -1..1, for synths that play it."""

    def __getitem__(self, part: slice) -> "Note":
        noise = None if self.noise is None else self.noise[part]
        return Note(f0_hz=self.f0_hz[part], q=self.q[part], phase=self.phase[part], noise=noise)


def draw_note(clips: Clips, generator: torch.Generator, *, with_noise: bool) -> Note:
    """Each clip's note with a phase of its own, and a noise; the generator is a CPU one, for equal draws everywhere."""
    batch, n_samples = clips.audio.shape
    device = clips.audio.device
    phase = torch.rand(batch, generator=generator).to(device)
    noise = (2 * torch.rand(batch, n_samples, generator=generator) - 1).to(device) if with_noise else None
    return Note(f0_hz=clips.f0_hz, q=clips.q, phase=phase, noise=noise)
