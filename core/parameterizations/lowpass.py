"""Low-passed frames: y = h * sigmoid(logits), h a fixed zero-phase windowed sinc with unit DC gain.

Reference: the LPF condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204: sinc x Blackman, replicate padding.
The kernel spans the main lobe of the sinc (half-length = floor(frame_rate / (2 cutoff))), so every tap is at least zero
and a curve in [0, 1] stays there by construction, at any cutoff and frame rate.
The gradient is the same convolution of the gradient, its overhang folded onto the first and last frame.
"""

import math
from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, gradients_by_reference, has_kernel, kernel

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
        return convolve(frames, self.taps.to(frames.dtype))


def convolve(frames: Float[Tensor, "*shape frame"], taps: Float[Tensor, " tap"]) -> Float[Tensor, "*shape frame"]:
    """Convolve with an odd number of symmetric taps, both ends replicated; differentiable in the frames."""
    if not has_kernel(frames, taps):
        return convolve_reference(frames, taps)
    convolved: Tensor = _Convolve.apply(frames, taps)
    return convolved


def convolve_reference(
    frames: Float[Tensor, "*shape frame"], taps: Float[Tensor, " tap"]
) -> Float[Tensor, "*shape frame"]:
    """The same by torch operations."""
    padding = taps.shape[0] // 2
    padded = F.pad(frames.reshape(-1, 1, frames.shape[-1]), (padding, padding), mode="replicate")
    return F.conv1d(padded, taps.view(1, 1, -1)).view(frames.shape)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, frames: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(frames, taps)
        source = array(frames)
        convolved = np.empty_like(source)
        _convolve(source.reshape(-1, source.shape[-1]), array(taps), convolved.reshape(-1, source.shape[-1]))
        return torch.from_numpy(convolved)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        frames, taps = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(frames: Tensor) -> Tensor:
                return convolve_reference(frames, taps)

            return gradients_by_reference(reference, (frames,), (True,), gradient)[0], None
        pull = array(gradient)
        d_frames = np.empty_like(pull)
        _convolve_backwards(pull.reshape(-1, pull.shape[-1]), array(taps), d_frames.reshape(-1, pull.shape[-1]))
        return torch.from_numpy(d_frames), None


@kernel
@no_type_check
def _convolve(frames, taps, convolved):
    n_frames, half = frames.shape[1], taps.shape[0] // 2
    padded = np.empty(n_frames + 2 * half, frames.dtype)
    for row in range(frames.shape[0]):
        source, out = frames[row], convolved[row]
        padded[:half] = source[0]
        padded[half : half + n_frames] = source
        padded[half + n_frames :] = source[n_frames - 1]
        _convolve_inside(padded, taps, out)


@kernel
@no_type_check
def _convolve_backwards(pull, taps, d_frames):
    n_frames, half = pull.shape[1], taps.shape[0] // 2
    padded = np.zeros(n_frames + 4 * half, pull.dtype)
    overhanging = np.empty(n_frames + 2 * half, pull.dtype)
    for row in range(pull.shape[0]):
        out = d_frames[row]
        padded[2 * half : 2 * half + n_frames] = pull[row]
        _convolve_inside(padded, taps, overhanging)
        out[:] = overhanging[half : half + n_frames]
        for i in range(half):
            out[0] += overhanging[i]
            out[n_frames - 1] += overhanging[half + n_frames + i]


@kernel
@no_type_check
def _convolve_inside(padded, taps, out):
    """As many values as there are places where all taps fit."""
    half = taps.shape[0] // 2
    n = out.shape[0]
    tap, centre = taps[half], padded[half:]
    for i in range(n):
        out[i] = tap * centre[i]
    for k in range(half):
        tap, before, after = taps[k], padded[k:], padded[2 * half - k :]
        for i in range(n):
            out[i] += tap * (before[i] + after[i])
