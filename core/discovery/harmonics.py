"""Levels of the harmonics of a note over time, and the pitch at which they are strongest."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from core.units import cents as to_ratio

_PERIODS = 4
"""Periods of the note in a window: fewer do not part its harmonics."""
_SMALLEST_WINDOW = 256
_VALUES_AT_ONCE = 2**22
"""Samples of all frames whose spectra are computed together."""
_SHARE_OF_RATE = 0.45
"""Harmonics up to this share of the sample rate are measured."""
_TUNING_S = 1.5
"""Seconds of the loudest part of a sound from which it is tuned."""
_TUNING_CENTS = 40
"""Largest correction of a pitch."""
_TUNING_HARMONICS = 20


def n_harmonics(f0_hz: float, sample_rate: int, table_length: int) -> int:
    """Number of harmonics of a note that a sample rate and a wavetable hold."""
    return max(1, min(int(_SHARE_OF_RATE * sample_rate / f0_hz), table_length // 2 - 1))


def harmonic_levels(
    audio: Float[Tensor, " sample"], sample_rate: int, f0_hz: float, n: int, hop_length: int
) -> Float[Tensor, "frame harmonic"]:
    """Amplitudes of the first `n` harmonics at samples 0, hop_length, ...

    Each is the largest of the bins of an STFT around its frequency, so that a pitch which is some cents off does no
    harm.
    """
    window_length = max(_SMALLEST_WINDOW, 1 << math.ceil(math.log2(_PERIODS * sample_rate / f0_hz)))
    n_fft = 2 * window_length
    window = torch.nn.functional.pad(torch.hann_window(window_length), (window_length // 2, window_length // 2))
    frames = torch.nn.functional.pad(audio, (window_length, window_length)).unfold(0, n_fft, hop_length)
    bins = torch.arange(1, n + 1) * (f0_hz * n_fft / sample_rate)
    around = (bins.round().long() + torch.arange(-2, 3)[:, None]).clamp(0, window_length)
    # Some frames at a time, since the spectra of a long sound are large.
    levels = [
        torch.fft.rfft(chunk * window).abs()[:, around].amax(1)
        for chunk in torch.split(frames, max(1, _VALUES_AT_ONCE // n_fft))
    ]
    return torch.cat(levels) * (2 / window.sum())


def tuned(audio: Float[Tensor, " sample"], sample_rate: int, f0_hz: float) -> float:
    """The pitch within 40 cents of `f0_hz` at which the harmonics of the loudest part of a sound are strongest.

    The sum of the magnitudes of a zero-padded spectrum at up to 20 harmonics, in steps of one cent. A pitch whose
    neighbours are as strong, as of noise or of a pitch that moves, stays as it is.
    """
    n = min(len(audio), round(_TUNING_S * sample_rate))
    n_hops = (len(audio) - n) // max(1, n // 4) + 1
    powers = [
        float(audio[start : start + n].square().sum()) for start in range(0, n_hops * max(1, n // 4), max(1, n // 4))
    ]
    start = max(range(len(powers)), key=powers.__getitem__) * max(1, n // 4)
    part = audio[start : start + n].double()
    n_fft = 1 << math.ceil(math.log2(8 * len(part)))
    spectrum = torch.fft.rfft(part * torch.hann_window(len(part), dtype=torch.float64), n_fft).abs()
    harmonics = torch.arange(1, min(_TUNING_HARMONICS, n_harmonics(f0_hz, sample_rate, 2**20)) + 1)
    ratios = to_ratio(torch.arange(-_TUNING_CENTS, _TUNING_CENTS + 1, dtype=torch.float64))
    bins = ratios[:, None] * harmonics * (f0_hz * n_fft / sample_rate)
    left = bins.floor().long().clamp(max=len(spectrum) - 2)
    strength = torch.lerp(spectrum[left], spectrum[left + 1], bins - left).sum(1)
    best = int(strength.argmax())
    is_peak = 0 < best < len(strength) - 1 and strength[best] > 1.02 * strength[_TUNING_CENTS]
    return f0_hz * float(ratios[best]) if is_peak else f0_hz
