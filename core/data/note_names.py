"""Names of musical notes: C4 is MIDI note 60, 261.63 Hz, and A4 is 69, 440 Hz."""

import math
import re

MAX_MIDI = 127
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Semitones of the natural notes above C."""
_ACCIDENTALS = {"": 0, "#": 1, "s": 1, "♯": 1, "b": -1, "♭": -1}
_NOTE = re.compile(r"([A-Ga-g])([#sb♯♭]?)(\d)")
"""A note name: letter, accidental and octave."""
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def midi_to_hz(note: int) -> float:
    """Frequency of a MIDI note number."""
    return float(440.0 * 2.0 ** ((note - 69) / 12))


def name_to_midi(name: str) -> int | None:
    """MIDI number of a note name such as `C#3`, `Bb2` or `a4`; None for other text and above 127."""
    match = _NOTE.fullmatch(name)
    if match is None:
        return None
    letter, accidental, octave = match.groups()
    midi = 12 * (int(octave) + 1) + _SEMITONES[letter.upper()] + _ACCIDENTALS[accidental]
    return midi if midi <= MAX_MIDI else None


def note_to_hz(note: str) -> float | None:
    """Frequency in Hz of a note name such as `C#3`, `Bb2` or `A4`, or of a MIDI number as text; None for other text.

    A name may have a deviation in cents, as that of `nearest_note` has.
    """
    text = note.strip()
    if re.fullmatch(r"\d{1,3}", text):
        return midi_to_hz(int(text)) if int(text) <= MAX_MIDI else None
    name, _, cents = text.partition(" ")
    midi = name_to_midi(name)
    if midi is None or not re.fullmatch(r"([+-]\d{1,3})?", cents):
        return None
    return midi_to_hz(midi) * float(2.0 ** (int(cents or 0) / 1200))


def nearest_note(hz: float) -> str:
    """Name of the note nearest to a frequency with the deviation in cents, if there is one: `C4`, `A2 -31`."""
    semitones = 69 + 12 * math.log2(hz / 440)
    midi = round(semitones)
    cents = round(100 * (semitones - midi))
    return f"{_NAMES[midi % 12]}{midi // 12 - 1}" + (f" {cents:+d}" if cents else "")
