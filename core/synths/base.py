"""What a synth is: two steps from modulation curves to sound."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.synths.note import Note

Controls = TypeVar("Controls")


class Synth(nn.Module, ABC, Generic[Controls]):
    """A differentiable synth, played by curves in 0..1: its config's `modulations`, in their order."""

    n_samples: int
    plays_noise: ClassVar[bool] = False
    """Whether it needs a note's noise."""

    @property
    @abstractmethod
    def control_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Smallest and largest value of each field of `Controls`, in the field's own unit."""

    @abstractmethod
    def controls(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Controls:
        """Curves to physical controls at frame rate.

        Args:
            curriculum: Strength of the training curriculum, 1 to 0.
            generator: Draws the curriculum's noise; needed where curriculum > 0.
        """

    @abstractmethod
    def render(self, controls: Controls, note: Note) -> Float[Tensor, "batch sample"]:
        """Physical controls to audio. The same controls and note give the same sound, whatever else is in the batch."""

    def forward(
        self,
        modulation: Float[Tensor, "batch modulation frame"],
        note: Note,
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch sample"]:
        return self.render(self.controls(modulation, curriculum, generator), note)

    def sound_parameters(self) -> list[nn.Parameter]:
        """The weights that are the synth's own sound (such as a table), trained at a learning rate of their own."""
        return []
