"""Sounds and spectrograms for the page."""

import io

import numpy as np
import pytest
import soundfile
from jaxtyping import Float
from numpy import ndarray
from PIL import Image

from core.storage.store import Store
from dashboards.report.sounds import (
    FLOOR_DB,
    MATCHED_RMS_DB,
    MAX_COLUMNS,
    MAX_GAIN_DB,
    MAX_PEAK,
    STEP_DB,
    matching_gain,
    read_sound,
    sound_view,
    spectral_peak,
    spectrogram_png,
    stored_sound,
)


def sine() -> Float[ndarray, " sample"]:
    """1 kHz for a second at 16 kHz."""
    wave: Float[ndarray, " sample"] = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    return wave


def decibels(png: bytes) -> Float[ndarray, "row column"]:
    """Pixels of a spectrogram in dB relative to its peak, the highest frequency first."""
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.dtype == np.uint8
    return FLOOR_DB + STEP_DB * pixels


def flac(samples: Float[ndarray, " sample"], sample_rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def test_a_spectrogram_shows_a_sine_at_its_frequency() -> None:
    picture = decibels(spectrogram_png(sine(), 16_000))
    # Row 0 is the top, half the sample rate; the bottom is 50 Hz.
    hz = np.geomspace(50, 8000, 128)[::-1][picture.mean(axis=1).argmax()]
    assert hz == pytest.approx(1000, rel=0.05)
    assert picture.max() == pytest.approx(0, abs=1)


def test_a_steady_tone_looks_the_same_from_end_to_end() -> None:
    picture = decibels(spectrogram_png(sine(), 16_000))
    assert np.abs(picture[:, 0] - picture[:, 50]).max() < 2


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_an_estimate_is_shown_relative_to_its_targets_peak(gain_db: float) -> None:
    target = 0.2 * sine()
    estimate = 10 ** (gain_db / 20) * target
    difference = decibels(spectrogram_png(estimate, 16_000, spectral_peak(target, 16_000))) - decibels(
        spectrogram_png(target, 16_000, spectral_peak(target, 16_000))
    )
    assert difference[spectrogram_row(1000)] == pytest.approx(np.full(difference.shape[1], gain_db), abs=0.81)


def spectrogram_row(hz: float) -> int:
    return int(np.abs(np.geomspace(50, 8000, 128)[::-1] - hz).argmin())


def test_matched_sounds_have_the_same_level_unless_they_would_clip_or_are_almost_silent() -> None:
    rng = np.random.default_rng(0)
    for level in (0.01, 0.1, 0.5):
        samples = level * sine()
        assert rms_db(samples * matching_gain(samples)) == pytest.approx(MATCHED_RMS_DB, abs=0.01)
    click = np.zeros(16_000)
    click[100] = 0.5
    assert np.abs(click * matching_gain(click)).max() == pytest.approx(MAX_PEAK)
    hiss = 1e-5 * rng.standard_normal(16_000)
    assert matching_gain(hiss) == pytest.approx(10 ** (MAX_GAIN_DB / 20))
    assert matching_gain(np.zeros(100)) == 1.0


def rms_db(samples: Float[ndarray, " sample"]) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


def test_a_view_states_the_level_at_which_the_sound_was_rendered() -> None:
    quiet = sound_view(flac(0.05 * sine()), flac(sine() * 0.9))
    assert quiet.level_db == pytest.approx(20 * np.log10(0.05 / np.sqrt(2)), abs=0.05)
    assert (quiet.top_hz, quiet.duration_s) == (8000, 1.0)
    assert sound_view(flac(np.zeros(800)), None).level_db is None


@pytest.mark.parametrize("n_samples", [100, 1000, 3 * 48_000])
def test_short_and_long_sounds_have_a_spectrogram_too(n_samples: int) -> None:
    picture = decibels(spectrogram_png(np.zeros(n_samples), 16_000))
    assert picture.shape[0] == 128
    assert 1 <= picture.shape[1] <= MAX_COLUMNS


def test_stereo_is_read_as_one_channel() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.tile([[0.5, -0.25]], (800, 1)), 8000, format="WAV", subtype="FLOAT")
    samples, rate = read_sound(buffer.getvalue())
    assert rate == 8000
    assert samples == pytest.approx(np.full(800, 0.125))
    assert spectral_peak(samples, rate) > 0


def test_a_sound_that_is_not_stored_is_none(written: Store) -> None:
    attempt = written.committed(written.plan().trials[0].digest)
    assert attempt is not None
    assert (stored_sound(attempt, "test/0", "target") or b"").startswith(b"fLaC")
    assert stored_sound(attempt, "test/99", "target") is None
