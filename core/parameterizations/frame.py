"""Frame-wise curves: y_k = sigmoid(logit_k), one free value per modulation frame.

Reference: the Frame condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Parameterization


class Frame(Parameterization):
    """The sigmoid of one logit per frame."""

    n_outputs = 1
    # The gradient of a single frame is noisy; where a filter follows, it averages over frames.
    refinement_steps = (2 / 3,)

    def __init__(self, n_frames: int) -> None:
        super().__init__()
        self.n_tokens = n_frames
        self.n_numbers = float(n_frames)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002  (nor noise)
    ) -> Float[Tensor, "batch modulation frame"]:
        return torch.sigmoid(logits.squeeze(-1))
