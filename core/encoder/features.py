"""What LFO-net hears: log-mel spectrogram, its time delta, and the delta of that.

log1p(mel / 1e-4), mel of power spectra, HTK scale, 0 to Nyquist, no normalisation; centred frames every hop_length

On the CPU so many frames at a time as a core's cache holds go from sound to mel bands. A band is the sum of the few
bins under its triangle, for several frames side by side. Nothing is kept for a gradient: sound that has one takes the
way of the library.
"""

import warnings
from typing import Any, no_type_check

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio.functional as AF
from jaxtyping import Float
from torch import Tensor, nn

from core.kernels import array, has_kernel, kernel

_MEL_FLOOR = 1e-4
_SAMPLES_AT_A_TIME = 2**18
"""Of windowed frames: a quarter and four times as many were slower at 48 kHz, fewer at 16 kHz."""
_FRAMES_SIDE_BY_SIDE = 32


class LogMelFeatures(nn.Module):
    """Three channels of mel band by modulation frame."""

    window: Tensor
    filterbank: Tensor
    band_weights: Tensor

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, n_mels: int, delta_window_s: float) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.delta_frames = max(3, 2 * round(delta_window_s * sample_rate / hop_length / 2) + 1)
        filterbank = mel_filterbank(n_fft, n_mels, sample_rate)
        self.first_bins, self.band_ends, weights = _bands(filterbank)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("filterbank", filterbank, persistent=False)
        self.register_buffer("band_weights", weights, persistent=False)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 3 mel frame"]:
        can_reflect = self.n_fft // 2 < audio.shape[1]
        if not (can_reflect and has_kernel(audio, self.window)) or audio.requires_grad:
            return self.reference(audio)
        half = self.n_fft // 2
        # The library's padding takes several times as long.
        reflected = torch.cat([audio[:, 1 : half + 1].flip(1), audio, audio[:, -half - 1 : -1].flip(1)], 1)
        frames = reflected.unfold(-1, self.n_fft, self.hop_length)
        batch, n_frames, _ = frames.shape
        features = torch.empty(batch, 3, self.filterbank.shape[1], n_frames, dtype=audio.dtype)
        bands = self.first_bins, self.band_ends, array(self.band_weights)
        at_a_time = max(_FRAMES_SIDE_BY_SIDE, _SAMPLES_AT_A_TIME // (batch * self.n_fft))
        for first in range(0, n_frames, at_a_time):
            spectrum = torch.fft.rfft(frames[:, first : first + at_a_time] * self.window)
            _fill_bands(array(torch.view_as_real(spectrum).flatten(-2)), *bands, first, features.numpy())
        features[:, 0].log1p_()
        _fill_deltas(self.delta_frames // 2, features.numpy())
        return features

    def reference(self, audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 3 mel frame"]:
        """The same by torch operations, differentiable."""
        spectrum = torch.stft(audio, self.n_fft, self.hop_length, window=self.window, center=True, return_complex=True)
        mel = self.filterbank.t() @ (spectrum.real.square() + spectrum.imag.square())
        log_mel = torch.log1p(mel / _MEL_FLOOR)
        delta = AF.compute_deltas(log_mel, self.delta_frames)
        return torch.stack([log_mel, delta, AF.compute_deltas(delta, self.delta_frames)], 1)


def mel_filterbank(n_fft: int, n_mels: int, sample_rate: int) -> Float[Tensor, "bin mel"]:
    """HTK triangles from 0 to Nyquist. Bands narrower than a bin may be empty, as in the reference."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        bank: Tensor = AF.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, n_mels, sample_rate, mel_scale="htk")
    return bank


def _bands(filterbank: Float[Tensor, "bin mel"]) -> tuple[Any, Any, Float[Tensor, " weight"]]:
    """Each band's first bin, where its weights end among those of all bands, and the weights, filled up to pairs."""
    first_bins, band_ends, weights = [], [], [filterbank.new_empty(0)]
    for triangle in filterbank.t():
        bins = triangle.nonzero()[:, 0].tolist() or [0]
        under = triangle[bins[0] : bins[-1] + 1]
        first_bins.append(bins[0])
        weights.append(F.pad(under, (0, len(under) % 2)))
        band_ends.append(sum(map(len, weights)))
    return np.array(first_bins), np.array(band_ends), torch.cat(weights)


@kernel
@no_type_check
def _fill_bands(spectrum, first_bins, band_ends, weights, first, features):
    """Fill mel over its floor from interleaved spectra (batch, frame, 2 bin), of frames from `first` on."""
    batch, n_frames, n_bins = spectrum.shape[0], spectrum.shape[1], spectrum.shape[2] // 2
    power = np.zeros((n_bins + 1, _FRAMES_SIDE_BY_SIDE), spectrum.dtype)
    mel, scale = np.empty(_FRAMES_SIDE_BY_SIDE, spectrum.dtype), spectrum.dtype.type(1 / _MEL_FLOOR)
    for clip in range(batch):
        for start in range(0, n_frames, _FRAMES_SIDE_BY_SIDE):
            width = min(_FRAMES_SIDE_BY_SIDE, n_frames - start)
            for j in range(width):
                bins = spectrum[clip, start + j]
                for k in range(n_bins):
                    power[k, j] = bins[2 * k] * bins[2 * k] + bins[2 * k + 1] * bins[2 * k + 1]
            at = 0
            for band in range(first_bins.shape[0]):
                mel[:] = 0
                k = first_bins[band]
                while at < band_ends[band]:
                    weight, next_weight, of_bin, of_next = weights[at], weights[at + 1], power[k], power[k + 1]
                    for j in range(_FRAMES_SIDE_BY_SIDE):
                        mel[j] += weight * of_bin[j] + next_weight * of_next[j]
                    at += 2
                    k += 2
                for j in range(width):
                    features[clip, 0, band, first + start + j] = scale * mel[j]


@kernel
@no_type_check
def _fill_deltas(n, features):
    """Fill channels 1 and 2: the slope of a line through each frame of the channel before and n on either side."""
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
