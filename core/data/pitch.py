"""Pitch of a recording of a single note by a pitch tracker, probabilistic YIN (core.ops.pyin)."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.ops.pyin import track_pitches

TRACKED_S = 3.0
"""Seconds from the start of a sound that the tracker analyses."""
_TRACKER_RATE = 16_000
"""Sample rate of the tracker in Hz."""
_TRACKER_MIN_HZ, _TRACKER_MAX_HZ = 40.0, 2000.0
_FRAME, _HOP = 1024, 512
_BINS_PER_SEMITONE = 4
"""Resolution of the tracker, whose run time is quadratic in it; YIN refines the result."""
_CLOSE_SEMITONES = 0.5
"""Frames within this distance of the median pitch belong to the same note."""


def track_pitch(audio: Float[ndarray, " sample"], sample_rate: int) -> float | None:
    """The constant pitch in Hz of a sound in its first three seconds, None if it has none.

    A sound has a constant pitch if at least half of its loud frames (within 30 dB of the loudest) are voiced between 40
    and 2000 Hz, and at least 70 % of these lie within half a semitone of their median. A median within half a semitone
    of 40 Hz is rejected as rumble. The result is the median of the estimates of plain YIN, which are not quantised,
    within half a semitone of that median.
    """
    sound = audio[: round(TRACKED_S * sample_rate)].astype(np.float32)
    if sample_rate != _TRACKER_RATE:
        import librosa  # slow to import, and needed only for sounds without a label

        sound = librosa.resample(sound, orig_sr=sample_rate, target_sr=_TRACKER_RATE)
    if sound.size < _FRAME or not np.any(sound):
        return None
    tracks = track_pitches(
        sound,
        _TRACKER_RATE,
        min_hz=_TRACKER_MIN_HZ,
        max_hz=_TRACKER_MAX_HZ,
        frame_length=_FRAME,
        hop_length=_HOP,
        bins_per_semitone=_BINS_PER_SEMITONE,
    )
    loud = tracks.level > 10 ** (-30 / 20) * tracks.level.max()
    used = loud & tracks.is_voiced
    notes = 12 * np.log2(tracks.pyin_hz[used])
    if notes.size < 0.5 * loud.sum():
        return None
    at_floor = np.median(notes) < 12 * np.log2(_TRACKER_MIN_HZ) + _CLOSE_SEMITONES
    if at_floor or np.mean(np.abs(notes - np.median(notes)) < _CLOSE_SEMITONES) < 0.7:
        return None
    refined = 12 * np.log2(tracks.yin_hz[used])
    refined = refined[np.abs(refined - np.median(notes)) < _CLOSE_SEMITONES]
    # Rounded: the hash of a data set must not depend on the last bits, in which machines differ.
    return round(float(2 ** (np.median(refined if refined.size else notes) / 12)), 2)
