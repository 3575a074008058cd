"""Clips of one split in memory, as the trainer and the metrics take them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Sounds of one length with what is known of each."""

    ids: tuple[str, ...]
    audio: Float[Tensor, "clip sample"]
    f0_hz: Float[Tensor, " clip"]
    """Pitch, constant over the clip; given to the synth, never to the encoder."""
    q: Float[Tensor, " clip"]
    """Filter resonance in 0..1, a property of the patch like the pitch; 0 where nothing is known."""
    modulation: Float[Tensor, "clip modulation frame"] | None
    """The true curves in 0..1, None where they are unknown."""
    modulation_names: tuple[str, ...] = ()
    """Names of the true curves, none where they are unknown."""

    def __post_init__(self) -> None:
        n_curves = 0 if self.modulation is None else self.modulation.shape[1]
        if len(self.modulation_names) != n_curves:
            raise ValueError(f"{n_curves} true curves need as many names; got {self.modulation_names}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: slice | Tensor) -> "Clips":
        picked = torch.arange(len(self))[index]
        return Clips(
            ids=tuple(self.ids[i] for i in picked.tolist()),
            audio=self.audio[picked],
            f0_hz=self.f0_hz[picked],
            q=self.q[picked],
            modulation=None if self.modulation is None else self.modulation[picked],
            modulation_names=self.modulation_names,
        )

    def to(self, device: torch.device) -> "Clips":
        return Clips(
            ids=self.ids,
            audio=self.audio.to(device),
            f0_hz=self.f0_hz.to(device),
            q=self.q.to(device),
            modulation=None if self.modulation is None else self.modulation.to(device),
            modulation_names=self.modulation_names,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The three splits; no patch and no source file is in two of them."""

    train: Clips
    validation: Clips
    test: Clips
