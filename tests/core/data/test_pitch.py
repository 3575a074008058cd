"""The pitch tracker."""

import numpy as np
import pytest

from core.data.pitch import track_pitch


@pytest.mark.parametrize(("f0_hz", "sample_rate"), [(55.0, 8000), (146.8, 44_100), (440.0, 96_000), (1234.5, 48_000)])
def test_steady_tone_is_tracked_within_a_twentieth_of_a_semitone(f0_hz: float, sample_rate: int) -> None:
    time_s = np.arange(sample_rate) / sample_rate
    harmonics = [k for k in range(1, 12) if k * f0_hz < sample_rate / 2]
    tone = np.sum([np.sin(2 * np.pi * k * f0_hz * time_s + k * k) / k for k in harmonics], axis=0)
    tone = tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s))
    tracked = track_pitch(tone, sample_rate)
    assert tracked is not None
    assert abs(12 * np.log2(tracked / f0_hz)) < 0.05


@pytest.mark.parametrize("midi", [24, 31, 40, 60, 72])
@pytest.mark.parametrize("missing", [(1,), (1, 2), (3, 5, 7)], ids=["first", "first two", "odd but one"])
def test_octave_is_found_where_harmonics_are_missing(midi: int, missing: tuple[int, ...]) -> None:
    f0_hz = 440 * 2 ** ((midi - 69) / 12)
    time_s = np.arange(24_000) / 16_000
    numbers = [k for k in range(1, 30) if k not in missing and k * f0_hz < 7500]
    tone = np.sum([np.sin(2 * np.pi * k * f0_hz * time_s + k * k) / k for k in numbers], axis=0) * np.exp(-time_s)
    tracked = track_pitch(tone, 16_000)
    assert tracked is not None
    assert abs(12 * np.log2(tracked / f0_hz)) < 0.1


def test_noise_silence_sweeps_rumble_and_clicks_have_no_pitch() -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(16_000) / 16_000
    sweep = np.sin(np.cumsum(2 * np.pi * np.geomspace(100, 1000, 16_000) / 16_000))
    for sound in (rng.standard_normal(16_000), np.zeros(16_000), sweep, np.sin(2 * np.pi * 25 * time_s), np.ones(100)):
        assert track_pitch(sound, 16_000) is None
