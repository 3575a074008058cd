"""Log-mel spectrogram, its time delta and the delta of that.

log1p(mel / 1e-4), mel of power spectra, HTK scale, 0 to Nyquist, no normalisation; centred frames every hop_length

The kernel computes a chunk of frames at a time ("Cache blocking" in README.md), and of a mel band only the bins under
its triangle. It has no gradient: audio that requires one goes through the torch reference.
"""

import warnings
from typing import Any, NamedTuple, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio.functional as AF
from jaxtyping import Float
from torch import Tensor

from core.ops.compiling import as_numpy, kernel, use_kernel

_MEL_FLOOR = 1e-4
"""Power that the mel spectrogram is divided by before the logarithm."""


_CHUNK_SAMPLES = 2**18
"""Samples of windowed frames per chunk: 1/4 of it and 4 times as many are slower at 48 kHz, fewer at 16 kHz."""


_FRAMES_PER_VECTOR = 32
"""Frames whose bands are summed side by side."""


class MelBands(NamedTuple):
    """The bins under each triangle of a mel filterbank, in the form that the kernel reads."""

    first_bins: Any
    """First bin of each band (integer array)."""
    band_ends: Any
    """End of each band's weights among the weights of all bands (integer array)."""
    weights: Float[Tensor, " weight"]
    """Weights of all bands one after the other, each band padded with a zero to an even number."""


def mel_filterbank(n_fft: int, n_mels: int, sample_rate: int) -> Float[Tensor, "bin mel"]:
    """HTK triangles from 0 Hz to Nyquist. Bands narrower than a bin may be empty, as in the reference."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        bank: Tensor = AF.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, n_mels, sample_rate, mel_scale="htk")
    return bank


def mel_bands(filterbank: Float[Tensor, "bin mel"]) -> MelBands:
    """The filterbank as sparse bands."""
    first_bins, band_ends, weights = [], [], [filterbank.new_empty(0)]
    for triangle in filterbank.t():
        bins = triangle.nonzero()[:, 0].tolist() or [0]
        band_weights = triangle[bins[0] : bins[-1] + 1]
        first_bins.append(bins[0])
        weights.append(F.pad(band_weights, (0, len(band_weights) % 2)))
        band_ends.append(sum(map(len, weights)))
    return MelBands(np.array(first_bins), np.array(band_ends), torch.cat(weights))


def log_mel_with_deltas(
    audio: Float[Tensor, "batch sample"],
    window: Float[Tensor, " n_fft"],
    filterbank: Float[Tensor, "bin mel"],
    bands: MelBands,
    hop_length: int,
    delta_frames: int,
) -> Float[Tensor, "batch 3 mel frame"]:
    """Log-mel spectrogram, delta and delta of the delta as three channels.

    Args:
        window: Of the STFT, as long as its FFT.
        filterbank: From `mel_filterbank`.
        bands: `mel_bands(filterbank)`.
        delta_frames: Odd number of frames over which a delta is the slope of the regression line.

    Raises:
        RuntimeError: the clips are too short for the reflection at their ends, n_fft / 2 samples.
    """
    n_fft, n_samples = window.shape[0], audio.shape[1]
    if audio.requires_grad or n_samples <= n_fft // 2 or not use_kernel(audio, window):
        return log_mel_with_deltas_reference(audio, window, filterbank, hop_length, delta_frames)
    half = n_fft // 2
    # Several times as fast as torch.nn.functional.pad.
    reflected = torch.cat([audio[:, 1 : half + 1].flip(1), audio, audio[:, -half - 1 : -1].flip(1)], 1)
    frames = reflected.unfold(-1, n_fft, hop_length)
    batch, n_frames, _ = frames.shape
    features = torch.empty(batch, 3, filterbank.shape[1], n_frames, dtype=audio.dtype)
    first_bins, band_ends, weights = bands.first_bins, bands.band_ends, as_numpy(bands.weights.to(audio.dtype))
    chunk_frames = max(_FRAMES_PER_VECTOR, _CHUNK_SAMPLES // (batch * n_fft))
    for first in range(0, n_frames, chunk_frames):
        spectrum = torch.fft.rfft(frames[:, first : first + chunk_frames] * window)
        interleaved = as_numpy(torch.view_as_real(spectrum).flatten(-2))
        _fill_bands(interleaved, first_bins, band_ends, weights, first, features.numpy())
    features[:, 0].log1p_()
    _fill_deltas(delta_frames // 2, features.numpy())
    return features


def log_mel_with_deltas_reference(
    audio: Float[Tensor, "batch sample"],
    window: Float[Tensor, " n_fft"],
    filterbank: Float[Tensor, "bin mel"],
    hop_length: int,
    delta_frames: int,
) -> Float[Tensor, "batch 3 mel frame"]:
    """`log_mel_with_deltas` in torch operations, differentiable."""
    spectrum = torch.stft(audio, window.shape[0], hop_length, window=window, center=True, return_complex=True)
    mel = filterbank.t() @ (spectrum.real.square() + spectrum.imag.square())
    log_mel = torch.log1p(mel / _MEL_FLOOR)
    delta = AF.compute_deltas(log_mel, delta_frames)
    return torch.stack([log_mel, delta, AF.compute_deltas(delta, delta_frames)], 1)


@kernel
@no_type_check
def _fill_bands(spectrum, first_bins, band_ends, weights, first, features):
    """Fill mel / floor from interleaved spectra (batch, frame, 2 bin) into the frames from `first` on."""
    batch, n_frames, n_bins = spectrum.shape[0], spectrum.shape[1], spectrum.shape[2] // 2
    power = np.zeros((n_bins + 1, _FRAMES_PER_VECTOR), spectrum.dtype)
    mel, scale = np.empty(_FRAMES_PER_VECTOR, spectrum.dtype), spectrum.dtype.type(1 / _MEL_FLOOR)
    for clip in range(batch):
        for start in range(0, n_frames, _FRAMES_PER_VECTOR):
            width = min(_FRAMES_PER_VECTOR, n_frames - start)
            for j in range(width):
                bins = spectrum[clip, start + j]
                for k in range(n_bins):
                    power[k, j] = bins[2 * k] * bins[2 * k] + bins[2 * k + 1] * bins[2 * k + 1]
            index = 0
            for band in range(first_bins.shape[0]):
                mel[:] = 0
                k = first_bins[band]
                while index < band_ends[band]:
                    weight, next_weight = weights[index], weights[index + 1]
                    bin_power, next_power = power[k], power[k + 1]
                    for j in range(_FRAMES_PER_VECTOR):
                        mel[j] += weight * bin_power[j] + next_weight * next_power[j]
                    index += 2
                    k += 2
                for j in range(width):
                    features[clip, 0, band, first + start + j] = scale * mel[j]


@kernel
@no_type_check
def _fill_deltas(n, features):
    """Fill channels 1 and 2: the slope of the regression line over 2 n + 1 frames of the channel before."""
    batch, n_channels, n_mels, n_frames = features.shape
    padded = np.empty(n_frames + 2 * n, features.dtype)
    scale = features.dtype.type(3.0 / (n * (n + 1) * (2 * n + 1)))
    for clip in range(batch):
        for channel in range(1, n_channels):
            for mel in range(n_mels):
                source, delta = features[clip, channel - 1, mel], features[clip, channel, mel]
                padded[:n] = source[0]
                padded[n : n + n_frames] = source
                padded[n + n_frames :] = source[n_frames - 1]
                delta[:] = 0
                for k in range(1, n + 1):
                    weight = features.dtype.type(k) * scale
                    after, before = padded[n + k :], padded[n - k :]
                    for i in range(n_frames):
                        delta[i] += weight * (after[i] - before[i])
