"""Folders of renders: exact manifests, interruptions, altered sounds, and folders with other content."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.data.lfo_shapes import DrawnLfo
from core.data.manifest import MANIFEST_NAME, read_manifest
from core.data.manifest_columns import MODULATIONS
from core.data.renderers.folder import fill_folder
from core.errors import DataError
from tests.support.rendered_folder import fill, render_settings, takes_of


def test_manifest_has_every_file_and_its_exact_curves(tmp_path: Path) -> None:
    summary = fill(tmp_path)
    assert (summary.n_files, summary.n_rendered) == (8, 8)
    rows = read_manifest(tmp_path / MANIFEST_NAME)
    assert len(rows) == 8
    for number, row in enumerate(rows):
        assert hashlib.sha256((tmp_path / row.file).read_bytes()).hexdigest() == row.sha256
        assert (row.patch, row.f0_hz) == (f"patch{number // 2}", 100.0 + number)
        assert row.curves.shape == (3, 501)
        lfos = takes_of(render_settings())(number).lfos
        for curve, modulation in zip(row.curves, MODULATIONS, strict=True):
            np.testing.assert_allclose(curve, lfos[modulation].at(np.linspace(0, 1, 501)), atol=1e-6)
    table = pq.read_table(tmp_path / MANIFEST_NAME).to_pylist()[0]
    lfo = takes_of(render_settings())(0).lfos["sub"]
    assert isinstance(lfo, DrawnLfo)
    assert table["sub_drawn"]["powers"] == list(lfo.powers)
    assert table["sub_drawn"]["points"] == [value for point in lfo.points for value in point]
    assert table["seed"] == 3


def test_second_render_does_nothing_and_two_folders_are_equal(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert fill(tmp_path / "a").n_rendered == 0
    fill(tmp_path / "b")
    for name in ("a", "b"):
        assert {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} == before


def test_interrupted_render_is_completed(tmp_path: Path) -> None:
    settings = render_settings()
    rendered: list[int] = []

    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_folder(tmp_path / "a", settings, takes_of(settings, rendered), stop)
    assert not (tmp_path / "a" / MANIFEST_NAME).exists()
    with pytest.raises(DataError, match="completes an interrupted one"):
        read_manifest(tmp_path / "a" / MANIFEST_NAME)
    (tmp_path / "a" / ".fake_00003.wav.part").write_bytes(b"half")
    assert fill(tmp_path / "a", rendered).n_rendered == 5
    assert rendered == list(range(8))
    fill(tmp_path / "b")
    assert (tmp_path / "a" / MANIFEST_NAME).read_bytes() == (tmp_path / "b" / MANIFEST_NAME).read_bytes()


def test_altered_and_missing_sounds_are_rendered_again(tmp_path: Path) -> None:
    fill(tmp_path)
    before = (tmp_path / "fake_00002.wav").read_bytes()
    (tmp_path / "fake_00002.wav").write_bytes(b"something else")
    (tmp_path / "fake_00005.wav").unlink()
    assert fill(tmp_path).n_rendered == 2
    assert (tmp_path / "fake_00002.wav").read_bytes() == before


def test_folder_with_another_content_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    with pytest.raises(DataError, match="differs in n, seed"):
        fill(tmp_path / "a", n=9, seed=4)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="needs an empty folder"):
        fill(tmp_path / "b")
    with pytest.raises(DataError, match="cannot render into"):
        fill(tmp_path / "b" / "thesis.txt")
    assert (tmp_path / "b" / "thesis.txt").read_text() == "precious"


def test_sound_louder_than_a_file_can_hold_is_refused(tmp_path: Path) -> None:
    settings = render_settings(n=1)
    take = replace(takes_of(settings)(0), render=lambda: np.array([0.0, 1.5]))
    with pytest.raises(DataError, match="a peak of 1.5, which a 24-bit file cannot hold"):
        fill_folder(tmp_path, settings, lambda _: take)
    assert not list(tmp_path.glob("*.wav"))


def test_progress_is_reported_for_every_sound(tmp_path: Path) -> None:
    settings = render_settings(n=3)
    done: list[tuple[int, int]] = []
    fill_folder(tmp_path, settings, takes_of(settings), lambda number, n: done.append((number, n)))
    assert done == [(1, 3), (2, 3), (3, 3)]
