"""Note and patch in the name of a sound file.

A name has a note if, without its suffix, it

1. ends in two numbers, MIDI pitch and velocity, each after one of the separators `-`, `_` and space, as in
   `Bank_preset-36-100`: a pitch of 21 (A0) to 127 and a velocity of 10 to 127, without leading zeros unless there are
   three digits (as in NSynth: `bass_synthetic_068-049-025`);
2. or contains a note name between separators: a capital letter, possibly an accidental, and an octave, as in `C#3`,
   `Bb2` or `C3v10` (velocity layer 10), or a small letter with a sharp sign, as in `f#1`; the last one counts;
3. or contains a MIDI number that is called so: `midi60`, `note_60`.

Numbers that count something else are not taken for notes: after words such as `take`, `loop` or `bpm`, in dates and
times, and in `24-96` (bits and kHz). A single number alone is none, nor is `b2` with a small letter, which is more
often a take than a note. What is left of the name without the note, velocity and round robin is the patch.
"""

import re
from dataclasses import dataclass

from core.data.note_names import MAX_MIDI, midi_to_hz, name_to_midi

_MIN_NUMBER = 21
"""Lowest MIDI number in a name, the lowest key of a piano."""
_MIN_VELOCITY = 10
"""Lowest velocity in a name; smaller numbers are takes or versions more often."""
_SEPARATORS = re.compile(r"[\s_.,;()\[\]{}+~=-]+")
_NUMBER = r"[1-9]\d{1,2}|0\d\d"
_NUMBERS = re.compile(rf"(?:(.*[^\W\d_].*)[-_ ]+)?({_NUMBER})([-_ ])({_NUMBER})")
"""A name that ends in two numbers; what is before them contains a letter, unless there is nothing."""
_NOTE = re.compile(r"(?P<note>[A-G][#sb♯♭]?\d|[a-g][#♯]\d)(?:v(?:el)?\d{1,3})?")
_CALLED_MIDI = re.compile(r"(?:midi|note)(?P<number>\d{1,3})?", re.IGNORECASE)
_VARIANT = re.compile(r"(?:v|vel|velocity|rr)\d{1,3}", re.IGNORECASE)
"""A token that distinguishes the velocities and round robins of a patch."""
_CLOCK_OR_DATE = re.compile(
    r"(?<!\d)(?:(?:[01]\d|2[0-3])([-_ ])[0-5]\d\1[0-5]\d|(?:0\d|1[0-2])([-_ ])[0-3]\d\2[1-3]\d)$"
)
"""Hour, minute and second, or month, day and year from 2010 on."""
_BITS_AND_RATES = frozenset((bits, rate) for bits in (24, 32) for rate in (44, 48, 88, 96))
_COUNTED = "take|tk|version|ver|var|part|section|side|track|disc|disk|cd|no|nr|page|loop|bar|bars|beat"
"""Words after which neither a letter with a digit nor numbers are notes."""
_BEFORE_NO_NOTE = re.compile(f"{_COUNTED}|bank|kit|slot|group|mic|layer|chord|scene", re.IGNORECASE)
_BEFORE_NO_NUMBERS = re.compile(f"{_COUNTED}|beats|bpm|tempo|hz|khz", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedNote:
    """Note and patch in a file name."""

    midi: int
    patch: str
    """The rest of the name in lower case, its words separated by spaces; empty if the name is only a note."""

    @property
    def f0_hz(self) -> float:
        """The pitch."""
        return midi_to_hz(self.midi)


def note_in_name(stem: str) -> NamedNote | None:
    """The note in a file name without its suffix; None if it has none."""
    return _ending_numbers(stem) or _note_name(_tokens(stem))


def _ending_numbers(stem: str) -> NamedNote | None:
    """The note of a name that ends in pitch and velocity."""
    match = _NUMBERS.fullmatch(stem)
    if match is None:
        return None
    rest, separator = match[1], match[3]
    pitch, velocity, patch = int(match[2]), int(match[4]), _tokens(rest or "")
    last_word = next((token for token in reversed(patch) if not token.isdigit()), "")
    if (
        not _MIN_NUMBER <= pitch <= MAX_MIDI
        or not _MIN_VELOCITY <= velocity <= MAX_MIDI
        or (rest is None and separator != "-")
        or (pitch, velocity) in _BITS_AND_RATES
        or _BEFORE_NO_NUMBERS.fullmatch(last_word)
        or _CLOCK_OR_DATE.search(stem)
    ):
        return None
    return NamedNote(midi=pitch, patch=_joined(patch))


def _note_name(tokens: list[str]) -> NamedNote | None:
    """The last note name, else the last number that is called a MIDI number or note."""
    for place in reversed(range(len(tokens))):
        if (match := _NOTE.fullmatch(tokens[place])) is None or (midi := name_to_midi(match["note"])) is None:
            continue
        if place == 0 or not _BEFORE_NO_NOTE.fullmatch(tokens[place - 1]):
            # A number behind the note is its velocity, or tells takes of it apart.
            end = place + 1 + (place + 1 < len(tokens) and tokens[place + 1].isdigit())
            return NamedNote(midi=midi, patch=_joined(tokens[:place] + tokens[end:]))
    for place in reversed(range(len(tokens))):
        if match := _CALLED_MIDI.fullmatch(tokens[place]):
            end = place + 1 if match["number"] else place + 2
            number = match["number"] or "".join(tokens[place + 1 : end])
            if number.isdecimal() and len(number) <= 3 and _MIN_NUMBER <= int(number) <= MAX_MIDI:
                return NamedNote(midi=int(number), patch=_joined(tokens[:place] + tokens[end:]))
    return None


def _tokens(text: str) -> list[str]:
    """The parts of a name between separators."""
    return [token for token in _SEPARATORS.split(text) if token]


def _joined(tokens: list[str]) -> str:
    """The name of a patch from its tokens, without velocities and round robins."""
    return " ".join(token.casefold() for token in tokens if not _VARIANT.fullmatch(token))
