"""Filtered noise: white noise through a time-varying FIR given by its magnitude in equal frequency bands.

Each hop of noise is convolved with its frame's zero-phase filter (Hann-windowed, delay removed) and overlap-added.
Reference: Engel et al. (2020), "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def band_filters(magnitudes: Float[Tensor, "batch frame band"], n_taps: int) -> Float[Tensor, "batch frame {n_taps}"]:
    """Linear-phase impulse responses, centred on tap n_taps // 2, from magnitudes at equal steps from 0 to Nyquist."""
    response = torch.fft.irfft(torch.complex(magnitudes, torch.zeros_like(magnitudes)))
    length = response.shape[-1]
    if n_taps % 2 or n_taps > length:
        raise ValueError(
            f"noise_taps must be even and at most 2 (n_noise_bands - 1) = {length}; got {n_taps}; "
            "lower noise_taps or raise n_noise_bands"
        )
    half = n_taps // 2
    centred = torch.cat([response[..., length - half :], response[..., :half]], -1)
    return centred * torch.hann_window(n_taps, dtype=magnitudes.dtype, device=magnitudes.device)


def filter_noise(
    noise: Float[Tensor, "batch sample"], filters: Float[Tensor, "batch frame tap"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """Each block of hop_length samples through the filter of the frame it begins on."""
    batch, n_samples = noise.shape
    n_blocks = n_samples // hop_length
    n_taps = filters.shape[-1]
    size = hop_length + n_taps
    blocks = noise.view(batch, n_blocks, hop_length)
    spectrum = torch.fft.rfft(blocks, n=size) * torch.fft.rfft(filters[:, :n_blocks], n=size)
    filtered = torch.fft.irfft(spectrum, n=size)
    total = torch.nn.functional.fold(
        filtered.transpose(1, 2), (1, (n_blocks - 1) * hop_length + size), (1, size), stride=(1, hop_length)
    )[:, 0, 0]
    return total[:, n_taps // 2 : n_taps // 2 + n_samples]
