"""Still curves: y_k = sigmoid(logit), one value per curve and clip that does not move.

What a synth reaches with the best still setting of each sound is what modulation has to improve on.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Parameterization


class Still(Parameterization):
    """The sigmoid of a single logit, at every frame."""

    n_tokens = 1
    n_outputs = 1
    n_numbers = 1.0

    def __init__(self, n_frames: int) -> None:
        super().__init__()
        self.n_frames = n_frames

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002  (nor noise)
    ) -> Float[Tensor, "batch modulation frame"]:
        return torch.sigmoid(logits.squeeze(-1)).repeat(1, 1, self.n_frames)
