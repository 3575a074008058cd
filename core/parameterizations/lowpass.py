"""Low-passed frames: y = h * sigmoid(logits), h a fixed zero-phase windowed sinc with unit DC gain.

Reference: the LPF condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204: sinc x Blackman, replicate padding.
The kernel spans the main lobe of the sinc (half-length = floor(frame_rate / (2 cutoff))), so every tap is at least zero
and a curve in [0, 1] stays there by construction, at any cutoff and frame rate.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

MIN_TAPS = 11
"""Fewer taps are no filter any more."""


def lowpass_kernel(cutoff_hz: float, frame_rate: float) -> Float[Tensor, " tap"]:
    """The taps in float64, symmetric, all at least zero, summing to one.

    Raises:
        ValueError: the frame rate cannot resolve the cutoff.
    """
    half_length = math.floor(frame_rate / (2 * cutoff_hz)) if cutoff_hz > 0 else 0
    if 2 * half_length + 1 < MIN_TAPS:
        highest = frame_rate / (MIN_TAPS - 1)
        raise ValueError(
            f"a low-pass needs at least {MIN_TAPS} taps, so 0 < cutoff_hz <= {highest:g} at {frame_rate:g} frames per "
            f"second; got cutoff_hz={cutoff_hz:g}; lower it, or shorten hop_length"
        )
    n = torch.arange(-half_length, half_length + 1, dtype=torch.float64)
    sinc = torch.sinc(2 * cutoff_hz / frame_rate * n)
    window = torch.blackman_window(2 * half_length + 1, periodic=False, dtype=torch.float64)
    taps = (sinc * window).clamp_min(0.0)
    return taps / taps.sum()


class LowPass(nn.Module):
    """Band-limits curves; a constant curve is a fixed point."""

    taps: Tensor

    def __init__(self, cutoff_hz: float, frame_rate: float) -> None:
        super().__init__()
        self.register_buffer("taps", lowpass_kernel(cutoff_hz, frame_rate).float(), persistent=False)

    def forward(self, frames: Float[Tensor, "batch modulation frame"]) -> Float[Tensor, "batch modulation frame"]:
        batch, modulation, n_frames = frames.shape
        padding = self.taps.shape[0] // 2
        padded = F.pad(frames.reshape(-1, 1, n_frames), (padding, padding), mode="replicate")
        return F.conv1d(padded, self.taps.to(frames.dtype).view(1, 1, -1)).view(batch, modulation, n_frames)
