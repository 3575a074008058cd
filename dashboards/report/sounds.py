"""Stored sounds of an attempt: their samples and spectrograms, and data URIs for a page."""

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
MIN_HZ = 50.0


def stored_sound(attempt: Attempt, clip_id: str, role: Literal["target", "estimate"]) -> bytes | None:
    """A clip's sound as its FLAC file; None where the attempt stores none."""
    name = audio_name(clip_id, role)
    return attempt.get(name) if attempt.store.has(attempt.key(name)) else None


def read_sound(data: bytes) -> tuple[Float[ndarray, " sample"], int]:
    """Samples (the mean over channels) and sample rate in Hz."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1)), int(sample_rate)


def data_uri(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def spectrogram_png(audio: Float[ndarray, " sample"], sample_rate: int, peak: float | None = None) -> bytes:
    """Log magnitude over log frequency (50 Hz to Nyquist), 80 dB below `peak`; 128 x at most 200 pixels.

    Args:
        audio: The samples.
        sample_rate: In Hz.
        peak: The magnitude shown brightest, so that two sounds share a scale; default the sound's own.
    """
    magnitudes, frequencies = _stft(audio, sample_rate)
    top = peak if peak is not None else float(magnitudes.max())
    decibels = 20 * np.log10(np.maximum(magnitudes, 1e-12) / max(top, 1e-9))
    rows = np.geomspace(MIN_HZ, sample_rate / 2, 128)
    image = np.stack([np.interp(rows, frequencies, column) for column in decibels.T], axis=1)
    # A PNG of 40 grey steps is half the size of one of 256, and looks the same at this size.
    steps = np.round(np.clip(1 + image / RANGE_DB, 0, 1) * 39) / 39
    buffer = io.BytesIO()
    imsave(buffer, steps, cmap="magma", vmin=0, vmax=1, origin="lower", format="png")
    return buffer.getvalue()


def spectral_peak(audio: Float[ndarray, " sample"], sample_rate: int) -> float:
    """The largest magnitude of a sound's spectrogram."""
    return float(_stft(audio, sample_rate)[0].max())


# ---------------------------------------------------------------------------------------------------------------------


def _stft(
    audio: Float[ndarray, " sample"], sample_rate: int
) -> tuple[Float[ndarray, "bin column"], Float[ndarray, " bin"]]:
    """Magnitudes, and the frequencies of the bins in Hz."""
    length = 2 ** round(np.log2(0.05 * sample_rate))
    hop = max(length // 8, len(audio) // 200)
    transform = ShortTimeFFT(hann(length, sym=False), hop, sample_rate)
    padded = np.pad(audio, (0, max(0, 2 * length - len(audio))))
    # A window that extends past an end of the sound would show it as a click; the nearest whole window replaces it.
    first, last = transform.lower_border_end[1], transform.upper_border_begin(len(padded))[1]
    whole = np.abs(transform.stft(padded, p0=first, p1=last))
    columns = np.clip(np.arange(-(-len(padded) // hop)) - first, 0, whole.shape[1] - 1)
    return whole[:, columns], transform.f
