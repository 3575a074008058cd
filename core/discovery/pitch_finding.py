"""The pitch of a sound: given, listed in `metadata.csv`, in the name of its file, or tracked.

A pitch that is given, listed or named is trusted. Only where the tracker has to find it, the sound is refused if it is
noise, or if several pitches are heard in it (core.ops.several_pitches): a synth plays one note.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.file_inspection import PitchSource as FoundSource
from core.data.file_names import note_in_name
from core.data.metadata import METADATA_NAME, Metadata, read_metadata
from core.data.note_names import nearest_note
from core.data.pitch import TRACKED_S, track_moving_pitch, track_pitch
from core.errors import DataError
from core.ops.several_pitches import heard_pitches, noisiness
from core.sound_files import name_in

PitchSource = FoundSource | Literal["given", "assumed"]
"""Where a pitch comes from."""
NOISY_ABOVE = 0.4
"""Sounds without a tracked pitch are noise above this noisiness; white noise has 0.56 and a note below 0.1."""
_ONE_VOICE = 7.0
"""Semitones around the middle of a pitch that moves, within which all pitches are those of one voice."""
_ONSET = 10 ** (-30 / 20)
"""The tracker starts where a sound first reaches this share of its peak."""


@dataclass(frozen=True, slots=True)
class Pitch:
    """A pitch and where it comes from."""

    f0_hz: float
    source: PitchSource


def pitch_of(
    path: Path,
    audio: Float[ndarray, " sample"],
    sample_rate: int,
    *,
    given_hz: float | None = None,
    listed: Metadata | None = None,
    assumed_hz: float | None = None,
    may_move: bool = False,
) -> Pitch:
    """The pitch of a sound.

    Args:
        path: The file, for its name.
        audio: The sound, with a peak of 1.
        sample_rate: Of `audio`, in Hz.
        given_hz: What the user says; None if nothing.
        listed: The entry of the file in `metadata.csv`; None if it has none.
        assumed_hz: The pitch of a sound in which the tracker finds none; None to refuse it.
        may_move: Whether a pitch that moves, as that of a voice, is one: its middle.

    Raises:
        DataError: there is none, the sound is noise or has several pitches, or the pitch is not below half of the
            sample rate; the message is a category, a colon and the reason.
    """
    pitch = _labelled(path, given_hz, listed) or _tracked(audio, sample_rate, assumed_hz, may_move=may_move)
    if pitch.f0_hz >= sample_rate / 2:
        raise DataError(
            f"pitch too high: it has to be below {sample_rate / 2:g} Hz, half of the sample rate; it is "
            f"{pitch.f0_hz:g} Hz ({pitch.source})"
        )
    return pitch


def note_name(f0_hz: float) -> str:
    """Name of the note nearest to a pitch, such as `C#4`."""
    return nearest_note(f0_hz).partition(" ")[0]


@dataclass(slots=True)
class MetadataFiles:
    """The `metadata.csv` files of some folders, each read once."""

    _read: dict[Path, Mapping[str, Metadata]] = field(default_factory=dict)

    def entry(self, path: Path, folder: Path | None = None) -> Metadata | None:
        """The entry of a sound in the `metadata.csv` of a folder that holds it, else in that beside it; None if none.

        Raises:
            DataError: a `metadata.csv` is damaged.
        """
        for place in dict.fromkeys((folder or path.parent, path.parent)):
            if place not in self._read:
                self._read[place] = read_metadata(place / METADATA_NAME)
            if (found := self._read[place].get(name_in(place, path))) is not None:
                return found
        return None


# ---------------------------------------------------------------------------------------------------------------------


def _labelled(path: Path, given_hz: float | None, listed: Metadata | None) -> Pitch | None:
    """The pitch that somebody states; None if nobody does."""
    if given_hz is not None:
        return Pitch(given_hz, "given")
    if listed is not None and listed.f0_hz is not None:
        return Pitch(listed.f0_hz, "metadata")
    note = note_in_name(path.stem)
    return None if note is None else Pitch(note.f0_hz, "file name")


def _tracked(audio: Float[ndarray, " sample"], sample_rate: int, assumed_hz: float | None, *, may_move: bool) -> Pitch:
    """The pitch that the tracker finds, else the assumed one; errors are those of `pitch_of`."""
    start = int(np.argmax(np.abs(audio) >= _ONSET))
    sound = audio[start : start + round(TRACKED_S * sample_rate)]
    f0_hz = track_pitch(sound, sample_rate)
    if assumed_hz is not None:
        return Pitch(assumed_hz, "assumed") if f0_hz is None else Pitch(f0_hz, "tracked")
    if f0_hz is None and noisiness(sound, sample_rate) > NOISY_ABOVE:
        raise DataError("noise: it has no pitch that a synth could play; give --note or --f0 to use it nevertheless")
    pitches = heard_pitches(sound, sample_rate, f0_hz)
    if f0_hz is None and may_move and (middle_hz := track_moving_pitch(sound, sample_rate)) is not None:
        # The pitches of a chord lie apart, and far from the one that a tracker finds in it.
        near = [abs(12 * np.log2(hz / middle_hz)) <= _ONE_VOICE for hz in pitches]
        if all(near):
            return Pitch(middle_hz, "tracked")
    if len(pitches) > 1:
        *others, last = (note_name(hz) for hz in pitches)
        raise DataError(
            f"several pitches: {', '.join(others)} and {last} are heard, and a synth plays one note; give --note of "
            "the lowest, or a sound of one note"
        )
    if f0_hz is None:
        raise DataError(
            "no pitch: none is listed or in the name, and the tracker found none that holds; give --note or --f0"
        )
    return Pitch(f0_hz, "tracked")
