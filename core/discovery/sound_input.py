"""Any sound file as one sound in mono for discovery, or one line on why it cannot be one.

A file is read once, block by block. The channels are averaged and the result is resampled in float32 and scaled to a
peak of 1. Errors are a category, a colon, the rule and what came, without the path.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional
from jaxtyping import Float
from numpy import ndarray

from core.data.sound_check import MAX_DC_SHARE, SILENT_BELOW
from core.settings.discovery import MIN_SOUND_S
from core.settings.value_rules import printable
from core.sound_decoding import (
    CLIPPED,
    MAX_DECODED_S,
    Clipping,
    SoundFileError,
    blocks,
    decoder,
    n_decoded,
    open_sound,
    truncation,
)
from core.sound_files import resampling_problem

LOWEST_RATE, HIGHEST_RATE = 8000, 192_000
"""Lowest and highest sample rate in Hz, those of `AudioConfig`."""
MOST_CHANNELS = 8
"""Most channels of a sound, those of 7.1 surround."""
_LEFT_OVER = 1e-4
"""Share of the power of a sound that has to be left at a lower sample rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSound:
    """A sound that can be discovered."""

    name: str
    """Name of the file without its ending, in printable characters."""
    source: str
    """Path of the file, in printable characters."""
    audio: Float[ndarray, " sample"]
    """In mono; the largest magnitude is 1."""
    sample_rate: int
    """Of `audio`, in Hz."""
    gain: float
    """What the mean of the file's channels was multiplied by."""
    remarks: tuple[str, ...] = ()
    """Problems that do not prevent its use."""

    @property
    def duration_s(self) -> float:
        """Length of `audio`."""
        return len(self.audio) / self.sample_rate


def load_sound(
    path: Path, *, sample_rate: int | None = None, seconds: float | None = None, longest_s: float = MAX_DECODED_S
) -> LoadedSound:
    """Read a sound file.

    Args:
        path: A file that libsndfile can read.
        sample_rate: Rate of the result in Hz; None for that of the file.
        seconds: Length from the start that is read; None for all of it.
        longest_s: Longest sound that is read as a whole, at most `MAX_DECODED_S`.

    Raises:
        SoundFileError: it is no sound, is truncated or broken, has a rate, length or number of channels out of range,
            or is silent.
    """
    with open_sound(path) as file:
        if cut := truncation(file):
            raise SoundFileError(cut)
        with decoder(file) as sound:
            rate, channels, length_s = int(sound.samplerate), int(sound.channels), sound.frames / sound.samplerate
            _check_format(rate, channels, sample_rate or rate)
            longest_s = min(longest_s, MAX_DECODED_S)
            if seconds is None and length_s > longest_s:
                raise SoundFileError(
                    f"too long: a sound has at most {longest_s:g} s; this one has {length_s:.0f} s; cut it"
                )
            wanted_s = length_s if seconds is None else min(seconds, length_s)
            n_samples = n_decoded(sound, wanted_s)
            if n_samples < round(wanted_s * rate):
                raise SoundFileError(f"too large: {channels} channels at {rate} Hz are too much to decode")
            clipping, mono, peak = Clipping(sound), [np.zeros(0, np.float32)], 0.0
            for block in blocks(sound, n_samples):
                clipping.look_at(block)
                peak = max(peak, float(np.abs(block).max()))
                mono.append(block.mean(axis=1).astype(np.float32))
    audio = np.concatenate(mono)
    if len(audio) < n_samples:
        raise SoundFileError(f"unreadable: its header announces {n_samples} samples, but it ends after {len(audio)}")
    _check_content(audio, rate, channels, peak)
    resampled = _resampled(audio, rate, sample_rate or rate)
    gain = 1 / float(np.abs(resampled).max())
    remarks = [CLIPPED] if clipping.is_found else []
    mean = float(resampled.mean(dtype=np.float64)) * gain
    if abs(mean) > MAX_DC_SHARE:
        remarks.append(f"offset: its mean is {mean:.2g} of its peak")
    return LoadedSound(
        name=printable(path.stem),
        source=printable(path),
        audio=resampled * np.float32(gain),
        sample_rate=sample_rate or rate,
        gain=gain,
        remarks=tuple(remarks),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _check_format(rate: int, channels: int, wanted_rate: int) -> None:
    """Raise SoundFileError if the format of a file is out of range, or it cannot be resampled."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SoundFileError(
            f"odd sample rate: a sound has {LOWEST_RATE} to {HIGHEST_RATE} Hz; this one has {rate} Hz; resample it"
        )
    if channels > MOST_CHANNELS:
        raise SoundFileError(
            f"too many channels: a sound has 1 to {MOST_CHANNELS}; this one has {channels}; mix it down"
        )
    if problem := resampling_problem(rate, wanted_rate):
        raise SoundFileError(problem)


def _check_content(audio: Float[ndarray, " sample"], rate: int, channels: int, peak: float) -> None:
    """Raise SoundFileError if a sound is empty, too short or silent.

    Args:
        audio: Mean of the channels.
        rate: Sample rate in Hz.
        channels: Number of channels of the file.
        peak: Largest magnitude of any channel.
    """
    if not len(audio):
        raise SoundFileError("empty: holds no samples")
    if len(audio) < round(MIN_SOUND_S * rate):
        raise SoundFileError(
            f"too short: a sound has at least {1000 * MIN_SOUND_S:g} ms; this one has {1000 * len(audio) / rate:.3g} ms"
        )
    largest = float(np.abs(audio).max())
    if peak >= SILENT_BELOW > largest and channels > 1:
        raise SoundFileError(f"silent: its {channels} channels cancel each other in mono; give one of them")
    if largest < SILENT_BELOW:
        raise SoundFileError("silent: it stays below -60 dB of full scale")
    mean = float(audio.mean(dtype=np.float64))
    if float(np.abs(audio - np.float32(mean)).max()) < SILENT_BELOW * max(1.0, largest):
        raise SoundFileError(f"silent: it is constant at {mean:.3g}")


def _resampled(audio: Float[ndarray, " sample"], rate: int, to_rate: int) -> Float[ndarray, " _"]:
    """A sound at another sample rate.

    Raises:
        SoundFileError: nothing of it is left below half of that rate.
    """
    if rate == to_rate:
        return audio
    with torch.inference_mode():
        resampled: ndarray = torchaudio.functional.resample(torch.from_numpy(audio), rate, to_rate).numpy()
    # Not by the peak: the ends of a sound that does not begin and end with 0 are clicks.
    if float(np.square(resampled).mean()) < _LEFT_OVER * float(np.square(audio).mean()):
        raise SoundFileError(f"silent: nothing of it lies below {to_rate / 2:g} Hz, half of the sample rate {to_rate}")
    return resampled
