"""Sounds of Vital, compared with the drawn LFOs that are stored as truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

pytest.importorskip("vita")

from core.data.lfo_shapes import DrawnLfo, draw_lfo
from core.data.renderers.vital import (
    MAX_CUTOFF_NOTE,
    MIN_CUTOFF_NOTE,
    VitalPatch,
    draw_patch,
    render_patch,
    render_vital,
    vital_keyframes,
)
from core.data.sources.renders import Renders
from core.errors import ConfigError
from core.settings.audio import AudioConfig
from core.settings.data import RendersConfig

pytestmark = pytest.mark.real

SAMPLE_RATE = 48_000
HOP = 240
N_SHAPES = 20
KEYFRAMES = vital_keyframes("pulse_width")
FULL = DrawnLfo(points=((0.0, 1.0), (1.0, 1.0)), powers=(0.0,))

Curve = Float[ndarray, " frame"]


def play(
    modulation: str,
    lfo: DrawnLfo | None,
    note: int,
    keyframes: list[dict[str, Any]] = KEYFRAMES,
    resonance: float = 0.2,
) -> Float[ndarray, " sample"]:
    """A second of one note, with one modulation at most."""
    patch = VitalPatch(note=note, resonance=resonance, lfos={modulation: lfo} if lfo else {})
    return render_patch(patch, keyframes, sample_rate=SAMPLE_RATE, duration_s=1.0)


def frames(audio: Float[ndarray, " sample"], size: int) -> tuple[Float[ndarray, "frame sample"], Curve]:
    """Frames centred on every 5 ms, and the times of their centres as a share of the second."""
    padded = np.pad(audio, size // 2)
    centred = np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP]
    return centred, np.arange(len(centred)) * HOP / SAMPLE_RATE


def shapes() -> list[DrawnLfo]:
    return [draw_lfo(np.random.default_rng([11, number])) for number in range(N_SHAPES)]


def correlation(one: Curve, other: Curve) -> float:
    return float(np.corrcoef(one[3:-3], other[3:-3])[0, 1])


def test_envelope_is_the_square_of_its_curve() -> None:
    found = []
    for lfo in shapes():
        windows, at = frames(play("env", lfo, note=69), 960)
        found.append(correlation(np.sqrt((windows**2).mean(axis=1)), lfo.at(at) ** 2))
    assert np.median(found) > 0.99
    assert min(found) > 0.95


def test_filter_cutoff_is_linear_in_octaves_along_its_curve() -> None:
    found = []
    for lfo in shapes():
        windows, at = frames(play("sub", lfo, note=45), 1920)
        spectra = np.abs(np.fft.rfft(windows * np.hanning(1920)))
        centroid_hz = spectra @ np.fft.rfftfreq(1920, 1 / SAMPLE_RATE) / spectra.sum(axis=1)
        found.append(correlation(np.log2(centroid_hz), lfo.at(at)))
    assert np.median(found) > 0.96


def test_wave_frame_reads_the_wavetable_along_its_curve() -> None:
    # Harmonic 2 of a pulse over harmonic 1 is cos(pi duty), and the table's duty falls from 0.5 to 0.05.
    found, errors = [], []
    for lfo in shapes():
        windows, at = frames(play("add", lfo, note=69), 960)
        oscillation = np.exp(-2j * np.pi * 440 * np.arange(960) / SAMPLE_RATE)
        spectra = windows * np.hanning(960)
        ratio = np.abs(spectra @ oscillation**2) / np.abs(spectra @ oscillation)
        expected = np.cos(np.pi * (0.5 - 0.45 * lfo.at(at)))
        found.append(correlation(ratio, expected))
        errors.append(np.median(np.abs(ratio - expected)))
    assert np.median(found) > 0.98
    assert np.median(errors) < 0.01


@pytest.mark.parametrize("curve_value", [0.25, 0.5, 0.75])
def test_cutoff_is_where_the_docstring_says(curve_value: float) -> None:
    # A resonant filter peaks near its cutoff: that harmonic gains most against the open filter.
    still = DrawnLfo(points=((0.0, curve_value), (1.0, curve_value)), powers=(0.0,))
    keyframes = vital_keyframes("saw_to_square")
    window = np.hanning(SAMPLE_RATE // 2)
    steady = slice(SAMPLE_RATE // 4, SAMPLE_RATE // 4 + window.size)
    closed, opened = (
        np.abs(np.fft.rfft(play(modulation, lfo, 45, keyframes, resonance=0.9)[steady] * window))
        for modulation, lfo in (("sub", still), ("env", FULL))
    )
    harmonics = np.arange(1, 100)
    bins = np.round(harmonics * 110 * window.size / SAMPLE_RATE).astype(int)
    peak_hz = 110 * harmonics[np.argmax(closed[bins] / opened[bins])]
    cutoff_hz = 440 * 2 ** ((MIN_CUTOFF_NOTE + curve_value * (MAX_CUTOFF_NOTE - MIN_CUTOFF_NOTE) - 69) / 12)
    assert abs(peak_hz - cutoff_hz) < 110 + 0.05 * cutoff_hz


def test_first_and_last_milliseconds_follow_the_curve() -> None:
    rising = DrawnLfo(points=((0.0, 0.2), (1.0, 0.9)), powers=(0.0,))
    audio = play("env", rising, note=69)
    cycle = round(SAMPLE_RATE / 440)
    loudness = np.array([np.sqrt((audio[i * cycle : (i + 1) * cycle] ** 2).mean()) for i in range(440)])
    expected = rising.at((np.arange(440) + 0.5) / 440) ** 2
    gain = np.median(loudness / expected)
    np.testing.assert_allclose(loudness[1:], gain * expected[1:], rtol=0.08)


def test_pitch_is_the_note() -> None:
    spectrum = np.abs(np.fft.rfft(play("env", None, note=57)[: SAMPLE_RATE // 2]))
    assert abs(np.argmax(spectrum) * 2 - 220.0) <= 2


def test_renders_depend_on_seed_and_number_only(tmp_path: Path) -> None:
    render_vital(tmp_path / "three", n=3, seed=5)
    summary = render_vital(tmp_path / "two", n=2, seed=5)
    assert summary.n_rendered == 2
    for name in ("vital_00000.wav", "vital_00001.wav"):
        assert (tmp_path / "three" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    sounds = {path.read_bytes() for path in (tmp_path / "three").glob("*.wav")}
    assert len(sounds) == 3
    assert render_vital(tmp_path / "two", n=2, seed=5).n_rendered == 0
    assert draw_patch(5, 1) != draw_patch(6, 1)


def test_renders_load_as_clips_with_truth(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    render_vital(tmp_path, n=6, seed=1, on_progress=lambda n_done, n: done.append((n_done, n)))
    assert done == [(number, 6) for number in range(1, 7)]
    source = Renders(RendersConfig(folder=str(tmp_path), min_files=6), AudioConfig())
    assert source.scan().summary["n_usable"] == 6
    dataset = source.load()
    for clips in (dataset.train, dataset.validation, dataset.test):
        assert clips.modulation is not None
        assert clips.modulation.shape[1:] == (3, 129)
        assert clips.modulation_names == ("add", "sub", "env")
        assert 0.0 <= float(clips.modulation.min()) <= float(clips.modulation.max()) <= 1.0
        assert float(clips.audio.abs().amax(dim=1).min()) > 0.01
        assert 110.0 - 1e-3 <= float(clips.f0_hz.min()) <= float(clips.f0_hz.max()) <= 440.0 + 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "at least 1 sound"),
        ({"seed": -1}, "a seed is 0 or above"),
        ({"sample_rate": 8000}, "16000 to 96000"),
        ({"duration_s": 0.0}, "lasts 0.1 to 30 s"),
        ({"wavetable": "nothing"}, "built in are"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        render_vital(tmp_path / "out", **{"n": 1, "seed": 0, **changes})
    assert not (tmp_path / "out").exists()


def test_rendering_leaves_the_arithmetic_of_its_process_as_it_is(tmp_path: Path) -> None:
    smallest = np.nextafter(0.0, 1.0)
    render_vital(tmp_path, n=1, seed=0)
    assert 2.0 * smallest / 2.0 == smallest > 0
