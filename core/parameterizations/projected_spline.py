"""Projected splines: the encoder predicts every frame, and the spline that fits its logits best is the curve.

    curve = sigmoid(gain B (B^T B)^-1 B^T logits),  B the basis functions of a uniform B-spline at all frames

As many numbers describe the curve as the spline has coefficients, and the sigmoid bounds it. A spline whose few
coefficients are predicted directly (`core.parameterizations.b_spline`) is the same family of curves but for the
sigmoid; there the encoder must average its states over the frames of a coefficient before it knows how each of them
counts. Here it is trained as for frame-wise curves, with a gradient that is projected as well, since the projection
is symmetric. Unlike a low-pass, the projection leaves curves of its family unchanged.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.b_spline import uniform_basis
from core.parameterizations.base import Parameterization


class ProjectedSpline(Parameterization):
    """The sigmoid of the B-spline closest to frame-wise logits."""

    n_outputs = 1
    basis: Tensor
    """Orthonormal functions that span the splines, at all frames."""

    def __init__(self, n_frames: int, n_segments: int, degree: int, gain: float = 1.0) -> None:
        super().__init__()
        self.n_tokens = n_frames
        self.n_numbers = float(n_segments + degree)
        self.gain = gain
        orthonormal, _ = torch.linalg.qr(uniform_basis(n_segments, degree, n_frames))
        self.register_buffer("basis", orthonormal.float(), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        curriculum: float = 0.0,  # noqa: ARG002  (no curriculum here)
        generator: torch.Generator | None = None,  # noqa: ARG002  (nor noise)
    ) -> Float[Tensor, "batch modulation frame"]:
        spline = (logits.squeeze(-1) @ self.basis) @ self.basis.T
        return torch.sigmoid(self.gain * spline)
