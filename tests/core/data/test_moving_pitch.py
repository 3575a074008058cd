"""The middle of a pitch that glides or wavers, which has no constant pitch."""

from pathlib import Path

import numpy as np
import pytest

from core.data.pitch import track_moving_pitch, track_pitch
from core.discovery.pitch_finding import pitch_of
from core.errors import DataError
from tests.support.sounds import noise, tone

RATE = 16_000


def glide(low_hz: float, high_hz: float, seconds: float = 1.5) -> np.ndarray:
    time_s = np.arange(round(RATE * seconds)) / RATE
    pitch = low_hz * (high_hz / low_hz) ** (time_s / seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 8))
    return np.asarray(sound / np.abs(sound).max())


def test_the_middle_of_a_glide_is_its_pitch(tmp_path: Path) -> None:
    sound = glide(110, 165)
    assert track_pitch(sound, RATE) is None
    assert track_moving_pitch(sound, RATE) == pytest.approx(135, rel=0.03)
    with pytest.raises(DataError, match="no pitch|several pitches"):
        pitch_of(tmp_path / "glide.wav", sound, RATE)
    assert pitch_of(tmp_path / "glide.wav", sound, RATE, may_move=True).f0_hz == pytest.approx(135, rel=0.03)


@pytest.mark.parametrize(
    "sound", [noise(0, seconds=1.0), np.zeros(RATE), np.zeros(10)], ids=["noise", "silence", "short"]
)
def test_sounds_without_a_pitch_have_none(sound: np.ndarray) -> None:
    assert track_moving_pitch(sound, RATE) is None


def test_a_chord_has_no_pitch_that_moves(tmp_path: Path) -> None:
    chord = sum(tone(hz, seconds=1.0) for hz in (261.63, 329.63, 392.0, 523.25))
    with pytest.raises(DataError, match="several pitches"):
        pitch_of(tmp_path / "chord.wav", chord / np.abs(chord).max(), RATE, may_move=True)
