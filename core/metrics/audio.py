"""Distances between target and estimated sound, one value per clip."""

import torch
from jaxtyping import Float
from torch import Tensor

from core.losses.mss import MultiResolutionStft
from core.metrics.base import AudioDistance, Metric, ReferencePoint
from core.ops.log_mel import mel_filterbank
from core.settings.losses import standard_resolutions
from core.statistics.support import NON_NEGATIVE

_WINDOW_S = 0.05
"""Window of the mel spectrogram."""
_HOP_S = 0.0125
"""Hop of the mel spectrogram."""
_N_MELS = 128
"""Bands of the mel spectrogram."""
_POWER_FLOOR = 1e-8
"""Smallest power of a mel band before the logarithm."""


def mss_distance(
    target: Float[Tensor, "clip sample"], estimate: Float[Tensor, "clip sample"], sample_rate: int
) -> Float[Tensor, " clip"]:
    """Multi-resolution STFT distance at the standard resolutions, independent of the training loss."""
    return MultiResolutionStft(standard_resolutions(sample_rate)).per_clip(estimate, target)


def mel_distance(
    target: Float[Tensor, "clip sample"], estimate: Float[Tensor, "clip sample"], sample_rate: int
) -> Float[Tensor, " clip"]:
    """L1 distance of log-mel spectrograms: 50 ms Hann window, 12.5 ms hop, 128 HTK bands, natural log of power."""
    return (_log_mel(estimate, sample_rate) - _log_mel(target, sample_rate)).abs().mean((1, 2))


def _log_mel(audio: Float[Tensor, "clip sample"], sample_rate: int) -> Float[Tensor, "clip mel frame"]:
    """Natural logarithm of the power in each mel band."""
    window_length = round(_WINDOW_S * sample_rate)
    n_fft = 1 << (window_length - 1).bit_length()
    window = torch.hann_window(window_length, device=audio.device)
    spectrum = torch.stft(
        audio, n_fft, round(_HOP_S * sample_rate), window_length, window=window, center=True, return_complex=True
    )
    filterbank = mel_filterbank(n_fft, _N_MELS, sample_rate).to(audio.device)
    power = spectrum.real.square() + spectrum.imag.square()
    return (filterbank.t() @ power).clamp_min(_POWER_FLOOR).log()


# Reference points: all-zero estimates of the small preset's synthetic test sounds score 5.06 and 12.5.
MSS = Metric(
    name="audio.mss",
    direction="minimize",
    unit="",
    description="multi-resolution STFT distance of estimate and target sound",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(5.0, "about the distance of a silent estimate"),
    compute=AudioDistance(mss_distance),
)
MEL = Metric(
    name="audio.mel",
    direction="minimize",
    unit="",
    description="L1 distance of log-mel spectrograms (50 ms window, 12.5 ms hop)",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(12.5, "about the distance of a silent estimate"),
    compute=AudioDistance(mel_distance),
)
