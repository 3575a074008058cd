"""Names of notes."""

import pytest

from core.data.note_names import midi_to_hz, name_to_midi, nearest_note, note_to_hz


@pytest.mark.parametrize(
    ("note", "midi"),
    [("C4", 60), ("A4", 69), ("C#3", 49), ("Cs3", 49), ("Db3", 49), ("Bb2", 46), ("Cb4", 59), ("c4", 60), ("60", 60)],
)
def test_c4_is_midi_note_60(note: str, midi: int) -> None:
    assert note_to_hz(note) == pytest.approx(midi_to_hz(midi))


@pytest.mark.parametrize(
    "text", ["", "H2", "C", "C##2", "440 Hz", "A4 31", "A4 + 31", "200", "C-1", "A9x", "A9", "G#9"]
)
def test_text_that_is_no_note_has_no_pitch(text: str) -> None:
    assert note_to_hz(text) is None


def test_nearest_note_is_named_with_its_deviation() -> None:
    assert nearest_note(440.0) == "A4"
    assert nearest_note(261.63) == "C4"
    assert nearest_note(440.0 * 2 ** (0.31 / 12)) == "A4 +31"
    assert nearest_note(440.0 * 2 ** (-0.31 / 12)) == "A4 -31"
    for midi in range(12, 128):
        assert name_to_midi(nearest_note(midi_to_hz(midi))) == midi


@pytest.mark.parametrize("cents", [-49, -1, 0, 31])
def test_a_nearest_note_is_read_back(cents: int) -> None:
    hz = 440.0 * 2 ** (cents / 1200)
    assert note_to_hz(nearest_note(hz)) == pytest.approx(hz)
