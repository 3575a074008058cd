"""Pitch tracks against the reference implementation of librosa."""

from typing import Any

import librosa
import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.ops.pyin import PitchTracks, track_pitches
from tests.support.sounds import noise

RATE, MIN_HZ, MAX_HZ, FRAME, HOP, PER_SEMITONE = 16_000, 40.0, 2000.0, 1024, 512, 4
TIME_S = np.arange(RATE) / RATE
SWEEP = np.sin(np.cumsum(2 * np.pi * np.geomspace(100, 1000, RATE) / RATE))
SOUNDS = {
    "harmonic": sum((np.sin(2 * np.pi * 147 * k * TIME_S + k * k) / k for k in range(1, 9)), np.zeros(RATE)),
    "decaying": np.sin(2 * np.pi * 311 * TIME_S) * np.exp(-5 * TIME_S),
    "vibrato": np.sin(2 * np.pi * 220 * TIME_S + 3 * np.sin(2 * np.pi * 5 * TIME_S)),
    "sweep": SWEEP,
    "noisy": SWEEP + noise(1, seconds=1.0),
    "noise": noise(0, seconds=1.0),
    "voiced in part": np.where(TIME_S < 0.5, np.sin(2 * np.pi * 440 * TIME_S), noise(2, seconds=1.0)),
    "short": np.sin(2 * np.pi * 440 * TIME_S[:1500]),
    "silent in part": np.where(TIME_S < 0.5, np.sin(2 * np.pi * 440 * TIME_S), 0.0),
}


def tracks(audio: Float[ndarray, " sample"]) -> PitchTracks:
    return track_pitches(
        audio, RATE, min_hz=MIN_HZ, max_hz=MAX_HZ, frame_length=FRAME, hop_length=HOP, bins_per_semitone=PER_SEMITONE
    )


@pytest.mark.parametrize("name", SOUNDS)
def test_tracks_equal_those_of_librosa(name: str) -> None:
    audio = SOUNDS[name]
    settings: dict[str, Any] = {"fmin": MIN_HZ, "fmax": MAX_HZ, "sr": RATE, "frame_length": FRAME, "hop_length": HOP}
    pitch_hz, is_voiced, _ = librosa.pyin(audio, resolution=1 / PER_SEMITONE, fill_na=None, **settings)
    found = tracks(audio)
    np.testing.assert_array_equal(found.is_voiced, is_voiced)
    # Two paths can be equally likely; they differ by a bin.
    bins = 12 * PER_SEMITONE * np.log2(found.pyin_hz / pitch_hz)[is_voiced]
    assert np.abs(bins).max(initial=0) < 1.01
    assert np.mean(np.abs(bins) > 0.01) < 0.1 if is_voiced.any() else True
    level = librosa.feature.rms(y=audio, frame_length=FRAME, hop_length=HOP)[0]
    np.testing.assert_allclose(found.level, level, rtol=1e-6, atol=1e-9)
    heard = level > 1e-3  # the difference of a silent frame is that of rounding errors
    np.testing.assert_allclose(found.yin_hz[heard], librosa.yin(audio, **settings)[heard], rtol=1e-6)


def test_silence_has_tracks_that_are_finite() -> None:
    found = tracks(np.zeros(RATE))
    assert np.isfinite(found.pyin_hz).all()
    assert np.isfinite(found.yin_hz).all()
    assert not found.level.any()
