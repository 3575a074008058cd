"""Distances between target and estimated sound, one value per clip.

All but the multi-resolution STFT distance have windows of 50 ms every 12.5 ms and 128 mel bands. They are computed for
a few clips at a time, because the spectra of a whole split would take more memory than training.
"""

import warnings
from collections.abc import Callable
from functools import cache

import torch
import torchaudio.functional as AF
from jaxtyping import Float
from torch import Tensor

from core.losses.mss import MultiResolutionStft
from core.metrics.base import AudioDistance, Metric, ReferencePoint
from core.ops.log_mel import mel_filterbank
from core.settings.losses import standard_resolutions
from core.statistics.support import NON_NEGATIVE

CLIPS_AT_ONCE = 8
"""Clips whose spectra are held at the same time."""
WINDOW_S, HOP_S = 0.05, 0.0125
"""Window and hop of the mel spectrograms in s."""
N_MELS = 128
"""Bands of the mel spectrograms."""
N_MFCC = 40
"""Mel-frequency cepstral coefficients that are compared."""
_POWER_FLOOR = 1e-8
"""Smallest power of a bin, or of a mel band before the logarithm."""
_MFCC_OFFSET = 1e-6
"""Added to the power of a mel band before the logarithm, as by torchaudio."""
_EMPTY_BAND = 1e-12
"""Magnitude of a mel band that has no bin."""
Audio = Float[Tensor, "clip sample"]
PerClip = Float[Tensor, " clip"]


def mss_distance(target: Audio, estimate: Audio, sample_rate: int) -> PerClip:
    """Multi-resolution STFT distance at the standard resolutions, independent of the training loss."""
    return MultiResolutionStft(standard_resolutions(sample_rate)).per_clip(estimate, target)


def mel_stft_distance(target: Audio, estimate: Audio, sample_rate: int) -> PerClip:
    """Spectral convergence plus L1 of log magnitudes of mel spectrograms: auraloss's `MelSTFTLoss`, for each clip.

    Its bands are sums of magnitudes, not of powers, on the Slaney scale with unit area. Bands without a bin, which the
    lowest sample rates have, count as equal. Reference: Steinmetz and Reiss (2020), auraloss.
    """
    bank = _slaney_filterbank(_n_fft(sample_rate), sample_rate)

    def distance(target: Audio, estimate: Audio) -> PerClip:
        mels = [(bank @ _power(audio, sample_rate).clamp_min(_POWER_FLOOR).sqrt()) for audio in (estimate, target)]
        norms = [each.square().sum((1, 2)).sqrt() for each in (mels[1] - mels[0], mels[1])]
        logs = [mel.clamp_min(_EMPTY_BAND).log() for mel in mels]
        return norms[0] / norms[1] + (logs[0] - logs[1]).abs().mean((1, 2))

    return _in_chunks(distance, target, estimate)


def log_mel_distance(target: Audio, estimate: Audio, sample_rate: int) -> PerClip:
    """L1 distance of log-mel spectrograms: HTK bands, natural logarithm of their power."""

    def distance(target: Audio, estimate: Audio) -> PerClip:
        logs = [_mel_power(audio, sample_rate).clamp_min(_POWER_FLOOR).log() for audio in (estimate, target)]
        return (logs[0] - logs[1]).abs().mean((1, 2))

    return _in_chunks(distance, target, estimate)


def mfcc_distance(target: Audio, estimate: Audio, sample_rate: int) -> PerClip:
    """L1 distance of the first 40 mel-frequency cepstral coefficients, see `mfcc`."""
    return _in_chunks(
        lambda target, estimate: (mfcc(estimate, sample_rate) - mfcc(target, sample_rate)).abs().mean((1, 2)),
        target,
        estimate,
    )


def mfcc(audio: Audio, sample_rate: int) -> Float[Tensor, "clip coefficient frame"]:
    """Orthonormal DCT-II of the natural log-mel power, coefficients 0 to 39; values agree with torchaudio's `MFCC`."""
    log_mel = (_mel_power(audio, sample_rate) + _MFCC_OFFSET).log()
    return _cosines().to(audio).t() @ log_mel


# ---------------------------------------------------------------------------------------------------------------------


def _in_chunks(distance: Callable[[Tensor, Tensor], Tensor], target: Audio, estimate: Audio) -> PerClip:
    """The distance of each clip, computed for a few clips at a time."""
    chunks = [slice(start, start + CLIPS_AT_ONCE) for start in range(0, len(target), CLIPS_AT_ONCE)]
    return torch.cat([distance(target[chunk], estimate[chunk]) for chunk in chunks])


def _n_fft(sample_rate: int) -> int:
    """Length of the FFT: the power of two that holds the window."""
    return 1 << (round(WINDOW_S * sample_rate) - 1).bit_length()


def _power(audio: Audio, sample_rate: int) -> Float[Tensor, "clip bin frame"]:
    """Power spectrogram."""
    window = torch.hann_window(round(WINDOW_S * sample_rate), device=audio.device)
    spectrum = torch.stft(
        audio,
        _n_fft(sample_rate),
        round(HOP_S * sample_rate),
        len(window),
        window=window,
        center=True,
        return_complex=True,
    )
    return spectrum.real.square() + spectrum.imag.square()


def _mel_power(audio: Audio, sample_rate: int) -> Float[Tensor, "clip mel frame"]:
    """Power in each HTK mel band."""
    return _htk_filterbank(_n_fft(sample_rate), sample_rate).to(audio.device).t() @ _power(audio, sample_rate)


@cache
def _htk_filterbank(n_fft: int, sample_rate: int) -> Float[Tensor, "bin mel"]:
    return mel_filterbank(n_fft, N_MELS, sample_rate)


@cache
def _slaney_filterbank(n_fft: int, sample_rate: int) -> Float[Tensor, "mel bin"]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="At least one mel filterbank")
        bank: Tensor = AF.melscale_fbanks(
            n_fft // 2 + 1, 0.0, sample_rate / 2, N_MELS, sample_rate, norm="slaney", mel_scale="slaney"
        )
    return bank.t().contiguous()


@cache
def _cosines() -> Float[Tensor, "mel coefficient"]:
    cosines: Tensor = AF.create_dct(N_MFCC, N_MELS, norm="ortho")
    return cosines


# Reference points: all-zero estimates of the small preset's synthetic test sounds score 5.06, 6.8, 13.2 and 7.8; for
# estimates that are other sounds of the set it is 3.1, 3.7, 5.1 and 6.0.
MSS = Metric(
    name="audio.mss",
    direction="minimize",
    unit="",
    description="multi-resolution STFT distance of estimate and target sound",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(5.0, "about the distance of a silent estimate"),
    compute=AudioDistance(mss_distance),
)
MEL_STFT = Metric(
    name="audio.mel_stft",
    direction="minimize",
    unit="",
    description="mel STFT distance as auraloss defines it (50 ms window, 12.5 ms hop, 128 bands)",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(6.8, "about the distance of a silent estimate"),
    compute=AudioDistance(mel_stft_distance),
)
LOG_MEL = Metric(
    name="audio.log_mel",
    direction="minimize",
    unit="",
    description="L1 distance of log-mel power spectrograms (50 ms window, 12.5 ms hop)",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(13.2, "about the distance of a silent estimate"),
    compute=AudioDistance(log_mel_distance),
)
MFCC = Metric(
    name="audio.mfcc",
    direction="minimize",
    unit="",
    description="L1 distance of 40 mel-frequency cepstral coefficients (50 ms window, 12.5 ms hop)",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(7.8, "about the distance of a silent estimate"),
    compute=AudioDistance(mfcc_distance),
)
