"""Low-passed frames: y = h * sigmoid(logits), h a fixed zero-phase windowed sinc with unit DC gain.

Reference: the LPF condition of Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204: sinc x Blackman, replicate padding.
The taps span the main lobe of the sinc (half-length floor(frame_rate / (2 cutoff))), so none is negative and a curve in
[0, 1] stays there by construction, at any cutoff and frame rate. The gradient is the same convolution of the incoming
gradient; what falls outside the clip is added to the first and last frame.
"""

from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.sizes import low_pass_half_length


def lowpass_kernel(cutoff_hz: float, frame_rate: float) -> Float[Tensor, " tap"]:
    """The taps in float64: symmetric, none negative, summing to 1.

    Raises:
        ValueError: the frame rate cannot resolve the cutoff.
    """
    half_length = low_pass_half_length(cutoff_hz, frame_rate)
    n = torch.arange(-half_length, half_length + 1, dtype=torch.float64)
    sinc = torch.sinc(2 * cutoff_hz / frame_rate * n)
    window = torch.blackman_window(2 * half_length + 1, periodic=False, dtype=torch.float64)
    taps = (sinc * window).clamp_min(0.0)
    return taps / taps.sum()


def convolve(frames: Float[Tensor, "*shape frame"], taps: Float[Tensor, " tap"]) -> Float[Tensor, "*shape frame"]:
    """Frames convolved with an odd number of symmetric taps, ends replicated; differentiable in the frames only."""
    if not use_kernel(frames, taps):
        return convolve_reference(frames, taps)
    convolved: Tensor = _Convolve.apply(frames, taps)
    return convolved


def convolve_reference(
    frames: Float[Tensor, "*shape frame"], taps: Float[Tensor, " tap"]
) -> Float[Tensor, "*shape frame"]:
    """`convolve` in torch operations."""
    padding = taps.shape[0] // 2
    padded = F.pad(frames.reshape(-1, 1, frames.shape[-1]), (padding, padding), mode="replicate")
    return F.conv1d(padded, taps.view(1, 1, -1)).view(frames.shape)


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, frames: Tensor, taps: Tensor) -> Tensor:
        ctx.save_for_backward(frames, taps)
        source = as_numpy(frames)
        convolved = np.empty_like(source)
        _convolve(source.reshape(-1, source.shape[-1]), as_numpy(taps), convolved.reshape(-1, source.shape[-1]))
        return torch.from_numpy(convolved)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, None]:
        frames, taps = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(frames: Tensor) -> Tensor:
                return convolve_reference(frames, taps)

            return double_backward(reference, (frames,), (True,), grad_output)[0], None
        grad_convolved = as_numpy(grad_output)
        grad_frames = np.empty_like(grad_convolved)
        rows = (-1, grad_convolved.shape[-1])
        _convolve_backward(grad_convolved.reshape(rows), as_numpy(taps), grad_frames.reshape(rows))
        return torch.from_numpy(grad_frames), None


@kernel
@no_type_check
def _convolve(frames, taps, convolved):
    """Fill convolved (row, frame)."""
    n_frames, half = frames.shape[1], taps.shape[0] // 2
    padded = np.empty(n_frames + 2 * half, frames.dtype)
    for row in range(frames.shape[0]):
        frames_row = frames[row]
        padded[:half] = frames_row[0]
        padded[half : half + n_frames] = frames_row
        padded[half + n_frames :] = frames_row[n_frames - 1]
        _convolve_valid(padded, taps, convolved[row])


@kernel
@no_type_check
def _convolve_backward(grad_convolved, taps, grad_frames):
    """Fill grad_frames (row, frame)."""
    n_frames, half = grad_convolved.shape[1], taps.shape[0] // 2
    padded = np.zeros(n_frames + 4 * half, grad_convolved.dtype)
    grad_padded = np.empty(n_frames + 2 * half, grad_convolved.dtype)
    for row in range(grad_convolved.shape[0]):
        grad_row = grad_frames[row]
        padded[2 * half : 2 * half + n_frames] = grad_convolved[row]
        _convolve_valid(padded, taps, grad_padded)
        grad_row[:] = grad_padded[half : half + n_frames]
        for i in range(half):
            grad_row[0] += grad_padded[i]
            grad_row[n_frames - 1] += grad_padded[half + n_frames + i]


@kernel
@no_type_check
def _convolve_valid(padded, taps, out):
    """Fill out where all taps overlap the padded frames ("valid" convolution), two symmetric taps at a time."""
    half = taps.shape[0] // 2
    n = out.shape[0]
    tap, centre = taps[half], padded[half:]
    for i in range(n):
        out[i] = tap * centre[i]
    for k in range(half):
        tap, before, after = taps[k], padded[k:], padded[2 * half - k :]
        for i in range(n):
            out[i] += tap * (before[i] + after[i])
