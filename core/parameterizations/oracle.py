"""The oracle, an upper reference: the true curves control the synth, of which everything else is trained as usual.

Reference: the Oracle condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.parameterizations.base import Baseline


class Oracle(Baseline):
    """The true curves of each clip."""

    n_numbers = math.nan

    def forward(
        self,
        batch: int,
        n_modulations: int,
        generator: torch.Generator,  # noqa: ARG002  (nothing is random)
        true_curves: Float[Tensor, "{batch} {n_modulations} frame"] | None = None,
    ) -> Float[Tensor, "{batch} {n_modulations} frame"]:
        """The true curves.

        Raises:
            ValueError: there are none, or their number is another one.
        """
        if true_curves is None or tuple(true_curves.shape[:2]) != (batch, n_modulations):
            found = "none" if true_curves is None else f"shape {tuple(true_curves.shape)}"
            raise ValueError(
                f"an oracle needs the true curves of {n_modulations} modulations of {batch} clips; got {found}; "
                "give it data that have them"
            )
        return true_curves
