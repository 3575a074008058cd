"""What the sounds of a folder need of a clip: their sample rate, length and bandwidth, measured before they are used.

Only the first seconds of some files, evenly spaced, are decoded, which takes a few seconds for a folder of any size.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import welch

from core.sound_decoding import SoundFileError, read_mono
from core.sound_files import find_sounds

MAX_MEASURED = 200
"""Most files that are measured."""
MEASURED_S = 10.0
"""Seconds from the start of a file that are measured."""
ENERGY_SHARE = 0.99
"""Share of the energy of the sounds that lies below their bandwidth."""
AUDIBLE_DB = -40.0
"""A sound lasts until its level stays below this, relative to its loudest part."""
_LEVEL_S = 0.05
"""Length of the parts of a sound whose level is measured."""
_SILENT_BELOW = 1e-6
"""Mean square (-60 dB of full scale) of the loudest part below which a file is silent."""
_BANDS_HZ = np.arange(100.0, 24_001.0, 100.0)
"""Frequencies that the bandwidth is one of."""
_WINDOW = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderAudio:
    """Sample rate, length and bandwidth of the sounds in a folder."""

    n_files: int
    """Number of sound files."""
    sample_rate: int
    """Most frequent sample rate in Hz, the higher one of two."""
    audible_s: float
    """Median of the times from the start of a file until its sound has died away, each at most `MEASURED_S`."""
    bandwidth_hz: float
    """Frequency below which `ENERGY_SHARE` of the energy lies, on average over the sounds; at most 24 kHz."""


def measure_folder(folder: Path) -> FolderAudio | None:
    """Measure the sounds of a folder and its subfolders; None if none of them can be read, or all are silent.

    Raises:
        DataError: there are too many files.
    """
    paths = find_sounds(folder)
    chosen = [paths[number * len(paths) // MAX_MEASURED] for number in range(MAX_MEASURED)]
    measured = [found for path in (chosen if len(paths) > MAX_MEASURED else paths) if (found := _measure(path))]
    if not measured:
        return None
    rates = Counter(each.sample_rate for each in measured)
    shares = np.mean([each.shares for each in measured], axis=0)
    return FolderAudio(
        n_files=len(paths),
        sample_rate=max(rates, key=lambda rate: (rates[rate], rate)),
        audible_s=float(np.median([each.audible_s for each in measured])),
        bandwidth_hz=float(_BANDS_HZ[min(int(np.searchsorted(shares, ENERGY_SHARE)), len(_BANDS_HZ) - 1)]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """One file."""

    sample_rate: int
    audible_s: float
    shares: Float[ndarray, " band"]
    """Shares of the energy below `_BANDS_HZ`."""


def _measure(path: Path) -> _Measured | None:
    """Measure a file; None if it cannot be read or is silent."""
    try:
        sound, sample_rate = read_mono(path, MEASURED_S)
    except SoundFileError:
        return None
    if sound.size < 2 or not (audible_s := _audible_s(sound, sample_rate)):
        return None
    return _Measured(sample_rate=sample_rate, audible_s=audible_s, shares=_energy_shares(sound, sample_rate))


def _audible_s(sound: Float[ndarray, " sample"], sample_rate: int) -> float:
    """Seconds until a sound has died away; 0 if it is silent."""
    length = max(1, round(_LEVEL_S * sample_rate))
    starts = range(0, len(sound), length)
    levels = np.array([np.var(sound[start : start + length]) for start in starts])
    if levels.max() < _SILENT_BELOW:
        return 0.0
    last = int(np.flatnonzero(levels >= levels.max() * 10 ** (AUDIBLE_DB / 10))[-1])
    return min((last + 1) * length, len(sound)) / sample_rate


def _energy_shares(sound: Float[ndarray, " sample"], sample_rate: int) -> Float[ndarray, " band"]:
    """Shares of the energy of a sound below each of `_BANDS_HZ`, without its mean."""
    frequencies, power = welch(sound, fs=sample_rate, nperseg=min(_WINDOW, len(sound)))
    below = np.cumsum(power)
    return np.asarray(np.interp(_BANDS_HZ, frequencies, below / below[-1]))
