"""Notes: the inputs of a synth besides its modulation curves, and the vibrato that bends their pitch.

Training draws the notes of a batch from one generator (`draw_note`), so that a clip's phase is another one at each
step. Targets and evaluation draw each clip's from a generator of its own (`note_by_id`): neither the batch size nor the
other clips change it.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips
from core.ops.phase import constant_pitch_phase, moving_pitch_phase
from core.seeding import generator as derived_generator


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

    bend: Float[Tensor, "batch frame"] | None = None
    """Pitch at each frame relative to f0_hz; None for a constant pitch."""
    highest_bend: float = 1.0
    """Largest value that `bend` can have."""

    @property
    def highest_hz(self) -> Float[Tensor, " batch"]:
        """Highest pitch that each clip can reach, for which oscillators are band-limited."""
        return self.f0_hz * self.highest_bend

    def phase_of_samples(self, n_samples: int, sample_rate: int, hop_length: int) -> Float[Tensor, "batch {n_samples}"]:
        """Phase of an oscillator at each sample in cycles, as float64 and not wrapped."""
        if self.bend is None:
            return constant_pitch_phase(self.f0_hz, self.phase, n_samples, sample_rate)
        pitch_hz = self.f0_hz.double()[:, None] * self.bend.double()
        return moving_pitch_phase(pitch_hz, self.phase, n_samples, sample_rate, hop_length)

    def __getitem__(self, index: slice) -> "Note":
        """The notes of a slice of the clips."""
        return replace(
            self,
            f0_hz=self.f0_hz[index],
            q=self.q[index],
            phase=self.phase[index],
            noise=None if self.noise is None else self.noise[index],
            bend=None if self.bend is None else self.bend[index],
        )


def draw_note(clips: Clips, generator: torch.Generator, *, with_noise: bool) -> Note:
    """A note per clip, with random phase and optionally white noise.

    Args:
        clips: Source of pitch and resonance.
        generator: On the CPU, where draws do not depend on the device.
        with_noise: Whether to draw noise.
    """
    batch, n_samples = clips.audio.shape
    phase = torch.rand(batch, generator=generator)
    noise = torch.rand(batch, n_samples, generator=generator) if with_noise else None
    return _note(clips, phase, noise)


def note_by_id(clips: Clips, seed: int, *purpose: str | int, with_noise: bool) -> Note:
    """A note per clip, with a phase and white noise that depend on the seed, the purpose and the clip's id only.

    Args:
        clips: Source of ids, pitch and resonance.
        seed: Base seed, see `core.seeding.generator`.
        purpose: Purpose of the draws.
        with_noise: Whether to draw noise; the phase is the same with and without.
    """
    n_samples = clips.audio.shape[1]
    phases: list[Tensor] = []
    noises: list[Tensor] = []
    for clip_id in clips.ids:
        draw = derived_generator(seed, *purpose, clip_id)
        phases.append(torch.rand((), generator=draw))
        if with_noise:
            noises.append(torch.rand(n_samples, generator=draw))
    return _note(clips, torch.stack(phases), torch.stack(noises) if with_noise else None)


def _note(clips: Clips, phase: Float[Tensor, " batch"], noise: Float[Tensor, "batch sample"] | None) -> Note:
    """A note on the device of the clips, from numbers in 0..1 drawn on the CPU."""
    device = clips.audio.device
    return Note(
        f0_hz=clips.f0_hz,
        q=clips.q,
        phase=phase.to(device, non_blocking=True),
        noise=None if noise is None else (2 * noise - 1).to(device, non_blocking=True),
    )


@dataclass(frozen=True, slots=True)
class Vibrato:
    """A curve that moves the pitch: f0 2^(semitones / 12 (2 curve - 1)), so that 0.5 is the pitch of the note."""

    channel: int
    """Place of the curve among the inputs of the synth."""
    semitones: float
    """Largest deviation."""

    def bend(self, note: Note, curve: Float[Tensor, "batch frame"]) -> Note:
        """The note with the pitch that the curve in 0..1 gives it."""
        octaves = self.semitones / 12
        return replace(note, bend=torch.exp2(octaves * (2 * curve - 1)), highest_bend=2.0**octaves)
