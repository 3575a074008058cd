"""Sounds in a page: equally loud, without clicks, of limited size."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from numpy import ndarray

from core.settings.audio import AudioConfig
from dashboards.discovery import played_sounds as module
from dashboards.discovery.played_sounds import faded, matched_gains, played_sounds
from tests.support.discovered import discovered_sound, noisy_sound
from tests.support.sounds import noise, tone

KEYS = ["target", "estimate", "solo-0", "muted-0", "solo-1", "muted-1", "solo-2", "muted-2"]


def rms(samples: Float[ndarray, " sample"]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def decoded(uri: str) -> tuple[Float[ndarray, " sample"], int]:
    samples, sample_rate = soundfile.read(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    return samples, sample_rate


def test_sounds_of_other_levels_get_the_same_rms() -> None:
    sounds = {"a": tone(level=0.9), "b": tone(level=0.03), "c": noise(1)}
    gains = matched_gains(sounds)
    for key, samples in sounds.items():
        assert rms(gains[key] * samples) == pytest.approx(0.1, rel=1e-9), "-20 dB of full scale"


def test_a_sound_with_high_peaks_lowers_the_common_level_and_none_clips() -> None:
    bursts = np.zeros(8000)
    bursts[::400] = 1.0  # a crest factor of 20: at -20 dB it would peak at 2
    sounds = {"tone": tone(), "bursts": bursts}
    gains = matched_gains(sounds)
    levels = [rms(gains[key] * samples) for key, samples in sounds.items()]
    assert levels == pytest.approx([0.98 / 20, 0.98 / 20], rel=1e-6)


def test_a_click_does_not_make_the_others_quiet() -> None:
    click = np.zeros(8000)
    click[0] = 1.0
    gains = matched_gains({"tone": tone(), "click": click})
    assert 20 * np.log10(rms(gains["tone"] * tone())) == pytest.approx(-36)
    assert gains["click"] == pytest.approx(0.98)


def test_silence_and_noise_near_it_are_not_raised_to_the_others() -> None:
    gains = matched_gains({"tone": tone(), "silence": np.zeros(100), "hiss": 1e-5 * noise(1)})
    assert gains["silence"] == 1.0
    assert gains["hiss"] == pytest.approx(10**1.5)
    assert rms(gains["tone"] * tone()) == pytest.approx(0.1)


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(1e-4, 30.0), st.floats(1, 6)), min_size=1, max_size=5))
def test_no_gain_makes_a_sound_clip(kinds: list[tuple[int, float, float]]) -> None:
    sounds = {f"{i}": level * noise(seed, seconds=0.05) ** round(power) for i, (seed, level, power) in enumerate(kinds)}
    gains = matched_gains(sounds)
    assert all(np.abs(gains[key] * samples).max() <= 0.98 + 1e-9 for key, samples in sounds.items())


def test_all_versions_are_there_lossless_and_equally_long_and_loud() -> None:
    sound = discovered_sound()
    played = played_sounds(sound)
    assert [each.key for each in played.sounds] == KEYS
    assert (played.is_lossless, played.is_whole, played.duration_s) == (True, True, 2.0)
    samples = {each.key: decoded(each.audio) for each in played.sounds}
    assert {(len(audio), rate) for audio, rate in samples.values()} == {(32_000, 16_000)}
    assert [rms(audio) for audio, _ in samples.values()] == pytest.approx([0.1] * 8, rel=5e-3)
    # Beside the fades of the ends, nothing but the level and 16 bit differ.
    target = samples["target"][0][40:-140]
    expected = sound.target[40:-140]
    assert np.abs(target - expected * (target @ expected) / (expected @ expected)).max() < 2**-15


def test_the_levels_as_rendered_are_those_of_the_samples() -> None:
    sound = discovered_sound()
    played = played_sounds(replace(sound, estimate=0.25 * sound.estimate))
    loudness = {each.key: each.rendered_gain * rms(decoded(each.audio)[0]) for each in played.sounds}
    assert loudness["target"] == pytest.approx(0.1, rel=5e-3), "the target keeps its level"
    expected = 0.25 * rms(sound.estimate) / rms(sound.target)
    assert loudness["estimate"] / loudness["target"] == pytest.approx(expected, rel=5e-3)


def test_an_estimate_far_above_full_scale_is_not_clipped() -> None:
    sound = discovered_sound()
    played = played_sounds(replace(sound, estimate=8 * sound.estimate))
    peaks = {each.key: each.rendered_gain * np.abs(decoded(each.audio)[0]).max() for each in played.sounds}
    assert peaks["estimate"] <= 0.981
    assert peaks["target"] < peaks["estimate"]


def test_ends_are_faded_and_the_middle_stays() -> None:
    result = faded(np.ones(16_000), 16_000)
    assert result[0] == 0
    assert result[-1] == 0
    assert np.all(result[32:-128] == 1)
    assert np.all(np.diff(result[:32]) > 0)
    assert faded(np.ones(3), 16_000).tolist() == [1, 1, 1], "a sound of three samples has no room for fades"
    assert len(faded(np.ones(0), 16_000)) == 0


def test_rates_beyond_those_of_players_are_resampled_by_a_whole_number() -> None:
    sound = noisy_sound(20_000, 192_000, n_curves=1)
    played = played_sounds(replace(sound, target=tone(1000, 192_000, seconds=20_000 / 192_000)))
    samples, sample_rate = decoded(played.sounds[0].audio)
    assert (len(samples), sample_rate) == (5000, 48_000)
    spectrum = np.abs(np.fft.rfft(samples[500:-500] * np.hanning(4000)))
    assert np.argmax(spectrum) * 48_000 / 4000 == pytest.approx(1000, abs=12)


@pytest.mark.parametrize(("sample_rate", "seconds"), [(44_100, 6), (48_000, 8)])
def test_white_noise_of_some_seconds_is_lossless_and_within_the_bound(sample_rate: int, seconds: int) -> None:
    played = played_sounds(noisy_sound(seconds * sample_rate, sample_rate))
    assert played.is_lossless
    assert played.is_whole
    assert played.n_bytes < 8.7e6


def test_longer_sounds_are_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LOSSLESS_SAMPLES", 8 * 32_000 - 1)
    played = played_sounds(discovered_sound())
    assert not played.is_lossless
    assert played.is_whole
    samples, sample_rate = decoded(played.sounds[0].audio)
    assert (len(samples), sample_rate) == (32_480, 16_000), "and 30 ms for decoders that leave out the end"
    assert played.sounds[0].audio.startswith("data:audio/ogg;base64,")
    assert rms(samples[:32_000]) == pytest.approx(0.1, rel=0.02)
    assert np.abs(samples[32_000:]).max() < 0.01


def test_very_long_sounds_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOTAL_S", 8.0)
    played = played_sounds(discovered_sound())
    assert (played.duration_s, played.is_whole) == (1.0, False)
    assert {len(decoded(each.audio)[0]) for each in played.sounds} == {16_000}


@pytest.mark.parametrize("sample_rate", [8000, 11_025, 22_050, 96_000])
def test_common_rates_are_compressed_too(sample_rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LOSSLESS_SAMPLES", 0)
    sound = noisy_sound(100 * (sample_rate // 100), sample_rate, n_curves=0)
    samples, played_rate = decoded(played_sounds(sound).sounds[0].audio)
    assert len(samples) / played_rate == pytest.approx(len(sound.target) / sample_rate + 0.03, abs=0.001)


def test_a_clip_of_fifty_milliseconds_and_silence_are_played() -> None:
    sound = noisy_sound(800, 16_000, n_curves=1)
    silent = replace(sound, target=np.zeros(800), estimate=np.zeros(800), curves=(), audio=AudioConfig(duration_s=0.05))
    for each in (sound, silent):
        assert all(len(decoded(one.audio)[0]) == 800 for one in played_sounds(each).sounds)
