"""Pitch of a recording of a single note by a pitch tracker.

Probabilistic YIN (core.ops.pyin) finds the pitch, and SWIPE' (core.ops.pitch_strength) its octave. Of 604 notes
rendered at a known pitch (MIDI 24 to 72; built-in wavetables, missing fundamentals, Vital, a SoundFont), 40 came out an
octave off by YIN alone, and 24 with the check, 13 of them organ pipes without power at the pitch of the lowest one.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.ops.pitch_strength import PitchStrength
from core.ops.pyin import track_pitches

TRACKED_S = 3.0
"""Seconds from the start of a sound that the tracker analyses."""
_TRACKER_RATE = 16_000
"""Sample rate of the tracker in Hz."""
_TRACKER_MIN_HZ, _TRACKER_MAX_HZ = 27.0, 2000.0
_FRAME, _HOP = 2048, 512
_SHORTEST_S = 0.064
"""Sounds shorter than this have no pitch."""
_OCTAVES = (0.5, 1.0, 2.0, 4.0)
"""Factors by which the pitch that YIN finds may be wrong."""
_PREFERENCE = 1.1
"""Another octave is taken only if its strength is greater by this factor."""
_BINS_PER_SEMITONE = 4
"""Resolution of the tracker, whose run time is quadratic in it; YIN refines the result."""
_WITHIN_AN_OCTAVE = 0.9
"""Smallest share of frames within an octave of the middle of a pitch that moves."""
_CLOSE_SEMITONES = 0.5
"""Frames within this distance of the median pitch belong to the same note."""


def track_pitch(audio: Float[ndarray, " sample"], sample_rate: int) -> float | None:
    """The constant pitch in Hz of a sound in its first three seconds, None if it has none.

    A sound has a constant pitch if at least half of its loud frames (within 30 dB of the loudest) are voiced between 27
    and 2000 Hz, and at least 70 % of these lie within half a semitone of their median. A median within half a semitone
    of 27 Hz is rejected as rumble. The result is the median of the estimates of plain YIN, which are not quantised,
    within half a semitone of that median, in the octave with the greatest strength.
    """
    tracked = _tracked_notes(audio, sample_rate)
    if tracked is None:
        return None
    notes, refined, sound = tracked
    at_floor = np.median(notes) < 12 * np.log2(_TRACKER_MIN_HZ) + _CLOSE_SEMITONES
    if at_floor or np.mean(np.abs(notes - np.median(notes)) < _CLOSE_SEMITONES) < 0.7:
        return None
    refined = refined[np.abs(refined - np.median(notes)) < _CLOSE_SEMITONES]
    f0_hz = float(2 ** (np.median(refined if refined.size else notes) / 12))
    # Rounded: the hash of a data set must not depend on the last bits, in which machines differ.
    return round(f0_hz * _octave(sound, f0_hz), 2)


def track_moving_pitch(audio: Float[ndarray, " sample"], sample_rate: int) -> float | None:
    """The middle in Hz of the pitch of a voice or of a note that glides, in the first three seconds; None without one.

    At least half of the loud frames are voiced, and nine tenths of these lie within an octave of their median.
    """
    tracked = _tracked_notes(audio, sample_rate)
    if tracked is None:
        return None
    notes, _, _ = tracked
    middle = float(np.median(notes))
    is_one_voice = np.mean(np.abs(notes - middle) < 12) >= _WITHIN_AN_OCTAVE
    return round(2.0 ** (middle / 12), 2) if is_one_voice else None


def _tracked_notes(
    audio: Float[ndarray, " sample"], sample_rate: int
) -> tuple[Float[ndarray, " frame"], Float[ndarray, " frame"], Float[ndarray, " _"]] | None:
    """Pitches in semitones of the loud, voiced frames, by the tracker and by plain YIN, and the sound that was tracked.

    None if the sound is too short or silent, or if fewer than half of its loud frames are voiced.
    """
    sound = audio[: round(TRACKED_S * sample_rate)].astype(np.float32)
    if sample_rate != _TRACKER_RATE:
        import librosa  # slow to import, and needed only for sounds without a label

        sound = librosa.resample(sound, orig_sr=sample_rate, target_sr=_TRACKER_RATE)
    if sound.size < _SHORTEST_S * _TRACKER_RATE or not np.any(sound):
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
    if used.sum() < 0.5 * max(1, loud.sum()):
        return None
    return 12 * np.log2(tracks.pyin_hz[used]), 12 * np.log2(tracks.yin_hz[used]), sound


def _octave(sound: Float[ndarray, " sample"], f0_hz: float) -> float:
    """The factor that brings a pitch into its octave."""
    strength = PitchStrength(sound, _TRACKER_RATE)
    octaves = [octave for octave in _OCTAVES if _TRACKER_MIN_HZ <= f0_hz * octave <= _TRACKER_MAX_HZ]
    return max(octaves, key=lambda octave: strength.of(f0_hz * octave) * (_PREFERENCE if octave == 1 else 1))
