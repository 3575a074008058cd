"""Base class of the synths, which map modulation curves to physical controls, and controls to audio."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.synths.note import Note, Vibrato

Controls = TypeVar("Controls")
"""The controls of a synth, a dataclass of tensors at frame rate."""


class Synth(nn.Module, ABC, Generic[Controls]):
    """A differentiable synth controlled by curves in 0..1, in the order of its config's `modulations`.

    In a granular synth these inputs are followed by the config's `free_controls`, which are not bounded.
    """

    n_samples: int
    """Samples in a clip."""
    needs_noise: ClassVar[bool] = False
    """Whether `render` needs the noise of a note."""
    vibrato: Vibrato | None = None
    """What moves the pitch; None for a constant one."""

    @property
    @abstractmethod
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Smallest and largest value of each field of `Controls`, in the unit of the field."""

    @abstractmethod
    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Controls:
        """Map curves to physical controls at frame rate.

        Args:
            modulation: The curves in 0..1 without that of the vibrato, see `split_vibrato`.
            curriculum: Strength of the training curriculum, from 1 to 0.
            generator: Source of the curriculum's noise; required if curriculum > 0.
        """

    @abstractmethod
    def render(self, controls: Controls, note: Note) -> Float[Tensor, "batch sample"]:
        """Map physical controls to audio; each clip depends only on its own controls and note."""

    def forward(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        note: Note,
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch sample"]:
        """Map curves to audio: the vibrato bends the note, then `controls` and `render`."""
        modulation, note = self.split_vibrato(modulation, note)
        return self.render(self.controls(modulation, curriculum, generator), note)

    def split_vibrato(
        self, modulation: Float[Tensor, "batch modulation frame"], note: Note
    ) -> tuple[Float[Tensor, "batch other frame"], Note]:
        """The curves without that of the vibrato, and the note with the pitch that it has by this curve."""
        if self.vibrato is None:
            return modulation, note
        place = self.vibrato.channel
        others = torch.cat([modulation[:, :place], modulation[:, place + 1 :]], 1)
        return others, self.vibrato.bend(note, modulation[:, place])

    def sound_parameters(self) -> list[nn.Parameter]:
        """Trainable weights that define the sound, such as a wavetable; they have a separate learning rate."""
        return []
