"""The pitch of a one-note sound: names of notes, names of files, and the tracker."""

import numpy as np
import pytest

from core.data.pitch import midi_to_hz, note_to_hz, patch_in_name, pitch_in_name, track_pitch


@pytest.mark.parametrize(
    ("note", "midi"),
    [("C4", 60), ("A4", 69), ("C#3", 49), ("Cs3", 49), ("Db3", 49), ("Bb2", 46), ("Cb4", 59), ("c4", 60), ("60", 60)],
)
def test_c4_is_midi_note_60(note: str, midi: int) -> None:
    assert note_to_hz(note) == pytest.approx(midi_to_hz(midi))


@pytest.mark.parametrize("text", ["", "H2", "C", "C##2", "440 Hz", "200", "C-1", "A9x"])
def test_text_that_is_no_note_has_no_pitch(text: str) -> None:
    assert note_to_hz(text) is None


@pytest.mark.parametrize(
    ("stem", "midi"),
    [
        ("preset_48-100", 48),
        ("deep_bass_36-127", 36),
        ("48-100", 48),
        ("piano C#3", 49),
        ("Bb2", 46),
        ("pad.A4.wet", 69),
        ("C2_to_C4", 60),
        ("flute(Gs5)", 80),
    ],
)
def test_pitch_is_read_from_a_name(stem: str, midi: int) -> None:
    assert pitch_in_name(stem) == pytest.approx(midi_to_hz(midi))


@pytest.mark.parametrize(
    "stem",
    [
        "take_b2",
        "loop 120-130",
        "x_130-100",
        "x_48-200",
        "take_1-2",
        "2024-05",
        "my-sound-2024-05",
        "Bass2",
        "C",
        "kick",
    ],
)
def test_pitch_is_not_guessed_from_other_names(stem: str) -> None:
    assert pitch_in_name(stem) is None


def test_patch_stands_before_pitch_and_velocity() -> None:
    assert patch_in_name("deep_bass_36-127") == "deep_bass"
    assert patch_in_name("36-127") is None
    assert patch_in_name("piano C#3") is None


@pytest.mark.parametrize(("f0_hz", "sample_rate"), [(55.0, 8000), (146.8, 44_100), (440.0, 96_000), (1234.5, 48_000)])
def test_steady_tone_is_tracked_within_a_twentieth_of_a_semitone(f0_hz: float, sample_rate: int) -> None:
    time_s = np.arange(sample_rate) / sample_rate
    harmonics = [k for k in range(1, 12) if k * f0_hz < sample_rate / 2]
    tone = np.sum([np.sin(2 * np.pi * k * f0_hz * time_s + k * k) / k for k in harmonics], axis=0)
    tone = tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s))
    tracked = track_pitch(tone, sample_rate)
    assert tracked is not None
    assert abs(12 * np.log2(tracked / f0_hz)) < 0.05


def test_noise_silence_sweeps_rumble_and_clicks_have_no_pitch() -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(16_000) / 16_000
    sweep = np.sin(np.cumsum(2 * np.pi * np.geomspace(100, 1000, 16_000) / 16_000))
    for sound in (rng.standard_normal(16_000), np.zeros(16_000), sweep, np.sin(2 * np.pi * 25 * time_s), np.ones(100)):
        assert track_pitch(sound, 16_000) is None
