"""Recovered curves as files of each format, read back."""

import io
import json
from pathlib import Path

import mido
import numpy as np
import pyarrow as pa
import pytest
import soundfile

from core.data.vital_lfos import read_vital_lfo
from core.errors import StudyError
from core.storage.curve_catalog import CurveCatalog, open_curves
from core.storage.curve_selection import selected
from core.storage.curves import SCHEMA
from core.storage.store import Store
from study.curve_files import WAV_RATE, control_voltage, curves_of_clips, write_curve_files
from tests.support.curve_study import FRAME_RATE, curve_study, trial_curves

TIME_S = np.arange(101) / FRAME_RATE
SINE = 0.5 + 0.4 * np.sin(2 * np.pi * 2 * TIME_S)[None]
RAMP = np.linspace(0.0, 1.0, 101)[None]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> CurveCatalog:
    """A study with two arms; `vibrato` is a modulation of the data alone."""
    root = tmp_path_factory.mktemp("runs")
    own = {"add": (RAMP, SINE), "env": (None, RAMP), "vibrato": (RAMP, None)}
    curve_study(Store(root / "first"), "first", {(arm, 3): trial_curves(own, [0.5]) for arm in ("lpf-8", "spline 2.5")})
    return open_curves(root)


def written(catalog: CurveCatalog, form: str, folder: Path) -> list[Path]:
    result = write_curve_files(catalog, form, folder, force=False)  # type: ignore[arg-type]
    paths = sorted(folder.iterdir())
    assert len(paths) == result.n_files
    return paths


def test_curves_come_by_clip_with_the_truth_where_it_is_known(catalog: CurveCatalog) -> None:
    first, second = curves_of_clips(catalog)
    assert (first.study, first.arm, first.seed, first.clip, second.arm) == ("first", "lpf-8", 3, "clip-0", "spline 2.5")
    assert (first.f0_hz, first.frame_rate, first.duration_s) == (220.0, FRAME_RATE, 1.0)
    assert list(first.estimates) == ["add", "env"]
    assert list(first.targets) == ["add", "vibrato"]
    np.testing.assert_allclose(first.estimates["add"], SINE[0], atol=1e-6)


def test_csv_and_npz_have_a_file_per_clip(catalog: CurveCatalog, tmp_path: Path) -> None:
    paths = written(catalog, "csv", tmp_path / "csv")
    assert [path.name for path in paths] == ["lpf-8-seed3-clip-0.csv", "spline_2.5-seed3-clip-0.csv"]
    assert paths[0].read_text().startswith("time_s,add,add.target,env\n")
    table = np.loadtxt(paths[0], delimiter=",", skiprows=1)
    np.testing.assert_allclose(table, np.stack([TIME_S, SINE[0], RAMP[0], RAMP[0]], 1), atol=1e-5)
    with np.load(written(catalog, "npz", tmp_path / "npz")[1]) as arrays:
        np.testing.assert_allclose(arrays["add"], SINE[0], atol=1e-6)
        assert float(arrays["frame_rate"]) == FRAME_RATE


def test_arrow_is_one_table_of_the_selected_rows(catalog: CurveCatalog, tmp_path: Path) -> None:
    chosen = selected(catalog, "modulation = 'env'")
    (path,) = written(chosen, "arrow", tmp_path)
    table = pa.ipc.open_file(path).read_all()
    assert table.schema.equals(SCHEMA)
    assert table["arm"].to_pylist() == ["lpf-8", "spline 2.5"]


def test_a_wav_file_is_the_curve_as_the_synth_plays_it(catalog: CurveCatalog, tmp_path: Path) -> None:
    paths = written(catalog, "wav", tmp_path)
    assert [path.name for path in paths[:2]] == ["lpf-8-seed3-clip-0-add.wav", "lpf-8-seed3-clip-0-env.wav"]
    values, rate = soundfile.read(paths[1], dtype="float32")
    assert (rate, values.shape, soundfile.info(paths[1]).subtype) == (WAV_RATE, (WAV_RATE,), "FLOAT")
    np.testing.assert_allclose(values, np.arange(WAV_RATE) / WAV_RATE, atol=1e-6)


def test_a_curve_of_one_frame_is_one_sample() -> None:
    values, _ = soundfile.read(io.BytesIO(control_voltage(np.array([0.25], np.float32), 100.0)))
    assert values.tolist() == [0.25]


def test_shapes_for_vital_follow_the_curves(catalog: CurveCatalog, tmp_path: Path) -> None:
    result = write_curve_files(catalog, "vitallfo", tmp_path, force=False)
    assert result.largest_error is not None
    assert result.largest_error <= 0.02
    shape = read_vital_lfo(tmp_path / "lpf-8-seed3-clip-0-add.vitallfo")
    assert np.abs(shape.at(np.linspace(0, 1, 101)) - SINE[0]).max() <= result.largest_error + 1e-6
    assert json.loads((tmp_path / "lpf-8-seed3-clip-0-add.vitallfo").read_text())["name"] == "lpf-8 3 clip-0 add"


def test_midi_has_the_note_and_a_controller_per_curve(catalog: CurveCatalog, tmp_path: Path) -> None:
    write_curve_files(catalog, "midi", tmp_path, tempo_bpm=90.0, force=False)
    file = mido.MidiFile(tmp_path / "lpf-8-seed3-clip-0.mid")
    assert file.length == pytest.approx(1.0, abs=0.002)
    messages = [message for track in file.tracks for message in track]
    assert {message.note for message in messages if message.type == "note_on"} == {57}
    assert {message.control for message in messages if message.type == "control_change"} == {1, 11}


def test_nothing_is_overwritten_without_force(catalog: CurveCatalog, tmp_path: Path) -> None:
    (tmp_path / "spline_2.5-seed3-clip-0.csv").write_text("mine")
    with pytest.raises(StudyError, match="nothing is overwritten: .*spline_2.5-seed3-clip-0.csv are there; choose an"):
        write_curve_files(catalog, "csv", tmp_path, force=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert write_curve_files(catalog, "csv", tmp_path, force=True).n_files == 2


def test_curves_of_the_data_alone_are_nothing_to_write(catalog: CurveCatalog, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no recovered curve to write"):
        write_curve_files(selected(catalog, "modulation = 'vibrato'"), "wav", tmp_path, force=False)


def test_too_many_files_are_refused(catalog: CurveCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.curve_files.MAX_FILES", 3)
    with pytest.raises(StudyError, match="at most 3 files are written at once; these curves take more; choose some by"):
        write_curve_files(catalog, "wav", tmp_path, force=False)
