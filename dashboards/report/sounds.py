"""Stored sounds of an attempt, as samples, spectrograms and data URIs."""

import base64
import io
from typing import Literal

import numpy as np
import soundfile
from jaxtyping import Float
from matplotlib.image import imsave
from numpy import ndarray
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from core.storage.sounds import audio_name
from core.storage.store import Attempt

RANGE_DB = 80.0
"""Dynamic range of spectrograms."""
MIN_HZ = 50.0
"""Lowest frequency of spectrograms."""


def stored_sound(attempt: Attempt, clip_id: str, role: Literal["target", "estimate"]) -> bytes | None:
    """Content of the FLAC file of a clip's sound; None if the attempt has not stored it."""
    name = audio_name(clip_id, role)
    return attempt.get(name) if attempt.store.has(attempt.key(name)) else None


def read_sound(data: bytes) -> tuple[Float[ndarray, " sample"], int]:
    """Samples, averaged over channels, and sample rate in Hz of a sound file."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1)), int(sample_rate)


def data_uri(data: bytes, mime: str) -> str:
    """Data URI of the bytes with the given MIME type, in base64."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def spectrogram_png(audio: Float[ndarray, " sample"], sample_rate: int, peak: float | None = None) -> bytes:
    """PNG image of a sound's log magnitudes over time and log frequency, from 50 Hz to the Nyquist frequency.

    The image has 128 rows, at most 200 columns, and a range of 80 dB below `peak`.

    Args:
        audio: The samples.
        sample_rate: Sample rate in Hz.
        peak: Magnitude of the brightest colour, to give two sounds the same scale; by default the sound's maximum.
    """
    magnitudes, frequencies = _stft_magnitudes(audio, sample_rate)
    maximum = peak if peak is not None else float(magnitudes.max())
    decibels = 20 * np.log10(np.maximum(magnitudes, 1e-12) / max(maximum, 1e-9))
    row_frequencies = np.geomspace(MIN_HZ, sample_rate / 2, 128)
    image = np.stack([np.interp(row_frequencies, frequencies, column) for column in decibels.T], axis=1)
    # A PNG with 40 levels is half the size of one with 256, and looks the same at this size.
    steps = np.round(np.clip(1 + image / RANGE_DB, 0, 1) * 39) / 39
    buffer = io.BytesIO()
    imsave(buffer, steps, cmap="magma", vmin=0, vmax=1, origin="lower", format="png")
    return buffer.getvalue()


def spectral_peak(audio: Float[ndarray, " sample"], sample_rate: int) -> float:
    """Largest magnitude in the spectrogram of a sound."""
    return float(_stft_magnitudes(audio, sample_rate)[0].max())


# ---------------------------------------------------------------------------------------------------------------------


def _stft_magnitudes(
    audio: Float[ndarray, " sample"], sample_rate: int
) -> tuple[Float[ndarray, "bin column"], Float[ndarray, " bin"]]:
    """STFT magnitudes of a sound, and the frequencies of the bins in Hz."""
    length = 2 ** round(np.log2(0.05 * sample_rate))
    hop = max(length // 8, len(audio) // 200)
    transform = ShortTimeFFT(hann(length, sym=False), hop, sample_rate)
    padded = np.pad(audio, (0, max(0, 2 * length - len(audio))))
    # A window that extends beyond the sound would show its end as a click; the nearest complete window replaces it.
    first, last = transform.lower_border_end[1], transform.upper_border_begin(len(padded))[1]
    magnitudes = np.abs(transform.stft(padded, p0=first, p1=last))
    columns = np.clip(np.arange(-(-len(padded) // hop)) - first, 0, magnitudes.shape[1] - 1)
    return magnitudes[:, columns], transform.f
