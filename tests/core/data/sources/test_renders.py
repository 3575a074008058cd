"""Renders as clips: sounds with true curves at the frame times, and invalid folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from core.clips import Clips, Dataset
from core.data.manifest import MANIFEST_NAME
from core.data.sources.renders import Renders, RendersScan
from core.errors import ConfigError, DataError
from core.settings.audio import AudioConfig
from core.settings.data import RendersConfig
from tests.support.rendered_folder import fill, render_settings, takes_of

AUDIO = AudioConfig()


def source(folder: Path, audio: AudioConfig = AUDIO, **settings: Any) -> Renders:
    return Renders(RendersConfig(folder=str(folder), **{"min_files": 3, **settings}), audio)


def scan(folder: Path, **settings: Any) -> RendersScan:
    return source(folder, **settings).scan()


def splits_of(dataset: Dataset) -> tuple[Clips, Clips, Clips]:
    return dataset.train, dataset.validation, dataset.test


def test_clips_have_the_true_curves_at_the_frame_times(tmp_path: Path) -> None:
    fill(tmp_path)
    dataset = source(tmp_path).load()
    assert [len(clips) for clips in splits_of(dataset)] == [4, 2, 2]
    for clips in splits_of(dataset):
        assert clips.audio.shape[1] == 16_000
        assert clips.modulation is not None
        assert clips.modulation.shape[1:] == (3, AUDIO.n_frames)
        assert clips.modulation_names == ("add", "sub", "env")
        for clip_id, f0_hz, curves, audio in zip(clips.ids, clips.f0_hz, clips.modulation, clips.audio, strict=True):
            number = int(clip_id.removeprefix("fake_"))
            assert f0_hz == 100.0 + number
            at = np.arange(AUDIO.n_frames) * AUDIO.hop_length / AUDIO.sample_rate
            truth = np.stack([lfo.at(at) for lfo in takes_of(render_settings())(number).lfos.values()])
            error = np.abs(curves.numpy() - truth)
            assert np.median(error) < 1e-3
            # The sound is the envelope: truth and sound stay aligned after resampling.
            envelope = 2 * audio[:: AUDIO.hop_length].numpy()
            assert np.median(np.abs(envelope - truth[2, : len(envelope)])) < 5e-3


def test_shorter_clips_cut_sound_and_curves_alike(tmp_path: Path) -> None:
    fill(tmp_path)
    short = AudioConfig(duration_s=0.5)
    whole, cut = source(tmp_path).load().train, source(tmp_path, short).load().train
    assert cut.audio.shape[1] == 8000
    assert cut.modulation is not None
    assert whole.modulation is not None
    torch.testing.assert_close(cut.modulation, whole.modulation[:, :, : short.n_frames])
    torch.testing.assert_close(cut.audio[:, :7900], whole.audio[:, :7900])


def test_no_patch_is_in_two_splits(tmp_path: Path) -> None:
    fill(tmp_path, n=20)
    sides = [{int(clip_id[-5:]) // 2 for clip_id in clips.ids} for clips in splits_of(source(tmp_path).load())]
    assert sum(map(len, sides)) == 10


def test_missing_and_altered_sounds_are_listed_or_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    whole = scan(tmp_path)
    assert whole.issues == ()
    assert whole.summary["n_usable"] == 8
    (tmp_path / "fake_00001.wav").unlink()
    soundfile.write(tmp_path / "fake_00004.wav", np.zeros(100), 16_000)
    rest = scan(tmp_path)
    assert [(issue.source, issue.skipped) for issue in rest.issues] == [
        ("fake_00001.wav", True),
        ("fake_00004.wav", True),
    ]
    assert rest.sha256 != whole.sha256
    with pytest.raises(DataError, match="has 6 of 8"):
        scan(tmp_path, min_files=7)
    with pytest.raises(DataError, match="changed since the trial was planned"):
        source(tmp_path, manifest_sha256=whole.sha256).load()
    assert len(source(tmp_path, manifest_sha256=rest.sha256).load().train) >= 1


def test_hash_follows_the_curves_and_not_the_place(tmp_path: Path) -> None:
    fill(tmp_path / "one")
    fill(tmp_path / "two")
    one = scan(tmp_path / "one").sha256
    assert scan(tmp_path / "two", seed=9).sha256 == one
    manifest = tmp_path / "two" / MANIFEST_NAME
    table = pq.read_table(manifest)
    rows = table.to_pylist()
    rows[0]["add"][0] = 0.5 + rows[0]["add"][0] / 4
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), manifest)
    assert scan(tmp_path / "two").sha256 != one


def test_clips_longer_than_the_renders_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, duration_s=0.5)
    with pytest.raises(ConfigError, match=r"1 s against 0.5 s .* set audio.duration_s=0.5"):
        scan(tmp_path)


def test_folder_must_be_named_and_a_finished_render(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.folder must name the folder"):
        Renders(RendersConfig(), AUDIO)
    with pytest.raises(DataError, match="there is none at"):
        source(tmp_path / "nowhere")
    with pytest.raises(DataError, match="must be a finished folder"):
        scan(tmp_path)
    (tmp_path / MANIFEST_NAME).write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        scan(tmp_path)


def test_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    manifest = tmp_path / MANIFEST_NAME
    pq.write_table(pq.read_table(manifest).replace_schema_metadata({}), manifest)
    with pytest.raises(DataError, match=r"has manifest version \?"):
        scan(tmp_path)
