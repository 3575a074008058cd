"""Fingerprints: copies of a sound are recognised, and different sounds are told apart."""

import io

import numpy as np
import pytest
import soundfile
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import resample

from core.data.fingerprint import fingerprint, same_sounds
from tests.support.sounds import noise, tone

Sound = tuple[Float[ndarray, " sample"], int]


def pad(f0_hz: float, seed: int = 0, sample_rate: int = 44_100) -> Float[ndarray, " sample"]:
    """A decaying note with overtones and breath."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(sample_rate) / sample_rate
    overtones = [np.sin(2 * np.pi * k * f0_hz * time_s + rng.uniform(0, 6)) / k for k in range(1, 20)]
    breath = 0.02 * rng.standard_normal(sample_rate)
    return np.asarray((np.sum(overtones, axis=0) + breath) * np.exp(-2 * time_s) * 0.3)


def decoded(audio: Float[ndarray, " sample"], sample_rate: int, **encoding: str) -> Sound:
    """A sound after it was written in some format and read back."""
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, **encoding)
    file.seek(0)
    sound: Sound = soundfile.read(file)
    return sound


def are_same(*sounds: Sound) -> bool:
    """Whether all sounds are in one set."""
    sets = same_sounds([fingerprint(audio, sample_rate, 1.0) for audio, sample_rate in sounds])
    return len({sets.first(index) for index in range(len(sounds))}) == 1


@pytest.mark.parametrize("original", [pad(110.0), noise(3, seconds=0.6, sample_rate=44_100)], ids=["pad", "noise"])
def test_copies_in_other_formats_rates_and_levels_are_the_same_sound(original: Float[ndarray, " sample"]) -> None:
    sound = (original, 44_100)
    assert are_same(sound, decoded(original, 44_100, format="OGG", subtype="VORBIS"))
    assert are_same(sound, decoded(original, 44_100, format="MP3"))
    assert are_same(sound, decoded(0.01 * original, 44_100, format="WAV", subtype="PCM_16"))
    assert are_same(sound, (-original, 44_100))
    assert are_same(sound, (np.concatenate([np.zeros(3000), original]), 44_100))
    for rate in (8000, 16_000, 96_000):
        assert are_same(sound, (resample(original, round(len(original) * rate / 44_100)), rate))


def test_copy_at_a_low_rate_joins_copies_at_high_ones() -> None:
    original = pad(220.0)
    low = resample(original, round(len(original) * 8000 / 44_100))
    assert are_same((original, 44_100), (low, 8000), (0.5 * original, 44_100))


def test_neighbouring_notes_takes_of_noise_and_other_envelopes_are_different() -> None:
    time_s = np.arange(44_100) / 44_100
    sounds = [pad(110.0 * 2 ** (semitone / 12)) for semitone in range(6)]
    sounds += [noise(seed, seconds=1.0, sample_rate=44_100) for seed in range(6)]
    sounds += [pad(110.0, seed=1) * envelope for envelope in (time_s, 1 - time_s, np.sin(20 * time_s))]
    sounds += [tone(f0_hz, 44_100, seconds=1.0) for f0_hz in (130.8, 138.6, 146.8, 1000.0)]
    sounds += [np.concatenate([tone(f0_hz, 44_100, seconds=0.05), np.zeros(40_000)]) for f0_hz in (200.0, 300.0)]
    sets = same_sounds([fingerprint(sound, 44_100, 1.0) for sound in sounds])
    assert [sets.first(index) for index in range(len(sounds))] == [*range(len(sounds))]


def test_only_the_clip_counts() -> None:
    long = np.concatenate([pad(110.0), pad(330.0)])
    assert are_same((pad(110.0), 44_100), (long, 44_100))


def test_sounds_without_fingerprints_are_like_no_other() -> None:
    sets = same_sounds(["", "", fingerprint(pad(110.0), 44_100, 1.0), ""])
    assert [sets.first(index) for index in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize(("sample_rate", "duration_s"), [(1000, 1.0), (8000, 0.01), (192_000, 0.2), (44_100, 5.0)])
def test_any_rate_and_length_has_a_fingerprint(sample_rate: int, duration_s: float) -> None:
    sound = tone(200.0, sample_rate, seconds=0.5)
    texts = [fingerprint(level * sound, sample_rate, duration_s) for level in (1.0, 0.5)]
    assert len(set(texts)) == 1
