"""Pitch of a recording of a single note, from its file name or from a pitch tracker.

Notes follow C4 = MIDI 60 = 261.63 Hz and A4 = 69 = 440 Hz. The tracker is probabilistic YIN (core.ops.pyin).
"""

import re

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
_MIN_NAMED_MIDI, _MAX_MIDI = 21, 127
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Semitones of the natural notes above C."""
_PITCH_VELOCITY = re.compile(r"(?:(?P<patch>.+)_)?(?P<pitch>\d{1,3})-(?P<velocity>\d{1,3})")
"""A file name that ends in MIDI pitch and velocity."""
_NOTE = re.compile(r"([A-G])([#sb♯♭]?)(\d)")
"""A note name: letter, accidental and octave."""


def midi_to_hz(note: int) -> float:
    """Frequency of a MIDI note number."""
    return float(440.0 * 2.0 ** ((note - 69) / 12))


def note_to_hz(note: str) -> float | None:
    """Frequency in Hz of a note name such as `C#3`, `Bb2` or `A4`, or of a MIDI number as text; None for other text."""
    text = note.strip()
    if re.fullmatch(r"\d{1,3}", text):
        return midi_to_hz(int(text)) if int(text) <= _MAX_MIDI else None
    match = _NOTE.fullmatch(text[:1].upper() + text[1:])
    if match is None:
        return None
    letter, accidental, octave = match.groups()
    shift = {"": 0, "#": 1, "s": 1, "♯": 1, "b": -1, "♭": -1}[accidental]
    midi = 12 * (int(octave) + 1) + _SEMITONES[letter] + shift
    return midi_to_hz(midi) if midi <= _MAX_MIDI else None


def patch_in_name(stem: str) -> str | None:
    """The patch in a file name that ends in MIDI pitch and velocity: `bass` in `bass_48-100`; None without them."""
    match = _pitch_velocity(stem)
    return match["patch"] if match else None


def pitch_in_name(stem: str) -> float | None:
    """The pitch in Hz in a file name without its suffix, None if it has none.

    The name either ends in `PITCH-VELOCITY`, two MIDI numbers as in `bass_48-100` with a pitch of at least 21 (A0), or
    contains a note name such as `C#3` or `Bb2` between separators, of which the last is used. The letter has to be a
    capital: `take_b2` is more often a take number than a note.
    """
    if match := _pitch_velocity(stem):
        return midi_to_hz(int(match["pitch"]))
    for token in reversed(re.split(r"[\s_.,()\[\]-]+", stem)):
        if _NOTE.fullmatch(token) and (f0_hz := note_to_hz(token)) is not None:
            return f0_hz
    return None


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


def _pitch_velocity(stem: str) -> re.Match[str] | None:
    """The match of `PATCH_PITCH-VELOCITY`; None if there is none or a number is out of range."""
    match = _PITCH_VELOCITY.fullmatch(stem)
    if match is None or not _MIN_NAMED_MIDI <= int(match["pitch"]) <= _MAX_MIDI or int(match["velocity"]) > _MAX_MIDI:
        return None
    return match
