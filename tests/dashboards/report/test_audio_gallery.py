"""Curves, spectrograms and sounds as the page carries them."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from dashboards.analysis.study_results import load_results
from dashboards.report.audio_gallery import gallery
from dashboards.report.curve_paths import curve_path
from dashboards.report.sounds import read_sound, spectral_peak, spectrogram_png
from tests.dashboards.conftest import MakeStudy
from tests.support.fake_study import ARMS


def points(path: str) -> np.ndarray:
    return np.array([[float(number) for number in pair.split()] for pair in re.split("[ML]", path)[1:]])


def test_a_curve_is_drawn_point_by_point_with_one_at_the_top() -> None:
    assert curve_path([0.0, 0.5, 1.0]) == "M0.0 100.0L50.0 50.0L100.0 0.0"


def test_an_undefined_frame_leaves_a_gap() -> None:
    assert curve_path([0.0, None, 1.0, 1.0]).count("M") == 2


def test_a_long_curve_keeps_its_extremes() -> None:
    curve = 0.5 + 0.4 * np.sin(np.linspace(0, 600, 20_000))
    drawn = points(curve_path(curve, n_bins=100))
    assert len(drawn) <= 200
    assert (drawn[:, 1].min(), drawn[:, 1].max()) == pytest.approx((10, 90), abs=0.1)


def test_a_spectrogram_shows_a_sine_at_its_frequency() -> None:
    time = np.arange(16_000) / 16_000
    picture = imread(io.BytesIO(spectrogram_png(np.sin(2 * np.pi * 1000 * time), 16_000)))
    brightest = picture[..., :3].sum(axis=2).mean(axis=1).argmax()
    # Row 0 is the top, half the sample rate; the bottom is 50 Hz.
    hz = np.geomspace(50, 8000, 128)[::-1][brightest]
    assert hz == pytest.approx(1000, rel=0.05)


def test_a_held_tone_looks_the_same_from_end_to_end() -> None:
    time = np.arange(16_000) / 16_000
    picture = imread(io.BytesIO(spectrogram_png(np.sin(2 * np.pi * 1000 * time), 16_000)))
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


def test_the_gallery_shows_every_arm_beside_the_target(make_study: MakeStudy) -> None:
    store = make_study()
    shown = gallery(store, load_results(store))
    assert [clip.clip for clip in shown.clips] == ["test/0", "test/1"]
    clip = shown.clips[0]
    assert [view.arm for view in clip.arms] == [arm.name for arm in ARMS]
    assert clip.target is not None
    assert base64.b64decode(clip.target.audio.partition(",")[2])[:4] == b"fLaC"
    frame, guess, constant = clip.arms[0], clip.arms[-2], clip.arms[-1]
    assert frame.own_target is None
    assert frame.correlation is not None
    assert guess.correlation is not None
    assert frame.correlation > 0.9 > guess.correlation
    assert constant.correlation is None


def test_without_truth_the_curves_stand_alone(make_study: MakeStudy) -> None:
    store = make_study(truth=False)
    modulations = gallery(store, load_results(store)).clips[0].arms[0].modulations
    assert [(modulation.audio, modulation.truth, modulation.fit) for modulation in modulations] == [
        ("add", None, None),
        ("sub", None, None),
        ("env", None, None),
    ]


def test_a_small_page_leaves_out_clips_and_then_sounds(make_study: MakeStudy) -> None:
    store = make_study()
    shown = gallery(store, load_results(store), budget=200_000)
    assert len(shown.clips) == 1
    assert shown.n_left_out == 1
    silent = [view.arm for view in shown.clips[0].arms if view.sound is None]
    assert len(silent) == shown.clips[0].n_silent > 0
    assert "constant" in silent
    assert all(view.modulations for view in shown.clips[0].arms)
