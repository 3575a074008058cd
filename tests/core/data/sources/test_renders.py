import hashlib
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from core.data.lfo_shapes import draw_lfo
from core.data.manifest import MANIFEST_NAME, read_manifest
from core.data.renderers import vital
from core.data.renderers.folder import RenderSettings, Take, fill_folder
from core.data.sources.renders import load_renders, scan_renders
from core.errors import ConfigError, DataError
from core.settings.audio import AudioConfig
from core.settings.data import RendersConfig

AUDIO = AudioConfig()


def settings(**changes):
    base = {
        "renderer": "fake",
        "recipe": 1,
        "n": 8,
        "seed": 3,
        "sample_rate": 32_000,
        "duration_s": 1.0,
        "wavetable": "none",
        "wavetable_sha256": "",
    }
    return RenderSettings(**base | changes)


def fake_take(which, rendered=None, per_patch=2):
    """Takes of a synth that plays its envelope's curve as sound."""

    def take(number):
        rng = np.random.default_rng([which.seed, number])
        lfos = {audio_config: draw_lfo(rng) for audio_config in ("add", "sub", "env")}

        def render():
            if rendered is not None:
                rendered.append(number)
            n_samples = round(which.sample_rate * which.duration_s)
            return 0.5 * lfos["env"].at(np.arange(n_samples) / n_samples)

        return Take(
            patch=f"patch{number // per_patch}", f0_hz=100.0 + number, lfos=lfos, patch_settings={}, render=render
        )

    return take


def fill(folder, rendered=None, **changes):
    which = settings(**changes)
    return fill_folder(folder, which, fake_take(which, rendered))


def config(folder, **changes):
    return RendersConfig(folder=str(folder), **{"min_files": 3, **changes})


def test_a_manifest_tells_every_file_and_its_exact_curves(tmp_path):
    summary = fill(tmp_path)
    assert (summary.n_files, summary.n_rendered) == (8, 8)
    rows = read_manifest(tmp_path / MANIFEST_NAME)
    assert len(rows) == 8
    for number, row in enumerate(rows):
        assert hashlib.sha256((tmp_path / row.file).read_bytes()).hexdigest() == row.sha256
        assert row.curves.shape == (3, 501)
        lfos = fake_take(settings())(number).lfos
        for curve, audio_config in zip(row.curves, ("add", "sub", "env"), strict=True):
            np.testing.assert_allclose(curve, lfos[audio_config].at(np.linspace(0, 1, 501)), atol=1e-6)
    table = pq.read_table(tmp_path / MANIFEST_NAME).to_pylist()[0]
    lfo = fake_take(settings())(0).lfos["sub"]
    assert table["sub_drawn"]["powers"] == list(lfo.powers)
    assert table["sub_drawn"]["points"] == [value for point in lfo.points for value in point]
    assert table["seed"] == 3


def test_the_same_render_again_does_nothing_and_two_folders_are_equal(tmp_path):
    fill(tmp_path / "a")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert fill(tmp_path / "a").n_rendered == 0
    fill(tmp_path / "b")
    for name in ("a", "b"):
        assert {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} == before


def test_an_interrupted_render_is_completed(tmp_path):
    which, rendered = settings(), []

    def stop(done, _):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_folder(tmp_path / "a", which, fake_take(which, rendered), stop)
    assert not (tmp_path / "a" / MANIFEST_NAME).exists()
    with pytest.raises(DataError, match="completes an interrupted one"):
        scan_renders(config(tmp_path / "a"), AUDIO)
    (tmp_path / "a" / ".fake_00003.wav.part").write_bytes(b"half")
    assert fill(tmp_path / "a", rendered).n_rendered == 5
    assert rendered == list(range(8))
    fill(tmp_path / "b")
    assert (tmp_path / "a" / MANIFEST_NAME).read_bytes() == (tmp_path / "b" / MANIFEST_NAME).read_bytes()


def test_altered_and_lost_sounds_are_rendered_anew(tmp_path):
    fill(tmp_path)
    before = (tmp_path / "fake_00002.wav").read_bytes()
    (tmp_path / "fake_00002.wav").write_bytes(b"something else")
    (tmp_path / "fake_00005.wav").unlink()
    assert fill(tmp_path).n_rendered == 2
    assert (tmp_path / "fake_00002.wav").read_bytes() == before


def test_a_folder_with_another_content_is_refused(tmp_path):
    fill(tmp_path / "a")
    with pytest.raises(DataError, match="differs in n, seed"):
        fill(tmp_path / "a", n=9, seed=4)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="needs an empty folder"):
        fill(tmp_path / "b")
    with pytest.raises(DataError, match="cannot render into"):
        fill(tmp_path / "b" / "thesis.txt")


def test_renders_load_with_their_curves_at_the_frame_times(tmp_path):
    fill(tmp_path)
    dataset = load_renders(config(tmp_path), AUDIO)
    assert [len(clips) for clips in (dataset.train, dataset.validation, dataset.test)] == [4, 2, 2]
    for clips in (dataset.train, dataset.validation, dataset.test):
        assert clips.audio.shape[1] == 16_000
        assert clips.modulation.shape[1:] == (3, AUDIO.n_frames)
        for clip_id, f0_hz, curves, audio in zip(clips.ids, clips.f0_hz, clips.modulation, clips.audio, strict=True):
            number = int(clip_id.removeprefix("fake_"))
            assert f0_hz == 100.0 + number
            at = np.arange(AUDIO.n_frames) * AUDIO.hop_length / AUDIO.sample_rate
            truth = np.stack([lfo.at(at) for lfo in fake_take(settings())(number).lfos.values()])
            error = np.abs(curves.numpy() - truth)
            assert np.median(error) < 1e-3
            # The sound is the envelope: truth and sound stay aligned after resampling.
            heard = 2 * audio[:: AUDIO.hop_length].numpy()
            assert np.median(np.abs(heard - truth[2, : len(heard)])) < 5e-3


def test_shorter_clips_cut_sound_and_curves_alike(tmp_path):
    fill(tmp_path)
    whole = load_renders(config(tmp_path), AUDIO)
    short = AudioConfig(duration_s=0.5)
    cut = load_renders(config(tmp_path), short)
    assert cut.train.audio.shape[1] == 8000
    assert np.allclose(cut.train.modulation, whole.train.modulation[:, :, : short.n_frames])
    assert np.allclose(cut.train.audio[:, :7900], whole.train.audio[:, :7900])


def test_no_patch_is_on_two_sides_of_a_split(tmp_path):
    fill(tmp_path, n=20)
    dataset = load_renders(config(tmp_path), AUDIO)
    sides = [
        {int(clip_id[-5:]) // 2 for clip_id in clips.ids} for clips in (dataset.train, dataset.validation, dataset.test)
    ]
    assert sum(map(len, sides)) == 10


def test_missing_and_altered_sounds_are_listed_or_refused(tmp_path):
    fill(tmp_path)
    whole = scan_renders(config(tmp_path), AUDIO)
    assert whole.notices == ()
    assert whole.summary["n_usable"] == 8
    (tmp_path / "fake_00001.wav").unlink()
    soundfile.write(tmp_path / "fake_00004.wav", np.zeros(100), 16_000)
    scan = scan_renders(config(tmp_path), AUDIO)
    assert [(notice.source, notice.skipped) for notice in scan.notices] == [
        ("fake_00001.wav", True),
        ("fake_00004.wav", True),
    ]
    assert scan.sha256 != whole.sha256
    with pytest.raises(DataError, match="has 6 of 8"):
        scan_renders(config(tmp_path, min_files=7), AUDIO)
    with pytest.raises(DataError, match="not those the trial was planned with"):
        load_renders(config(tmp_path, manifest_sha256=whole.sha256), AUDIO)


def test_clips_longer_than_the_renders_are_refused(tmp_path):
    fill(tmp_path, duration_s=0.5)
    with pytest.raises(ConfigError, match=r"1 s against 0.5 s .* set audio.duration_s=0.5"):
        scan_renders(config(tmp_path), AUDIO)


def test_a_folder_that_is_no_render_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.folder is not set"):
        scan_renders(RendersConfig(), AUDIO)
    with pytest.raises(DataError, match="must be a finished folder"):
        scan_renders(config(tmp_path), AUDIO)
    (tmp_path / MANIFEST_NAME).write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        scan_renders(config(tmp_path), AUDIO)
    fill(tmp_path / "other")
    manifest = tmp_path / "other" / MANIFEST_NAME
    pq.write_table(pq.read_table(manifest).replace_schema_metadata({}), manifest)
    with pytest.raises(DataError, match=r"has manifest version \?"):
        scan_renders(config(tmp_path / "other"), AUDIO)


def test_rendering_without_vita_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vita", None)
    with pytest.raises(DataError, match=r"pip install 'modstudy\[real\]'"):
        vital.render_vital(tmp_path / "out", n=1, seed=0)
    assert not (tmp_path / "out").exists()


def test_vital_gets_its_points_upside_down_and_one_power_per_point():
    lfo = draw_lfo(np.random.default_rng(0))
    told = vital._lfo_settings(lfo)
    assert told["points"][1::2] == [1 - y for _, y in lfo.points]
    assert told["num_points"] == len(told["powers"]) == len(lfo.points)
