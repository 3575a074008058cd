"""Copies of data folders stand in for folders that are not there."""

from pathlib import Path

import pytest

from core.data.base import MissingFolderError, existing_folder
from core.data.build import build_source
from core.data.folder_copies import copy_of, folder_bytes, pack, remove_copy, unpack
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from tests.support.sounds import write_named_notes

SHA256 = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path, own_cache: Path) -> Path:
    assert not list(own_cache.iterdir())
    write_named_notes(tmp_path / "sounds", range(48, 60))
    (tmp_path / "sounds" / "more").mkdir()
    (tmp_path / "sounds" / "more" / "notes.txt").write_text("words")
    (tmp_path / "sounds" / ".hidden").write_text("nothing")
    return tmp_path / "sounds"


def test_a_copy_has_all_files_but_hidden_ones(folder: Path) -> None:
    unpack(SHA256, pack(folder))
    names = {str(path.relative_to(copy_of(SHA256))) for path in copy_of(SHA256).rglob("*") if path.is_file()}
    assert names == {*(f"p{note}_{note}-100.wav" for note in range(48, 60)), "more/notes.txt"}
    assert folder_bytes(folder) == sum((copy_of(SHA256) / name).stat().st_size for name in names)
    unpack(SHA256, b"not read, because the copy is there")
    remove_copy(SHA256)
    assert not copy_of(SHA256).exists()
    assert not list(copy_of(SHA256).parent.iterdir())


def test_a_copy_is_used_where_the_folder_is_missing(folder: Path) -> None:
    unpack(SHA256, pack(folder))
    assert existing_folder(str(folder), SHA256) == folder
    assert existing_folder("/not/here", SHA256) == copy_of(SHA256)
    for sha256 in (None, "cd" * 32):
        with pytest.raises(MissingFolderError, match="there is none at /not/here"):
            existing_folder("/not/here", sha256)


def test_the_same_clips_come_from_a_copy_and_another_content_is_refused(folder: Path) -> None:
    audio = AudioConfig(duration_s=0.5)
    config = AudioFolderConfig(folder=str(folder))
    sha256 = build_source(config, audio).scan().sha256
    unpack(sha256, pack(folder))
    moved = AudioFolderConfig(folder="/not/here", manifest_sha256=sha256)
    assert build_source(moved, audio).load().train.ids == build_source(config, audio).load().train.ids
    (copy_of(sha256) / "p48_48-100.wav").unlink()
    with pytest.raises(DataError, match="changed since the trial was planned"):
        build_source(moved, audio).load()
