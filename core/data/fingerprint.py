"""Fingerprint of a sound, by which copies in another format, at another sample rate or level are recognised.

It describes the first second or so of a sound, from its onset on, by band levels in dB relative to the total, 50 Hz
to 7.2 kHz: a fine spectrum (24 narrow bands per octave, so that neighbouring semitones differ) and a coarse spectrogram
(16 frames, 2 bands per octave). A copy has almost the same levels. Two takes of one noise have not, because the levels
of narrow bands are random. The distance of two fingerprints is the mean absolute difference in dB over the bands that
are within 45 dB of the loudest in either sound; bands above 3.4 kHz count only if both sample rates contain them.
"""

import base64
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray

from core.data.partition import Partition

SAME_BELOW_DB = 1.8
"""Sounds with a smaller distance are copies of each other."""
_LOWEST_HZ, _COMMON_HZ, _HIGHEST_HZ = 50.0, 3400.0, 7200.0
_FINE, _COARSE = 24, 2
"""Bands per octave."""
_N_FRAMES = 16
_WIDEST = 4.0
"""Widest band of the fine spectrum, times the duration: levels of wide bands are alike in all noises of a colour."""
_FRAME_S = 0.0625
"""Longest frame of the coarse spectrogram."""
_PADDED_S = 2.0
"""Length to which a sound is padded for the fine spectrum, so that the lowest band has several bins."""
_ONSET = 0.1
"""A sound starts where it reaches this share of its peak."""
_RANGE_DB = 45.0
"""Levels this far below the loudest band of the same kind are as good as silence."""
_STEP_DB = 0.5
_UNKNOWN = 255
"""Byte of a band that the sample rate does not contain."""
_N_BLOCKS = 12
_MAX_COMPARED = 64
"""Most sounds with which a sound is compared, the nearest ones by blocks of bands."""
_COMPARED_AT_ONCE = 10_000


def _bands(bands_per_octave: int) -> Float[ndarray, "2 band"]:
    """Lower and upper edges of bands in Hz."""
    n_bands = int(math.log2(_HIGHEST_HZ / _LOWEST_HZ) * bands_per_octave)
    edges = _LOWEST_HZ * 2.0 ** (np.arange(n_bands + 1) / bands_per_octave)
    return np.stack([edges[:-1], edges[1:]])


_FINE_BANDS, _COARSE_BANDS = _bands(_FINE), _bands(_COARSE)
_N_FINE = _FINE_BANDS.shape[1]
_UPPER_HZ = np.concatenate([_FINE_BANDS[1], np.tile(_COARSE_BANDS[1], _N_FRAMES)])
"""Upper edge of each band."""


def fingerprint(audio: Float[ndarray, " sample"], sample_rate: int, duration_s: float) -> str:
    """The fingerprint of the start of a sound, as text.

    Args:
        audio: Samples, not silent.
        sample_rate: In Hz.
        duration_s: Seconds from the onset that are described, the length of a clip.
    """
    n_samples = max(2 * _N_FRAMES, round(duration_s * sample_rate))
    audible = np.abs(audio) >= _ONSET * np.abs(audio).max()
    sound = audio[np.argmax(audible) :][:n_samples]
    sound = np.pad(sound, (0, n_samples - len(sound)))
    fade = np.cos(np.linspace(0, np.pi / 2, n_samples)) ** 2
    narrow = np.stack([_FINE_BANDS[0], np.minimum(_FINE_BANDS[1], _FINE_BANDS[0] + _WIDEST / duration_s)])
    fine = _band_powers((sound * fade)[None], sample_rate, max(duration_s, _PADDED_S), narrow)[0]
    hop = n_samples // _N_FRAMES
    frame = max(3, min(2 * hop, round(_FRAME_S * sample_rate)))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (0, frame)), frame)
    frames = frames[:n_samples:hop][:_N_FRAMES] * np.hanning(frame)
    coarse = _band_powers(frames, sample_rate, 2 * _FRAME_S, _COARSE_BANDS).ravel()
    levels = np.concatenate([_levels(fine), _levels(coarse)])
    levels[0.45 * sample_rate < _UPPER_HZ] = _UNKNOWN
    return base64.b85encode(levels.tobytes()).decode()


def _band_powers(
    frames: Float[ndarray, "frame sample"], sample_rate: int, padded_s: float, bands: Float[ndarray, "2 band"]
) -> Float[ndarray, "frame band"]:
    """The power of each frame, padded to a length, in each band."""
    n_fft = max(frames.shape[1], round(padded_s * sample_rate))
    power = np.square(np.abs(np.fft.rfft(frames, n_fft)))
    sums = np.pad(np.cumsum(power, axis=1), ((0, 0), (1, 0)))
    low, high = np.minimum(np.ceil(bands * n_fft / sample_rate).astype(int), power.shape[1] - 1)
    return np.asarray(sums[:, np.maximum(high, low + 1)] - sums[:, low])


def _levels(power: Float[ndarray, " band"]) -> UInt8[ndarray, " band"]:
    """Levels below the total in steps of half a decibel, as bytes."""
    share = power / max(float(power.sum()), 1e-30)
    return np.clip(np.round(-10 / _STEP_DB * np.log10(np.maximum(share, 1e-30))), 0, _UNKNOWN - 1).astype(np.uint8)


def same_sounds(fingerprints: Sequence[str]) -> Partition:
    """Sets of the indices of the fingerprints: a copy of a sound, and a copy of a copy, is in the set of the sound.

    An empty text is like no other.
    """
    sets = Partition(len(fingerprints))
    first_of = dict[str, int]()
    for index, text in enumerate(fingerprints):
        if text:
            sets.join(first_of.setdefault(text, index), index)
    if len(first_of) < 2:
        return sets
    levels = np.stack([np.frombuffer(base64.b85decode(text), np.uint8) for text in first_of])
    indices = np.array([*first_of.values()], dtype=int)
    is_common = _UPPER_HZ <= _COMMON_HZ
    is_complete = ~np.any(levels == _UNKNOWN, axis=1)
    _join_near(sets, levels[is_complete], indices[is_complete])
    if not is_complete.all():
        is_usable = ~np.any(levels[:, is_common] == _UNKNOWN, axis=1)
        _join_near(sets, np.where(is_common, levels, _UNKNOWN)[is_usable], indices[is_usable], is_complete[is_usable])
    return sets


def _join_near(
    sets: Partition,
    levels: UInt8[ndarray, "sound band"],
    indices: Int[ndarray, " sound"],
    is_done: Bool[ndarray, " sound"] | None = None,
) -> None:
    """Join the sets of sounds that are near each other in the bands that all of them have.

    Levels are averaged over blocks of bands. The sum of the differences of two sounds is at least that of their
    averages, times the sizes of the blocks: only sounds that are near by this bound are compared.

    Args:
        sets: The sets.
        levels: Levels of the sounds.
        indices: Of the sounds in the sets.
        is_done: Sounds that need no comparison with each other.
    """
    from scipy.spatial import cKDTree  # slow to import

    if len(indices) < 2:
        return
    is_fine, is_known = np.arange(levels.shape[1]) < _N_FINE, np.all(levels != _UNKNOWN, axis=0)
    bands = np.concatenate([_relative(levels[:, is_known & kind]) for kind in (is_fine, ~is_fine)], axis=1)
    sums = np.add.reduceat(bands, np.linspace(0, bands.shape[1], _N_BLOCKS, endpoint=False, dtype=int), axis=1)
    _, near = cKDTree(sums).query(
        sums, min(_MAX_COMPARED, len(sums)), p=1, distance_upper_bound=SAME_BELOW_DB * bands.shape[1]
    )
    ones, places = np.nonzero(near < len(sums))
    others = near[ones, places]
    is_open = ones != others
    if is_done is not None:
        is_open &= ~(is_done[ones] & is_done[others])
    ones, others = ones[is_open], others[is_open]
    for start in range(0, len(ones), _COMPARED_AT_ONCE):
        chunk = slice(start, start + _COMPARED_AT_ONCE)
        is_same = distances(bands[ones[chunk]], bands[others[chunk]]) < SAME_BELOW_DB
        for one, other in zip(indices[ones[chunk][is_same]], indices[others[chunk][is_same]], strict=True):
            sets.join(int(one), int(other))


def _relative(levels: UInt8[ndarray, "sound band"]) -> Float[ndarray, "sound band"]:
    """Levels in dB above the range, relative to the loudest band: 0 for silence."""
    loss_db = _STEP_DB * levels.astype(np.float32)
    total = np.sum(10 ** (-loss_db / 10), axis=1, keepdims=True)
    below_total = -loss_db - 10 * np.log10(total)
    return np.asarray(np.maximum(below_total - below_total.max(axis=1, keepdims=True) + _RANGE_DB, 0))


def distances(one: Float[ndarray, "pair band"], other: Float[ndarray, "pair band"]) -> Float[ndarray, " pair"]:
    """Mean absolute difference in dB over the bands that are not silent in both sounds."""
    n_active = np.maximum(np.count_nonzero(np.maximum(one, other) > 0, axis=1), 1)
    return np.asarray(np.abs(one - other).sum(axis=1) / n_active)
