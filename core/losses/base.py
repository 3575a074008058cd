"""What a loss is: a differentiable distance between two batches of sound."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """0 at equality; smaller is better."""

    @abstractmethod
    def forward(
        self, estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"]
    ) -> Float[Tensor, ""]:
        """One distance of the whole batch, differentiable in the estimate."""
