"""Where the pitch of a sound comes from, and which sounds are refused for lack of one."""

from pathlib import Path

import numpy as np
import pytest

from core.data.metadata import Metadata
from core.data.note_names import midi_to_hz
from core.discovery.pitch_finding import MetadataFiles, Pitch, note_name, pitch_of
from core.errors import DataError
from tests.support.sounds import noise, tone

RATE = 16_000
TONE = tone(220, level=1.0).astype(np.float32)
CHORD = np.sum([0.3 * np.sign(tone(hz, seconds=1.0)) for hz in (261.63, 329.63, 392.0)], 0).astype(np.float32)
UNNAMED = Path("unnamed.wav")


def test_what_is_given_comes_before_what_is_listed_named_and_tracked() -> None:
    listed, named = Metadata(f0_hz=300.0), Path("pad C4.wav")
    assert pitch_of(named, TONE, RATE, given_hz=100.0, listed=listed) == Pitch(100.0, "given")
    assert pitch_of(named, TONE, RATE, listed=listed) == Pitch(300.0, "metadata")
    assert pitch_of(named, TONE, RATE, listed=Metadata(group="pads")) == Pitch(midi_to_hz(60), "file name")
    tracked = pitch_of(UNNAMED, TONE, RATE)
    assert tracked.source == "tracked"
    assert tracked.f0_hz == pytest.approx(220, abs=0.3)


def test_silence_before_a_sound_does_not_hide_its_pitch() -> None:
    late = np.concatenate([np.zeros(5 * RATE, np.float32), TONE])
    assert pitch_of(UNNAMED, late, RATE).f0_hz == pytest.approx(220, abs=0.3)


def test_a_chord_is_refused_with_what_was_heard_unless_its_pitch_is_stated() -> None:
    with pytest.raises(DataError) as error:
        pitch_of(UNNAMED, CHORD, RATE)
    assert str(error.value) == (
        "several pitches: C4, E4 and G4 are heard, and a synth plays one note; give --note of the lowest, or a sound "
        "of one note"
    )
    assert pitch_of(UNNAMED, CHORD, RATE, given_hz=261.63).source == "given"
    assert pitch_of(Path("pad C4.wav"), CHORD, RATE).source == "file name"


def test_noise_and_sounds_without_a_pitch_that_holds_are_refused() -> None:
    with pytest.raises(DataError, match="^noise: it has no pitch that a synth could play; give --note or --f0"):
        pitch_of(UNNAMED, noise(0, seconds=1.0).astype(np.float32), RATE)
    glide = np.sin(2 * np.pi * np.cumsum(np.geomspace(100, 1000, RATE)) / RATE).astype(np.float32)
    with pytest.raises(DataError, match="^no pitch: none is listed or in the name, and the tracker found none"):
        pitch_of(UNNAMED, glide, RATE)


def test_a_pitch_may_be_assumed_where_none_is_found() -> None:
    unpitched = noise(0, seconds=1.0).astype(np.float32)
    assert pitch_of(UNNAMED, unpitched, RATE, assumed_hz=110.0) == Pitch(110.0, "assumed")
    assert pitch_of(UNNAMED, TONE, RATE, assumed_hz=110.0).source == "tracked"


def test_a_pitch_has_to_be_below_half_of_the_sample_rate() -> None:
    with pytest.raises(DataError, match="^pitch too high: it has to be below 8000 Hz, .*; it is 9000 Hz \\(given\\)"):
        pitch_of(UNNAMED, TONE, RATE, given_hz=9000.0)


def test_names_of_notes() -> None:
    assert [note_name(hz) for hz in (261.63, 440.0, 442.0, 466.16)] == ["C4", "A4", "A4", "A#4"]


def test_entries_come_from_the_folder_that_was_named_else_from_that_of_the_file(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "metadata.csv").write_text("file,note\ninner/a.wav,C3\n")
    (inner / "metadata.csv").write_text("file,note\na.wav,D3\nb.wav,E3\n")
    files = MetadataFiles()
    assert files.entry(inner / "a.wav", tmp_path) == Metadata(f0_hz=midi_to_hz(48))
    assert files.entry(inner / "b.wav", tmp_path) == Metadata(f0_hz=midi_to_hz(52))
    assert files.entry(inner / "a.wav") == Metadata(f0_hz=midi_to_hz(50))
    assert files.entry(tmp_path / "c.wav") is None
