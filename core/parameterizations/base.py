"""What a parameterization is: a map from the encoder's logits to curves in 0..1, or a baseline without an encoder."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Parameterization(nn.Module, ABC):
    """Logits to curves; the same map for every modulation."""

    n_tokens: int
    """Tokens that the encoder's head predicts for one curve: its frames, its control points, ..."""
    n_outputs: int
    """Logits of one token."""

    @abstractmethod
    def forward(
        self, logits: Float[Tensor, "batch modulation token output"], curriculum: float = 0.0
    ) -> Float[Tensor, "batch modulation frame"]:
        """Curves in 0..1.

        Args:
            curriculum: Strength of the training curriculum, 1 to 0; evaluation leaves it at 0.
        """


class Baseline(nn.Module, ABC):
    """Curves that do not depend on the sound: what any method has to beat."""

    @abstractmethod
    def forward(
        self, batch: int, n_modulations: int, generator: torch.Generator
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        """Curves in 0..1 for a batch of clips; whatever is random in them comes from the CPU generator."""
