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
    n_numbers: float
    """Numbers that a person would have to edit to draw a curve; the largest count if it depends on the curve."""
    refinement_steps: tuple[float, ...] = (1.0,)
    """Step size in `core.training.refinement` of all logits of a token, or of each, relative to `trainer.refine_lr`."""

    @abstractmethod
    def forward(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            logits: The output of the encoder.
            curriculum: Strength of the training curriculum, from 1 to 0; it is 0 in evaluation.
            generator: Source of noise in training; None in evaluation, where curves depend on the logits alone.
        """

    def penalty(
        self,
        logits: Float[Tensor, "batch modulation token output"],
        curriculum: float = 0.0,  # noqa: ARG002  (for parameterizations with a penalty)
    ) -> Float[Tensor, ""]:
        """What is added to the training loss, and to no other loss; 0 unless a parameterization has a penalty."""
        return logits.new_zeros(())

    def numbers(self, logits: Float[Tensor, "batch modulation token output"]) -> Float[Tensor, "batch modulation"]:
        """Numbers that a person would have to edit to draw each of the curves."""
        return logits.new_full(logits.shape[:2], self.n_numbers)


class Baseline(nn.Module, ABC):
    """Curves that do not depend on the sound, for comparison."""

    n_numbers: float
    """Numbers that a person would have to edit to draw a curve; NaN if nothing describes it."""

    @abstractmethod
    def forward(
        self,
        batch: int,
        n_modulations: int,
        generator: torch.Generator,
        true_curves: Float[Tensor, "{batch} {n_modulations} frame"] | None = None,
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        """Curves in 0..1 for a batch of clips.

        Args:
            batch: Number of clips.
            n_modulations: Number of modulations.
            generator: Source of random curves, on the CPU.
            true_curves: The true curves, for a baseline that needs them.
        """
