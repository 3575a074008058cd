"""Rates of LFOs that Vital and FluidSynth play, measured in the sounds."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from jaxtyping import Float
from numpy import ndarray

from core.data.metadata import METADATA_NAME, read_metadata
from core.data.periodic_lfo import Target
from core.data.renderers.folder import RenderSummary
from core.data.renderers.soundfont import SOUNDFONTS, NoteTarget, draw_note_of, render_note, render_soundfont
from core.data.renderers.vital_rates import render_vital_rates
from core.data.sources.audio_folder import AudioFolder
from core.errors import DataError
from core.metrics.rates import dominant_rate_hz
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("own_cache")]

SAMPLE_RATE = 48_000
FEATURE_RATE = 100.0
EDGE = 8
"""Frames at each end that an attack or the end of the sound may change."""
Feature = Float[ndarray, " frame"]


def feature(target: Target, audio: Float[ndarray, " sample"], f0_hz: float) -> Feature:
    """Level, logarithm of the spectral centroid, or logarithm of the pitch, every 10 ms."""
    hop = round(SAMPLE_RATE / FEATURE_RATE)
    if target == "vibrato":
        import librosa

        low, high = f0_hz / 1.2, f0_hz * 1.2
        pitch = librosa.yin(
            audio.astype(np.float32), fmin=low, fmax=high, sr=SAMPLE_RATE, frame_length=4096, hop_length=hop
        )
        return np.asarray(np.log2(pitch), dtype=np.float64)[EDGE:-EDGE]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(audio, 2 * hop), 4 * hop)[::hop]
    if target == "tremolo":
        return np.asarray(np.sqrt((windows**2).mean(axis=1)))[EDGE:-EDGE]
    spectra = np.abs(np.fft.rfft(windows * np.hanning(4 * hop)))
    centroid_hz = spectra @ np.fft.rfftfreq(4 * hop, 1 / SAMPLE_RATE) / (spectra.sum(axis=1) + 1e-9)
    return np.asarray(np.log2(centroid_hz + 1))[EDGE:-EDGE]


def rate_of(values: Feature) -> float:
    return float(dominant_rate_hz(torch.from_numpy(values), FEATURE_RATE))


@pytest.mark.parametrize("target", ["tremolo", "filter", "vibrato"])
def test_sounds_of_vital_have_their_declared_rates(target: Target, tmp_path: Path) -> None:
    pytest.importorskip("vita")
    render_vital_rates(tmp_path, n=10, seed=1, target=target)
    for file, entry in read_metadata(tmp_path / METADATA_NAME).items():
        audio, _ = soundfile.read(tmp_path / file)
        assert entry.f0_hz is not None
        assert rate_of(feature(target, audio, entry.f0_hz)) == pytest.approx(entry.lfo_hz, rel=0.02)
    assert render_vital_rates(tmp_path, n=10, seed=1, target=target).n_rendered == 0


def test_folder_of_vital_loads_with_its_rates(tmp_path: Path) -> None:
    pytest.importorskip("vita")
    render_vital_rates(tmp_path, n=12, seed=2, target="tremolo", duration_s=1.5)
    source = AudioFolder(AudioFolderConfig(folder=str(tmp_path)), AudioConfig())
    assert source.scan().summary["n_lfo_rates"] == 12
    test = source.load().test
    assert test.lfo_hz is not None
    assert bool(((test.lfo_hz >= 2) & (test.lfo_hz <= 8)).all())


class TestSoundfont:
    @pytest.fixture
    def soundfont(self) -> Path:
        pytest.importorskip("fluidsynth")
        found = [Path(path) for path in SOUNDFONTS if Path(path).is_file()]
        if not found:
            pytest.skip("needs the Debian package fluidr3mono-gm-soundfont")
        return found[0]

    @pytest.mark.parametrize("target", ["tremolo", "filter", "vibrato"])
    def test_lfo_is_what_distinguishes_a_note_from_one_without_it(self, target: NoteTarget, soundfont: Path) -> None:
        """Instruments move by themselves, so features are compared with those of the still note."""
        for number in range(6):
            moved = draw_note_of(1, number, (19, 40, 66), target)
            assert moved.lfo is not None
            f0_hz = 440 * 2 ** ((moved.note - 69) / 12)
            still = draw_note_of(1, number, (19, 40, 66))
            assert (still.program, still.note, still.velocity) == (moved.program, moved.note, moved.velocity)
            first, second = (
                feature(target, render_note(note, soundfont, sample_rate=SAMPLE_RATE, duration_s=3.0), f0_hz)
                for note in (moved, still)
            )
            change = first / second if target == "tremolo" else first - second
            assert rate_of(change) == pytest.approx(moved.lfo.rate_hz, rel=0.02)

    def test_depths_are_those_of_the_curve(self, soundfont: Path) -> None:
        moved, still = draw_note_of(1, 0, (19,), "tremolo"), draw_note_of(1, 0, (19,))
        first, second = (
            feature("tremolo", render_note(note, soundfont, sample_rate=SAMPLE_RATE, duration_s=3.0), 440.0)
            for note in (moved, still)
        )
        assert moved.lfo is not None
        time = np.arange(EDGE, EDGE + len(first)) / FEATURE_RATE
        assert np.corrcoef(first / second, moved.lfo.at(time))[0, 1] > 0.98
        assert (first / second).max() == pytest.approx(moved.lfo.high, abs=0.08)

    def test_pitch_is_the_note_and_renders_are_reproducible(self, soundfont: Path, tmp_path: Path) -> None:
        def render(folder: str, n: int) -> RenderSummary:
            return render_soundfont(
                tmp_path / folder, n=n, seed=4, soundfont=soundfont, programs=[19, 40, 66], duration_s=1.0
            )

        render("six", 6)
        render("four", 4)
        for file, entry in read_metadata(tmp_path / "four" / METADATA_NAME).items():
            assert (tmp_path / "six" / file).read_bytes() == (tmp_path / "four" / file).read_bytes()
            audio, _ = soundfile.read(tmp_path / "four" / file)
            assert entry.f0_hz is not None
            assert entry.lfo_hz is None
            pitch = np.median(feature("vibrato", audio, entry.f0_hz))
            assert pitch == pytest.approx(np.log2(entry.f0_hz), abs=0.02)
        assert render("six", 6).n_rendered == 0

    def test_file_that_is_no_soundfont_is_refused(self, soundfont: Path, tmp_path: Path) -> None:
        assert soundfont.is_file()
        (tmp_path / "noise.sf2").write_bytes(b"RIFF nonsense")
        with pytest.raises(DataError, match="must be a SoundFont with the General MIDI program"):
            render_soundfont(tmp_path / "out", n=1, seed=0, soundfont=tmp_path / "noise.sf2")
