"""The pitch of a one-note sound: from its file's name, or tracked.

Notes follow C4 = MIDI 60 = 261.63 Hz and A4 = 69 = 440 Hz. The tracker is probabilistic YIN (Mauch, Dixon 2014) as in
librosa.
"""

import re
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

TRACKED_S = 3.0
"""Seconds of a sound that the tracker listens to."""
_TRACKER_RATE = 16_000
_TRACKER_MIN_HZ, _TRACKER_MAX_HZ = 40.0, 2000.0
_FRAME, _HOP = 1024, 512
_BIN_SEMITONES = 0.25  # the tracker's time grows with the square of its bins; YIN refines what it finds
_CLOSE_SEMITONES = 0.5
_MIN_NAMED_MIDI, _MAX_MIDI = 21, 127
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_PITCH_VELOCITY = re.compile(r"(?:(?P<patch>.+)_)?(?P<pitch>\d{1,3})-(?P<velocity>\d{1,3})")
_NOTE = re.compile(r"([A-G])([#sb♯♭]?)(\d)")


def midi_to_hz(note: int) -> float:
    return float(440.0 * 2.0 ** ((note - 69) / 12))


def note_to_hz(note: str) -> float | None:
    """`"C#3"`, `"Bb2"`, `"A4"` or a MIDI number as text, in Hz; None for anything else."""
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
    """`"bass"` for `"bass_48-100"`: the name before a MIDI pitch and velocity, None where there is no such ending."""
    match = _pitch_velocity(stem)
    return match["patch"] if match else None


def pitch_in_name(stem: str) -> float | None:
    """The pitch in Hz that a file's name without its suffix tells, None where it tells none.

    Either it ends in `PITCH-VELOCITY`, two MIDI numbers as in `bass_48-100` with a pitch of at least 21 (A0), or a note
    name such as `C#3` or `Bb2` stands alone between separators; of several the last counts. Its letter is a capital:
    `take_b2` is a counter more often than a note.
    """
    if match := _pitch_velocity(stem):
        return midi_to_hz(int(match["pitch"]))
    for token in reversed(re.split(r"[\s_.,()\[\]-]+", stem)):
        if _NOTE.fullmatch(token) and (f0_hz := note_to_hz(token)) is not None:
            return f0_hz
    return None


def track_pitch(audio: Float[ndarray, " sample"], sample_rate: int) -> float | None:
    """The pitch in Hz that a sound keeps in its first three seconds, None where it keeps none.

    A sound is pitched if at least half of its loud frames (within 30 dB of the loudest) are voiced between 40 and
    2000 Hz, and at least 70 % of those lie within half a semitone of their median, which is not the lowest pitch that
    could be found (there it is a rumble). The pitch is the median of what plain YIN, which has no grid, finds
    within half a semitone of it.
    """
    import librosa  # slow to import, and only unlabelled sounds need it

    sound = audio[: round(TRACKED_S * sample_rate)].astype(np.float32)
    if sample_rate != _TRACKER_RATE:
        sound = librosa.resample(sound, orig_sr=sample_rate, target_sr=_TRACKER_RATE)
    if sound.size < _FRAME or not np.any(sound):
        return None
    settings: dict[str, Any] = {
        "fmin": _TRACKER_MIN_HZ,
        "fmax": _TRACKER_MAX_HZ,
        "sr": _TRACKER_RATE,
        "frame_length": _FRAME,
        "hop_length": _HOP,
    }
    f0_hz, voiced, _ = librosa.pyin(sound, resolution=_BIN_SEMITONES, **settings)
    level = librosa.feature.rms(y=sound, frame_length=_FRAME, hop_length=_HOP)[0]
    loud = level > 10 ** (-30 / 20) * level.max()
    used = loud & voiced & np.isfinite(f0_hz)
    notes = 12 * np.log2(f0_hz[used])
    if notes.size < 0.5 * loud.sum():
        return None
    at_floor = np.median(notes) < 12 * np.log2(_TRACKER_MIN_HZ) + _CLOSE_SEMITONES
    if at_floor or np.mean(np.abs(notes - np.median(notes)) < _CLOSE_SEMITONES) < 0.7:
        return None
    refined = 12 * np.log2(librosa.yin(sound, **settings)[used])
    refined = refined[np.abs(refined - np.median(notes)) < _CLOSE_SEMITONES]
    # Rounded, so that a last-bit difference between two machines' mathematics does not make it another data set.
    return round(float(2 ** (np.median(refined if refined.size else notes) / 12)), 2)


def _pitch_velocity(stem: str) -> re.Match[str] | None:
    match = _PITCH_VELOCITY.fullmatch(stem)
    if match is None or not _MIN_NAMED_MIDI <= int(match["pitch"]) <= _MAX_MIDI or int(match["velocity"]) > _MAX_MIDI:
        return None
    return match
