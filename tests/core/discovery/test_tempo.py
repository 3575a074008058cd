"""Tempos of loops whose tempo is known, and of sounds that have none."""

import math

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.discovery.tempo import track_tempo

RATE = 22_050
Sound = Float[ndarray, " sample"]


def loop(tempo_bpm: float, duration_s: float = 6.0, sample_rate: int = RATE) -> Sound:
    """Plucked notes, one a beat, the first of four louder."""
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    beat_s = 60 / tempo_bpm
    since_s, beat = time_s % beat_s, time_s // beat_s
    pluck = np.exp(-since_s / 0.08) * np.sin(2 * math.pi * 220 * 2 ** ((beat % 3) / 12) * since_s)
    return np.asarray(pluck * np.where(beat % 4 == 0, 0.9, 0.6))


def held(duration_s: float = 6.0) -> Sound:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    return np.asarray(0.5 * np.sign(np.sin(2 * math.pi * 110 * time_s)))


@pytest.mark.parametrize("tempo_bpm", [90.0, 120.0, 140.0])
@pytest.mark.parametrize("sample_rate", [16_000, 44_100])
def test_a_loop_has_its_tempo(tempo_bpm: float, sample_rate: int) -> None:
    assert track_tempo(loop(tempo_bpm, sample_rate=sample_rate), sample_rate) == pytest.approx(tempo_bpm, rel=0.01)


def test_short_silent_and_held_sounds_have_no_tempo() -> None:
    noise = 0.3 * np.random.default_rng(0).normal(size=6 * RATE)
    attack = held() * np.exp(-np.arange(6 * RATE) / RATE)
    for sound in (loop(120.0, 2.9), np.zeros(6 * RATE), held(), noise, attack, np.full(6 * RATE, np.nan)):
        assert track_tempo(sound, RATE) is None
