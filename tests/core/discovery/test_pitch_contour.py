"""Pitches that move are told from those that do not."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core.discovery.pitch_contour import moving_pitch, vibrato_curve, vibrato_depth
from core.settings.audio import AudioConfig
from core.settings.synths import SubtractiveConfig
from tests.support.played_sounds import play

AUDIO = AudioConfig(sample_rate=16_000, duration_s=2.0, hop_length=80)
SYNTH = SubtractiveConfig(vibrato_semitones=1.0)


def saw(vibrato: np.ndarray, cutoff: float | np.ndarray = 0.9) -> Tensor:
    n = AUDIO.n_frames
    curves = {"add": np.zeros(n), "sub": np.zeros(n) + cutoff, "env": np.ones(n), "vibrato": vibrato}
    return torch.from_numpy(play(SYNTH, curves, f0_hz=220.0, resonance=0.7, audio=AUDIO)).float()


def test_a_vibrato_is_followed() -> None:
    time_s = np.arange(AUDIO.n_frames) / AUDIO.frame_rate
    curve = 0.5 + 0.25 * np.sin(2 * np.pi * 5 * time_s)
    contour = moving_pitch(saw(curve), 16_000, 220.0)
    assert contour is not None
    assert vibrato_depth(contour) == 1.0
    found = vibrato_curve(contour, 1.0, AUDIO.n_frames).numpy()
    assert np.corrcoef(found[20:-20], curve[20:-20])[0, 1] > 0.98
    assert np.abs(found[20:-20] - curve[20:-20]).max() < 0.06


def test_a_steady_pitch_does_not_move() -> None:
    assert moving_pitch(saw(np.full(AUDIO.n_frames, 0.5)), 16_000, 220.0) is None


def test_a_resonant_filter_that_moves_is_no_vibrato() -> None:
    time_s = np.arange(AUDIO.n_frames) / AUDIO.frame_rate
    sound = saw(np.full(AUDIO.n_frames, 0.5), 0.35 + 0.25 * np.sin(2 * np.pi * 6 * time_s))
    assert moving_pitch(sound, 16_000, 220.0) is None


@pytest.mark.parametrize("sound", [torch.zeros(16_000), torch.zeros(100)], ids=["silence", "short"])
def test_sounds_without_a_pitch_have_no_contour(sound: Tensor) -> None:
    assert moving_pitch(sound, 16_000, 220.0) is None


def test_a_depth_holds_the_contour() -> None:
    assert vibrato_depth(np.sin(np.linspace(0, 20, 500)) * 3) == 4.0
    assert vibrato_depth(np.sin(np.linspace(0, 20, 500)) * 30) == 12.0
