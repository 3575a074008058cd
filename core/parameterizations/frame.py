"""Frame by frame: y_k = sigmoid(logit_k), one free value per modulation frame.

Reference: the Frame condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.parameterizations.lowpass import LowPass


class Frame(nn.Module):
    """Logits of every frame to curves in 0..1, optionally band-limited."""

    n_outputs = 1

    def __init__(self, n_frames: int, lowpass: LowPass | None = None) -> None:
        super().__init__()
        self.n_tokens = n_frames
        self.lowpass = lowpass

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        alpha: float = 0.0,  # noqa: ARG002  (the curriculum changes only splines)
    ) -> Float[Tensor, "batch modulation frame"]:
        curves = torch.sigmoid(logits.squeeze(-1))
        return curves if self.lowpass is None else self.lowpass(curves)
