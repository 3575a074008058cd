"""Several pitches and noise are told from single notes, whatever these consist of."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.ops.several_pitches import heard_pitches, noisiness

RATE = 16_000


def note(
    midi: float, amplitude: str = "saw", *, seconds: float = 1.0, sample_rate: int = RATE, vibrato: float = 0.0
) -> Float[ndarray, " sample"]:
    """Harmonics up to 7 kHz with amplitudes by their number, and a vibrato of 6 Hz in semitones."""
    time_s = np.arange(round(seconds * sample_rate)) / sample_rate
    f0_hz = 440 * 2 ** ((midi - 69 + vibrato * np.sin(2 * np.pi * 6 * time_s)) / 12)
    phase = np.cumsum(2 * np.pi * f0_hz / sample_rate)
    numbers = range(1, int(7000 / f0_hz.max()) + 1)
    weights: dict[str, Callable[[int], float]] = {
        "saw": lambda k: 1 / k,
        "square": lambda k: k % 2 / k,
        "dark": lambda k: 1 / k**2,
        "bright": lambda k: k**-0.5,
        "no fundamental": lambda k: (k > 1) / k,
        "sine": lambda k: float(k == 1),
        "two pipes": lambda k: float(k in (1, 3)),
    }
    return np.asarray(sum(weights[amplitude](k) * np.sin(k * phase + k**2) for k in numbers))


def chord(midi: float, intervals: Sequence[int], amplitude: str = "saw") -> Float[ndarray, " sample"]:
    return np.asarray(sum(note(midi + interval, amplitude) for interval in intervals))


def nearest_midi(pitches: Sequence[float]) -> list[int]:
    return [round(69 + 12 * math.log2(hz / 440)) for hz in pitches]


@pytest.mark.parametrize("amplitude", ["saw", "square", "dark", "bright", "no fundamental", "sine", "two pipes"])
@pytest.mark.parametrize("midi", [36, 50.4, 69, 81])
def test_a_note_is_one_pitch(amplitude: str, midi: float) -> None:
    f0_hz = 440 * 2 ** ((midi - 69) / 12)
    assert len(heard_pitches(note(midi, amplitude), RATE, f0_hz)) <= 1
    if amplitude != "no fundamental":
        assert len(heard_pitches(note(midi, amplitude), RATE, None)) <= 1


@pytest.mark.parametrize("vibrato", [0.3, 1.0])
def test_a_note_with_vibrato_is_one_pitch(vibrato: float) -> None:
    assert len(heard_pitches(note(60, vibrato=vibrato), RATE, 261.63)) == 1


@pytest.mark.parametrize("amplitude", ["saw", "square", "dark", "bright"])
@pytest.mark.parametrize("intervals", [(0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4)])
@pytest.mark.parametrize("midi", [53, 60, 67])
def test_the_notes_of_a_chord_are_named(amplitude: str, intervals: tuple[int, ...], midi: int) -> None:
    heard = heard_pitches(chord(midi, intervals, amplitude), RATE, None)
    assert nearest_midi(heard) == [midi + interval for interval in intervals]


def test_a_chord_is_told_although_the_tracker_finds_the_pitch_that_its_notes_share() -> None:
    # C4, E4 and G4 are the harmonics 4, 5 and 6 of C2.
    heard = heard_pitches(chord(60, (0, 4, 7)), RATE, 65.41)
    assert nearest_midi(heard) == [60, 64, 67]


def test_a_fifth_is_a_note_if_the_tracker_finds_the_pitch_below() -> None:
    assert heard_pitches(chord(60, (0, 7)), RATE, 130.81) == (130.81,)


def test_pitches_do_not_depend_on_rate_and_level() -> None:
    for sample_rate in (8000, 44_100, 96_000):
        sound = sum(note(57 + interval, sample_rate=sample_rate, seconds=0.6)[: int(0.6 * sample_rate)]
                    for interval in (0, 4, 7))  # fmt: skip
        for gain in (1e-3, 1.0):
            heard = heard_pitches(gain * np.asarray(sound), sample_rate, None)
            if sample_rate > 8000:
                assert nearest_midi(heard) == [57, 61, 64]


def test_short_sounds_are_a_single_note() -> None:
    assert heard_pitches(chord(60, (0, 4, 7))[: RATE // 10], RATE, None) == ()


def test_noise_is_noisy_and_notes_and_chords_are_not() -> None:
    rng = np.random.default_rng(0)
    white = rng.standard_normal(RATE)
    brown = np.cumsum(white) - np.linspace(0, white.sum(), RATE)
    for noise in (white, brown, white * np.exp(-np.arange(RATE) / 4000)):
        assert 0.5 < noisiness(noise, RATE) < 0.65
    for sound in (note(48), note(60, vibrato=1.0), chord(60, (0, 4, 7))):
        assert noisiness(sound, RATE) < 0.25
    assert noisiness(note(60) + 0.003 * white, RATE) < 0.4
    assert noisiness(white[:1000], RATE) == 0
