"""Filtered noise: white noise through a time-varying FIR given by its magnitude in equal frequency bands.

Each hop of noise is convolved with its frame's zero-phase filter (Hann-windowed, delay removed) and overlap-added.
On the CPU this is done tap by tap, which is faster than FFTs of blocks this short, and the filters are the matrix
product of the magnitudes with the windowed cosines of all bands.
Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, double_backward, kernel, use_kernel
from core.ops.sizes import check_noise_filter_size


def band_filters(magnitudes: Float[Tensor, "batch frame band"], n_taps: int) -> Float[Tensor, "batch frame {n_taps}"]:
    """Impulse responses centred on tap n_taps // 2, from magnitudes at equally spaced frequencies from 0 to Nyquist.

    Raises:
        ValueError: n_taps is odd, or more than 2 (bands - 1).
    """
    check_noise_filter_size(n_taps, magnitudes.shape[-1])
    if not use_kernel(magnitudes):
        return band_filters_reference(magnitudes, n_taps)
    return magnitudes @ torch.from_numpy(_responses(magnitudes.shape[-1], n_taps, as_numpy(magnitudes).dtype))


def band_filters_reference(magnitudes: Float[Tensor, "*shape band"], n_taps: int) -> Float[Tensor, "*shape {n_taps}"]:
    """`band_filters` by an inverse FFT and a window."""
    response = torch.fft.irfft(torch.complex(magnitudes, torch.zeros_like(magnitudes)))
    half = n_taps // 2
    centred = torch.cat([response[..., response.shape[-1] - half :], response[..., :half]], -1)
    return centred * torch.hann_window(n_taps, dtype=magnitudes.dtype, device=magnitudes.device)


@cache
def _responses(n_bands: int, n_taps: int, dtype: Any) -> Any:
    """The impulse response of each band at magnitude 1 with all others at 0 (band, tap)."""
    return band_filters_reference(torch.eye(n_bands, dtype=torch.float64), n_taps).numpy().astype(dtype)


def filter_noise(
    noise: Float[Tensor, "batch sample"], filters: Float[Tensor, "batch frame tap"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """Noise of which each block of hop_length samples is filtered by the frame it starts on.

    Raises:
        ValueError: n_samples is not a multiple of hop_length, or there are fewer frames than blocks.
    """
    n_samples, n_frames = noise.shape[1], filters.shape[1]
    if n_samples % hop_length or n_frames * hop_length < n_samples:
        raise ValueError(
            f"noise is filtered in blocks of hop_length={hop_length}, one per frame; got {n_samples} samples and "
            f"{n_frames} frames; give a multiple of hop_length and one frame per block"
        )
    if noise.requires_grad or not use_kernel(noise, filters):
        return filter_noise_reference(noise, filters, hop_length)
    filtered: Tensor = _FilterNoise.apply(noise, filters, hop_length)
    return filtered


def filter_noise_reference(
    noise: Float[Tensor, "batch sample"], filters: Float[Tensor, "batch frame tap"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """`filter_noise` by FFTs of the blocks."""
    batch, n_samples = noise.shape
    n_blocks = n_samples // hop_length
    n_taps = filters.shape[-1]
    size = hop_length + n_taps
    blocks = noise.reshape(batch, n_blocks, hop_length)
    spectrum = torch.fft.rfft(blocks, n=size) * torch.fft.rfft(filters[:, :n_blocks], n=size)
    filtered = torch.fft.irfft(spectrum, n=size)
    total = torch.nn.functional.fold(
        filtered.transpose(1, 2), (1, (n_blocks - 1) * hop_length + size), (1, size), stride=(1, hop_length)
    )[:, 0, 0]
    return total[:, n_taps // 2 : n_taps // 2 + n_samples]


class _FilterNoise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, noise: Tensor, filters: Tensor, hop_length: int) -> Tensor:
        ctx.save_for_backward(noise, filters)
        ctx.hop_length = hop_length
        x = as_numpy(noise)
        y = np.empty_like(x)
        _convolve(x, as_numpy(filters), hop_length, y)
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[None, Tensor | None, None]:
        noise, filters = ctx.saved_tensors
        if torch.is_grad_enabled():

            def reference(filters: Tensor) -> Tensor:
                return filter_noise_reference(noise, filters, ctx.hop_length)

            return None, double_backward(reference, (filters,), (True,), grad_output)[0], None
        grad_filters = np.zeros(tuple(filters.shape), as_numpy(noise).dtype)
        _correlate(as_numpy(grad_output), as_numpy(noise), ctx.hop_length, grad_filters)
        return None, torch.from_numpy(grad_filters), None


@kernel
@no_type_check
def _convolve(noise, filters, hop_length, filtered):
    """Fill filtered, four taps per pass."""
    n_samples, n_taps = noise.shape[1], filters.shape[2]
    n_passes = (n_taps + 3) // 4
    total = np.empty(n_samples + 4 * n_passes, noise.dtype)
    # Zeros around the block and after the last tap.
    block, taps = np.zeros(hop_length + 6, noise.dtype), np.zeros(4 * n_passes, noise.dtype)
    for clip in range(noise.shape[0]):
        total[:] = 0
        for frame in range(n_samples // hop_length):
            start = frame * hop_length
            block[3 : 3 + hop_length] = noise[clip, start : start + hop_length]
            taps[:n_taps] = filters[clip, frame]
            for k in range(0, n_taps, 4):
                f0, f1, f2, f3 = taps[k], taps[k + 1], taps[k + 2], taps[k + 3]
                total_ = total[start + k : start + k + hop_length + 3]
                for n in range(hop_length + 3):
                    total_[n] += f0 * block[n + 3] + f1 * block[n + 2] + f2 * block[n + 1] + f3 * block[n]
        filtered[clip] = total[n_taps // 2 : n_taps // 2 + n_samples]


@kernel
@no_type_check
def _correlate(grad_filtered, noise, hop_length, grad_filters):
    """Fill the gradients of the filters in use, four taps per pass."""
    n_samples, n_taps = noise.shape[1], grad_filters.shape[2]
    n_passes = (n_taps + 3) // 4
    zero = grad_filtered.dtype.type(0)
    padded = np.zeros(n_samples + 4 * n_passes, grad_filtered.dtype)
    grad_taps = np.empty(4 * n_passes, grad_filtered.dtype)
    for clip in range(noise.shape[0]):
        padded[n_taps // 2 : n_taps // 2 + n_samples] = grad_filtered[clip]
        for frame in range(n_samples // hop_length):
            start = frame * hop_length
            noise_ = noise[clip, start : start + hop_length]
            for k in range(0, n_taps, 4):
                f0 = f1 = f2 = f3 = zero
                grad_ = padded[start + k : start + k + hop_length + 3]
                for n in range(hop_length):
                    x = noise_[n]
                    f0 += x * grad_[n]
                    f1 += x * grad_[n + 1]
                    f2 += x * grad_[n + 2]
                    f3 += x * grad_[n + 3]
                grad_taps[k], grad_taps[k + 1], grad_taps[k + 2], grad_taps[k + 3] = f0, f1, f2, f3
            grad_filters[clip, frame] = grad_taps[:n_taps]
