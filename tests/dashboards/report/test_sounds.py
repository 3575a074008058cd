"""Sounds and spectrograms for the page."""

import io

import numpy as np
import pytest
import soundfile
from jaxtyping import Float
from matplotlib.image import imread
from numpy import ndarray

from core.storage.store import Store
from dashboards.report.sounds import read_sound, spectral_peak, spectrogram_png, stored_sound


def sine() -> Float[ndarray, " sample"]:
    """1 kHz for a second at 16 kHz."""
    wave: Float[ndarray, " sample"] = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    return wave


def test_a_spectrogram_shows_a_sine_at_its_frequency() -> None:
    picture = imread(io.BytesIO(spectrogram_png(sine(), 16_000)))
    brightest = picture[..., :3].sum(axis=2).mean(axis=1).argmax()
    # Row 0 is the top, half the sample rate; the bottom is 50 Hz.
    hz = np.geomspace(50, 8000, 128)[::-1][brightest]
    assert hz == pytest.approx(1000, rel=0.05)


def test_a_steady_tone_looks_the_same_from_end_to_end() -> None:
    picture = imread(io.BytesIO(spectrogram_png(sine(), 16_000)))
    assert np.abs(picture[:, 0] - picture[:, 50]).max() < 0.1


@pytest.mark.parametrize("n_samples", [100, 1000, 3 * 48_000])
def test_short_and_long_sounds_have_a_spectrogram_too(n_samples: int) -> None:
    picture = imread(io.BytesIO(spectrogram_png(np.zeros(n_samples), 16_000)))
    assert picture.shape[0] == 128
    assert 1 <= picture.shape[1] <= 400


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
