"""Features of sounds over time: level, spectral centroid, bandwidth and flatness of each frame.

With the magnitudes m_k of a Hann-windowed frame at the frequencies f_k, and means over the window's energy:

    rms        sqrt(mean x^2)                          centroid   sum m_k f_k / sum m_k
    bandwidth  sqrt(sum m_k (f_k - centroid)^2 / sum m_k)
    flatness   exp(mean ln m_k^2) / mean m_k^2         1 for white noise and for silence, towards 0 for tones

They are those of librosa (McFee et al. 2015), but for the level, whose frames are windowed as well. Plain torch
operations: they are evaluated once a trial.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

Feature = Literal["rms", "centroid", "bandwidth", "flatness"]
"""Name of a feature."""
FEATURES: tuple[Feature, ...] = get_args(Feature)
"""All features, in the order of `audio_features`."""
WINDOW_S = 0.02
"""The window is the power of two of at least this duration: 512 samples at 16 kHz, 1,024 at 48 kHz."""
CLIPS_AT_ONCE = 8
"""Clips whose spectra are held at the same time."""
_SMALLEST_POWER = 1e-10
"""Smallest power of a bin in the flatness, as in librosa."""
_SMALLEST_SUM = 1e-8
"""Smallest sum of magnitudes; quieter frames have a centroid and a bandwidth of about 0."""


def audio_features(
    audio: Float[Tensor, "clip sample"], sample_rate: int, hop_length: int
) -> Float[Tensor, "clip 4 frame"]:
    """The `FEATURES` of each frame: level (full scale is 1), centroid and bandwidth in Hz, and flatness.

    Frames are centred on every `hop_length`-th sample, with the sound reflected at its ends.
    """
    starts = range(0, len(audio), CLIPS_AT_ONCE)
    return torch.cat([_features(audio[start : start + CLIPS_AT_ONCE], sample_rate, hop_length) for start in starts])


def _features(audio: Float[Tensor, "clip sample"], sample_rate: int, hop_length: int) -> Float[Tensor, "clip 4 frame"]:
    n_fft = 1 << (round(WINDOW_S * sample_rate) - 1).bit_length()
    window = torch.hann_window(n_fft, dtype=audio.dtype, device=audio.device)
    spectrum = torch.stft(audio, n_fft, hop_length, window=window, center=True, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    magnitude = power.sqrt()
    # Parseval: bins between 0 Hz and Nyquist stand for two.
    energy = 2 * power.sum(1) - power[:, 0] - power[:, -1]
    rms = (energy / (n_fft * window.square().sum())).sqrt()
    frequency = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=audio.dtype, device=audio.device)[:, None]
    share = magnitude / magnitude.sum(1, keepdim=True).clamp_min(_SMALLEST_SUM)
    centroid = (share * frequency).sum(1)
    bandwidth = (share * (frequency - centroid[:, None]).square()).sum(1).sqrt()
    audible = power.clamp_min(_SMALLEST_POWER)
    flatness = audible.log().mean(1).exp() / audible.mean(1)
    return torch.stack([rms, centroid, bandwidth, flatness], 1)
