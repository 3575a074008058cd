"""Notes and patches in file names."""

import pytest

from core.data.file_names import note_in_name
from core.data.note_names import midi_to_hz


@pytest.mark.parametrize(
    ("stem", "midi", "patch"),
    [
        ("Bank_preset-36-100", 36, "bank preset"),
        ("Bank_preset-48-100", 48, "bank preset"),
        ("Bank_preset_36-100", 36, "bank preset"),
        ("bass 36 100", 36, "bass"),
        ("bass_36_100", 36, "bass"),
        ("deep_bass_36-127", 36, "deep bass"),
        ("bass_synthetic_068-049-025", 49, "bass synthetic 068"),
        ("07 Bass-36-99", 36, "07 bass"),
        ("pad-07-64-80", 64, "pad 07"),
        ("Lead - 60-100", 60, "lead"),
        ("48-100", 48, ""),
        ("piano C#3", 49, "piano"),
        ("pad C2", 36, "pad"),
        ("pad D2", 38, "pad"),
        ("Pad-C2-100", 36, "pad"),
        ("pad_D2_64", 38, "pad"),
        ("pad C2 v100", 36, "pad"),
        ("strings E3 rr2", 52, "strings"),
        ("lead-Ab3-vel80", 56, "lead"),
        ("Bank A3 C2", 36, "bank a3"),
        ("Bb2", 46, ""),
        ("pad.A4.wet", 69, "pad wet"),
        ("C2_to_C4", 60, "c2 to"),
        ("flute(Gs5)", 80, "flute"),
        ("A0v1", 21, ""),
        ("D#3v16", 51, ""),
        ("bass_f#1", 30, "bass"),
        ("oboe F♯4", 66, "oboe"),
        ("midi60", 60, ""),
        ("lead note_60 v100", 60, "lead"),
        ("Marimba Midi 72", 72, "marimba"),
    ],
)
def test_note_and_patch_are_read_from_a_name(stem: str, midi: int, patch: str) -> None:
    note = note_in_name(stem)
    assert note is not None
    assert (note.midi, note.patch) == (midi, patch)
    assert note.f0_hz == pytest.approx(midi_to_hz(midi))


@pytest.mark.parametrize(
    "stem",
    [
        *("take_b2", "take-2", "take_1-2", "take 30 40", "Take A1", "kick-01-02", "kick", "snare 3", "909 kick 3"),
        *("loop_120", "loop 120-130", "loop 90-100", "loop 128 bpm 40-50", "drums 90 bpm", "bpm_90_100"),
        *("x_130-100", "x_48-200", "x_48-1", "x-100", "pad 36", "pad_36", "60 90", "20_30_40", "drum-127-128"),
        *("2024-05", "my-sound-2024-05", "Recording 12-30-45", "2024-06-01 12-30-45", "rec 11-26-24"),
        *("kick_24-96", "snare 24-48", "hat-60-05", "808_01", "MS20 01-44", "track 45-99", "tempo 60-90"),
        *("Bass2", "C", "D50 lead", "guit_em9", "b3 organ", "Bank B2", "chord G7", "Kit A1", "note 5", "midi200"),
    ],
)
def test_note_is_not_guessed_from_other_names(stem: str) -> None:
    assert note_in_name(stem) is None
