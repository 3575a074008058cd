"""Constant curves, a baseline without modulation."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Baseline


class Constant(Baseline):
    """Every curve has the same constant value."""

    n_numbers = 1.0

    def __init__(self, n_frames: int, value: float) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.value = value

    def forward(
        self,
        batch: int,
        n_modulations: int,
        generator: torch.Generator,  # noqa: ARG002  (nothing is random)
        true_curves: Float[Tensor, "{batch} {n_modulations} frame"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        return torch.full((batch, n_modulations, self.n_frames), self.value)
