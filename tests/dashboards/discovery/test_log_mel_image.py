"""Log-mel spectrograms behind curves."""

import io

import numpy as np
import pytest
from PIL import Image

from dashboards.discovery.log_mel_image import MAX_COLUMNS, N_MELS, frequency_marks, log_mel_png, mel_power
from tests.support.sounds import noise, tone


def height_of(hz: float, top_hz: float) -> float:
    """Height of a frequency in an image, in percent from below, on the HTK scale."""
    return float(100 * np.log10(1 + hz / 700) / np.log10(1 + top_hz / 700))


@pytest.mark.parametrize(("sample_rate", "top_hz"), [(16_000, 8000), (44_100, 22_050), (192_000, 24_000)])
def test_a_sine_is_bright_at_its_frequency_and_dark_elsewhere(sample_rate: int, top_hz: float) -> None:
    power = mel_power(tone(1000, sample_rate, seconds=0.5), sample_rate)
    assert power.shape[0] == N_MELS
    band = int(power.mean(axis=1).argmax())
    assert 100 * (band + 0.5) / N_MELS == pytest.approx(height_of(1000, top_hz), abs=1.0)
    decibels = 10 * np.log10(power.mean(axis=1) / power.mean(axis=1).max())
    assert decibels[band + 12] < -60


def test_no_band_is_empty() -> None:
    for sample_rate in (8000, 16_000, 44_100, 96_000):
        assert mel_power(noise(1, sample_rate=sample_rate), sample_rate).min() > 0


def test_columns_lie_at_their_times() -> None:
    audio = np.concatenate([np.zeros(16_000), tone(440, seconds=1.0)])
    power = mel_power(audio, 16_000).sum(axis=0)
    half = len(power) // 2
    assert power[: half - 6].max() < 1e-6 * power[half + 6 :].min()


@pytest.mark.parametrize("seconds", [0.05, 0.5, 60.0])
def test_images_have_a_limited_size_whatever_the_length(seconds: float) -> None:
    power = mel_power(noise(1, seconds=seconds), 16_000)
    png = log_mel_png(power, float(power.max()))
    width, height = Image.open(io.BytesIO(png)).size
    assert height == N_MELS
    assert 1 <= width <= MAX_COLUMNS
    assert len(png) < 90_000


def test_images_of_one_scale_have_one_colour_for_one_level() -> None:
    power = mel_power(tone(), 16_000)
    peak = float(power.max())
    bright, dark = (np.asarray(Image.open(io.BytesIO(log_mel_png(gain * power, peak)))) for gain in (1.0, 1e-3))
    assert bright.max() == 95
    assert int(bright.max()) - int(dark.max()) == pytest.approx(30 / 75 * 95, abs=1)
    # The highest band is in the first row.
    assert bright[-20:].max() > bright[:20].max()


def test_silence_is_dark() -> None:
    power = mel_power(np.zeros(16_000), 16_000)
    assert np.asarray(Image.open(io.BytesIO(log_mel_png(power, float(power.max()))))).max() == 0


def test_marks_lie_at_their_frequencies() -> None:
    marks = dict(frequency_marks(16_000))
    assert list(marks) == ["100 Hz", "500 Hz", "1 kHz", "2 kHz", "5 kHz"]
    assert marks["1 kHz"] == pytest.approx(height_of(1000, 8000), abs=0.01)
    assert "10 kHz" in dict(frequency_marks(192_000))
