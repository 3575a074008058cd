"""Random frames, a baseline: every value of every curve is uniform in 0..1, independent of the sound and each other.

Reference: the random-frame chance level of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Baseline


class RandomFrame(Baseline):
    """White noise in 0..1."""

    def __init__(self, n_frames: int) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.n_numbers = float(n_frames)

    def forward(
        self,
        batch: int,
        n_modulations: int,
        generator: torch.Generator,
        true_curves: Float[Tensor, "{batch} {n_modulations} frame"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        return torch.rand(batch, n_modulations, self.n_frames, generator=generator)
