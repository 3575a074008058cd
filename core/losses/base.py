"""Base class of the losses."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """Differentiable distance between two batches of sound; 0 if they are equal, smaller is better."""

    @abstractmethod
    def forward(
        self, estimate: Float[Tensor, "batch sample"], target: Float[Tensor, "batch sample"]
    ) -> Float[Tensor, ""]:
        """Distance between the batches as a scalar, differentiable in the estimate."""

    @abstractmethod
    def per_clip(
        self, estimate: Float[Tensor, "clip sample"], target: Float[Tensor, "clip sample"]
    ) -> Float[Tensor, " clip"]:
        """Distance between each estimate and its target, equal to `forward` of that clip alone."""
