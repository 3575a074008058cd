"""Low-passed frames: y = h * sigmoid(logits), h a fixed zero-phase windowed sinc with unit DC gain.

Reference: the LPF condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204; the filter is `core.ops.low_pass`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.low_pass import convolve, lowpass_kernel
from core.parameterizations.frame import Frame


class LowPass(Frame):
    """Frame-wise curves convolved with a low-pass of unit DC gain, which leaves constant curves unchanged."""

    taps: Tensor
    """Impulse response of the filter, symmetric."""

    def __init__(self, n_frames: int, cutoff_hz: float, frame_rate: float) -> None:
        super().__init__(n_frames)
        # The sampling theorem: a band of this width has two numbers per period of its highest frequency.
        self.n_numbers = 2 * cutoff_hz * n_frames / frame_rate
        self.register_buffer("taps", lowpass_kernel(cutoff_hz, frame_rate).float(), persistent=False)

    def forward(
        self,
        logits: Float[Tensor, "batch modulation token 1"],
        curriculum: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch modulation frame"]:
        frames = super().forward(logits, curriculum, generator)
        return convolve(frames, self.taps.to(frames.dtype))
