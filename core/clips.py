"""Clips in memory with sound, pitch, resonance, true curves and declared LFO rates, and data sets of three splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Sounds of equal length, each with its pitch, filter resonance and, where known, true modulation curves."""

    ids: tuple[str, ...]
    """Unique id of each clip."""
    audio: Float[Tensor, "clip sample"]
    f0_hz: Float[Tensor, " clip"]
    """Pitch, constant over the clip; an input of the synth, not of the encoder."""
    q: Float[Tensor, " clip"]
    """Filter resonance in 0..1, constant over the clip; 0 where unknown."""
    modulation: Float[Tensor, "clip modulation frame"] | None
    """The true curves in 0..1; None if they are unknown."""
    modulation_names: tuple[str, ...] = ()
    """Names of the true curves; empty if they are unknown."""
    lfo_hz: Float[Tensor, " clip"] | None = None
    """Rate of the LFO of each clip, as declared by the data, NaN where none is; None if no clip has one."""

    def __post_init__(self) -> None:
        n_curves = 0 if self.modulation is None else self.modulation.shape[1]
        if len(self.modulation_names) != n_curves:
            raise ValueError(f"{n_curves} true curves need as many names; got {self.modulation_names}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: slice | Tensor) -> "Clips":
        """The clips at a slice or at a tensor of indices."""
        indices = torch.arange(len(self))[index]
        ids = tuple(self.ids[i] for i in indices.tolist())
        # Indices on the CPU would make a GPU wait for their copy in each of the following lines.
        indices = indices.to(self.audio.device, non_blocking=True)
        return Clips(
            ids=ids,
            audio=self.audio[indices],
            f0_hz=self.f0_hz[indices],
            q=self.q[indices],
            modulation=None if self.modulation is None else self.modulation[indices],
            modulation_names=self.modulation_names,
            lfo_hz=None if self.lfo_hz is None else self.lfo_hz[indices],
        )

    def curves_of(self, names: Sequence[str]) -> Float[Tensor, "clip modulation frame"] | None:
        """The true curves of these modulations, in this order; None if those of any are unknown."""
        if self.modulation is None or not set(names) <= set(self.modulation_names):
            return None
        return torch.stack([self.modulation[:, self.modulation_names.index(name)] for name in names], 1)

    def to(self, device: torch.device) -> "Clips":
        """The clips with all tensors on a device."""
        return Clips(
            ids=self.ids,
            audio=self.audio.to(device),
            f0_hz=self.f0_hz.to(device),
            q=self.q.to(device),
            modulation=None if self.modulation is None else self.modulation.to(device),
            modulation_names=self.modulation_names,
            lfo_hz=None if self.lfo_hz is None else self.lfo_hz.to(device),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Training, validation and test clips; no patch and no source file occurs in two of the splits."""

    train: Clips
    validation: Clips
    test: Clips
