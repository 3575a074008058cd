"""Strength of a pitch: greatest at the fundamental, whether or not the sound contains it."""

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.ops.pitch_strength import PitchStrength

RATE = 16_000


def harmonics(f0_hz: float, weights: dict[int, float], seconds: float = 1.0) -> Float[ndarray, " sample"]:
    """A sum of harmonics with amplitudes by number."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(sum(weight * np.sin(2 * np.pi * k * f0_hz * time_s + k) for k, weight in weights.items()))


@pytest.mark.parametrize("f0_hz", [33.0, 110.0, 440.0])
@pytest.mark.parametrize("first", [1, 2, 3])
def test_strength_is_greatest_at_the_fundamental_even_if_it_is_missing(f0_hz: float, first: int) -> None:
    last = min(30, int(7500 / f0_hz))
    strength = PitchStrength(harmonics(f0_hz, {k: 1 / k for k in range(first, last + 1)}), RATE)
    found = {factor: strength.of(f0_hz * factor) for factor in (0.25, 0.5, 1.0, 2.0, 4.0)}
    assert max(found, key=lambda factor: found[factor]) == 1.0
    assert found[1.0] <= 1


def test_strength_does_not_depend_on_the_level_and_silence_has_none() -> None:
    sound = harmonics(110.0, {k: 1 / k for k in range(1, 20)})
    assert PitchStrength(sound, RATE).of(110.0) == pytest.approx(PitchStrength(1e-3 * sound, RATE).of(110.0))
    assert PitchStrength(np.zeros(RATE), RATE).of(110.0) == 0


def test_short_sounds_are_padded() -> None:
    strength = PitchStrength(harmonics(200.0, {1: 1.0, 2: 0.5, 3: 0.3}, seconds=0.05), RATE)
    assert strength.of(200.0) > max(strength.of(100.0), strength.of(400.0))
