"""Log-mel spectrograms as coloured images, behind curves.

mel power in dB relative to a peak, from -75 dB to 0; 128 HTK bands from 0 Hz to half the sample rate or 24 kHz. The
colours run from near black over blue to a pale grey, so that curves in saturated colours stand out from them.
"""

import io

import numpy as np
import torchaudio.functional as AF
from jaxtyping import Float
from numpy import ndarray
from PIL import Image

from dashboards.report.sounds import stft_magnitudes

FLOOR_DB = -75.0
"""Level of the darkest colour, relative to the peak."""
N_MELS, MAX_COLUMNS = 128, 700
"""Most pixels of an image, rows and columns."""
MAX_HZ = 24_000.0
"""Highest frequency of an image, whatever the sample rate."""
_N_COLOURS = 96
"""Levels, fewer than a byte has: images are a third smaller, and nobody sees it."""
_STOPS = np.array([[9, 11, 19], [17, 25, 48], [33, 48, 92], [62, 84, 140], [116, 138, 184], [196, 207, 226]])
"""Colours at equal distances, from quiet to loud."""
_MARKS_HZ = (100, 500, 1000, 2000, 5000, 10_000)
"""Frequencies that are marked beside an image."""


def mel_power(audio: Float[ndarray, " sample"], sample_rate: int) -> Float[ndarray, "mel column"]:
    """Power in mel bands, the lowest first, in at most `MAX_COLUMNS` windows over the length of the sound."""
    # With four times as many bins, no band is without one.
    magnitudes, frequencies = stft_magnitudes(audio, sample_rate, max_columns=MAX_COLUMNS, oversampling=4)
    # Sounds of less than two windows are padded.
    n_columns = max(1, round(magnitudes.shape[1] * min(1.0, len(audio) / _padded(len(audio), len(frequencies)))))
    bank = AF.melscale_fbanks(len(frequencies), 0.0, _top_hz(sample_rate), N_MELS, sample_rate, mel_scale="htk").numpy()
    return np.asarray(bank.T @ np.square(magnitudes[:, :n_columns]))


def log_mel_png(power: Float[ndarray, "mel column"], peak: float) -> bytes:
    """PNG image of the power in mel bands, the highest band in the first row.

    Args:
        power: From `mel_power`.
        peak: Power of 0 dB, to give several sounds the same scale.
    """
    decibels = 10 * np.log10(np.maximum(power, 1e-30) / max(peak, 1e-18))
    levels = np.clip(np.round((1 - decibels / FLOOR_DB) * (_N_COLOURS - 1)), 0, _N_COLOURS - 1).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(levels[::-1]))
    positions = np.linspace(0, len(_STOPS) - 1, _N_COLOURS)
    channels = [np.interp(positions, np.arange(len(_STOPS)), _STOPS[:, channel]) for channel in range(3)]
    image.putpalette(np.stack(channels, axis=1).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def frequency_marks(sample_rate: int) -> list[tuple[str, float]]:
    """Text of some frequencies with their heights in an image, in percent of it from below."""
    top = _mel(_top_hz(sample_rate))
    return [
        (f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz", round(100 * _mel(hz) / top, 2))
        for hz in _MARKS_HZ
        if _mel(hz) < 0.94 * top
    ]


# ---------------------------------------------------------------------------------------------------------------------


def _top_hz(sample_rate: int) -> float:
    return min(sample_rate / 2, MAX_HZ)


def _mel(hz: float) -> float:
    """Mel of a frequency on the HTK scale."""
    return float(2595 * np.log10(1 + hz / 700))


def _padded(n_samples: int, n_bins: int) -> int:
    """Length to which a sound is padded: two windows, if it is shorter; the FFT has four times a window's length."""
    return max(n_samples, (n_bins - 1))
