"""Base classes: parameterizations map the encoder's logits to curves in 0..1, baselines have no encoder."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Parameterization(nn.Module, ABC):
    """A map from logits to curves, the same for every modulation."""

    n_tokens: int
    """Tokens that the encoder predicts per curve, such as frames or control points."""
    n_outputs: int
    """Logits per token."""
    refinement_steps: tuple[float, ...] = (1.0,)
    """Step size in `core.training.refinement` of all logits of a token, or of each, relative to `trainer.refine_lr`."""

    @abstractmethod
    def forward(
        self, logits: Float[Tensor, "batch modulation token output"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: The output of the encoder.
            curriculum: Strength of the training curriculum, from 1 to 0; it is 0 in evaluation.
        """


class Baseline(nn.Module, ABC):
    """Curves that do not depend on the sound, for comparison."""

    @abstractmethod
    def forward(
        self, batch: int, n_modulations: int, generator: torch.Generator
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        """Curves in 0..1 for a batch of clips; random curves are drawn from the CPU generator."""
