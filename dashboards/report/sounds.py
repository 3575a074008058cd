"""Stored sounds of an attempt: samples, levels, spectrograms and data URIs."""

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soundfile
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from core.storage.sounds import audio_name
from core.storage.store import Attempt

FLAC, PNG = "audio/flac", "image/png"
"""MIME types of sounds and spectrograms."""
MATCHED_RMS_DB = -20.0
"""RMS in dB of full scale to which sounds are matched."""
MAX_GAIN_DB = 30.0
"""Largest gain, so that the noise of an almost silent sound is not raised to the level of the others."""
MAX_PEAK = 0.98
"""Largest peak after the gain; a sound with a higher crest factor stays below the matched RMS."""
FLOOR_DB, CEILING_DB, STEP_DB = -80.0, 12.0, 0.8
"""Range and resolution of spectrograms, in dB relative to the target's peak; estimates may be louder than targets."""
MIN_HZ = 50.0
"""Lowest frequency of spectrograms."""
N_ROWS, MAX_COLUMNS = 128, 200
"""Size of spectrograms in pixels."""
_SILENCE = 1e-6
"""RMS below which a sound counts as silent and is not amplified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundView:
    """A sound with its spectrogram."""

    audio: str
    """FLAC file as a data URI."""
    spectrogram: str
    """PNG image as a data URI, see `spectrogram_png`."""
    gain: float
    """Factor that brings the sound to the matched RMS."""
    level_db: float | None
    """RMS in dB of full scale; None if the sound is silent."""
    top_hz: float
    """Frequency at the top of the spectrogram."""
    duration_s: float

    @property
    def n_bytes(self) -> int:
        """Size of both data URIs."""
        return len(self.audio) + len(self.spectrogram)


def sound_view(data: bytes, target: bytes | None) -> SoundView:
    """View of a FLAC file, whose spectrogram is relative to the peak of its target's."""
    samples, sample_rate = read_sound(data)
    peak = spectral_peak(*read_sound(target)) if target else None
    rms = _rms(samples)
    return SoundView(
        audio=data_uri(data, FLAC),
        spectrogram=data_uri(spectrogram_png(samples, sample_rate, peak), PNG),
        gain=round(matching_gain(samples), 4),
        level_db=round(float(20 * np.log10(rms)), 2) if rms > _SILENCE else None,
        top_hz=sample_rate / 2,
        duration_s=len(samples) / sample_rate,
    )


def stored_sound(attempt: Attempt, clip_id: str, role: Literal["target", "estimate"]) -> bytes | None:
    """Content of the FLAC file of a clip's sound; None if it is not stored, or, with a warning, if it is damaged."""
    name = audio_name(clip_id, role)
    if name not in attempt.stored_files():
        return None
    with attempt.store.passing_over_damage():
        data = attempt.get(name)
        try:
            read_sound(data)
        except (soundfile.SoundFileError, ValueError) as error:
            raise attempt.damage(name, f"it is no sound: {error}") from error
        return data
    return None


def read_sound(data: bytes) -> tuple[Float[ndarray, " sample"], int]:
    """Samples, averaged over channels, and sample rate in Hz of a sound file."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1)), int(sample_rate)


def data_uri(data: bytes, mime: str) -> str:
    """Data URI of the bytes with the given MIME type, in base64."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def matching_gain(samples: Float[ndarray, " sample"]) -> float:
    """Factor that brings a sound to the matched RMS, limited by its peak and by the largest gain; 1 for silence."""
    rms = _rms(samples)
    if rms <= _SILENCE:
        return 1.0
    wanted = min(10 ** (MATCHED_RMS_DB / 20) / rms, 10 ** (MAX_GAIN_DB / 20))
    return float(min(wanted, MAX_PEAK / np.abs(samples).max()))


def spectrogram_png(audio: Float[ndarray, " sample"], sample_rate: int, peak: float | None = None) -> bytes:
    """Grey PNG image of a sound's log magnitudes over time and log frequency, from 50 Hz to the Nyquist frequency.

    A pixel of value v stands for -80 + 0.8 v dB relative to `peak`, so that scripts can colour and subtract images.
    The image has 128 rows, the highest frequency first, and at most 200 columns.

    Args:
        audio: The samples.
        sample_rate: Sample rate in Hz.
        peak: Magnitude of 0 dB, to give two sounds the same scale; by default the sound's maximum.
    """
    magnitudes, frequencies = stft_magnitudes(audio, sample_rate)
    maximum = peak if peak is not None else float(magnitudes.max())
    decibels = 20 * np.log10(np.maximum(magnitudes, 1e-12) / max(maximum, 1e-9))
    row_frequencies = np.geomspace(MIN_HZ, sample_rate / 2, N_ROWS)[::-1]
    image = np.stack([np.interp(row_frequencies, frequencies, column) for column in decibels.T], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(_pixels(image)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def spectral_peak(audio: Float[ndarray, " sample"], sample_rate: int) -> float:
    """Largest magnitude in the spectrogram of a sound."""
    return float(stft_magnitudes(audio, sample_rate)[0].max())


def stft_magnitudes(
    audio: Float[ndarray, " sample"], sample_rate: int, *, max_columns: int = MAX_COLUMNS, oversampling: int = 1
) -> tuple[Float[ndarray, "bin column"], Float[ndarray, " bin"]]:
    """STFT magnitudes of a sound in windows of about 50 ms, and the frequencies of the bins in Hz.

    Args:
        audio: The samples.
        sample_rate: Sample rate in Hz.
        max_columns: Most windows; if there would be more, they are further apart.
        oversampling: Length of the FFT over that of the window, for bins nearer to each other.
    """
    length = 2 ** round(np.log2(0.05 * sample_rate))
    hop = max(length // 8, -(-len(audio) // max_columns))
    transform = ShortTimeFFT(hann(length, sym=False), hop, sample_rate, mfft=oversampling * length)
    padded = np.pad(audio, (0, max(0, 2 * length - len(audio))))
    # A window that extends beyond the sound would show its end as a click; the nearest complete window replaces it.
    first, last = transform.lower_border_end[1], transform.upper_border_begin(len(padded))[1]
    magnitudes = np.abs(transform.stft(padded, p0=first, p1=last))
    columns = np.clip(np.arange(-(-len(padded) // hop)) - first, 0, magnitudes.shape[1] - 1)
    return magnitudes[:, columns], transform.f


# ---------------------------------------------------------------------------------------------------------------------


def _rms(samples: Float[ndarray, " sample"]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _pixels(decibels: Float[ndarray, "row column"]) -> UInt8[ndarray, "row column"]:
    pixels: UInt8[ndarray, "row column"] = np.round(
        (np.clip(decibels, FLOOR_DB, CEILING_DB) - FLOOR_DB) / STEP_DB
    ).astype(np.uint8)
    return pixels
