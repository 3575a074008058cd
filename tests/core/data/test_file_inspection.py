"""Inspection of sound files: clipping, metadata, and the cache of inspections."""

import json
from pathlib import Path
from typing import NoReturn

import pytest

from core.data import file_inspection
from core.data.sources.audio_folder import AudioFolder, FolderScan
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from tests.support.sounds import tone, write_named_notes, write_sound

pytestmark = pytest.mark.usefixtures("own_cache")


def scan(folder: Path, *, min_files: int = 3, audio: AudioConfig | None = None) -> FolderScan:
    return AudioFolder(AudioFolderConfig(folder=str(folder), min_files=min_files), audio or AudioConfig()).scan()


def forbid_tracking(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("the tracker ran again")

    patch.setattr(file_inspection, "track_pitch", refuse)


class TestClipping:
    @pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
    def test_eight_samples_at_full_scale_are_clipped_and_seven_are_not(self, subtype: str, tmp_path: Path) -> None:
        write_named_notes(tmp_path)
        for name, run, sign in (("seven", 7, 1), ("eight", 8, 1), ("below", 9, -1)):
            audio = 0.5 * tone(seconds=1.0)
            audio[4000 : 4000 + run] = 1.0 * sign
            write_sound(tmp_path / f"{name} C4.wav", audio, subtype=subtype)
        found = scan(tmp_path)
        assert {issue.source for issue in found.issues} == {"eight C4.wav", "below C4.wav"}
        assert not any(issue.skipped for issue in found.issues)
        assert found.summary["n_remarked"] == 2
        assert len(found.files) == 7

    def test_run_is_found_across_two_blocks_and_in_one_channel_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_inspection, "_BLOCK", 1000)
        write_named_notes(tmp_path)
        audio = tone(seconds=1.0, channels=2) * 0.5
        audio[996:1004, 1] = 1.0
        write_sound(tmp_path / "edge C4.wav", audio)
        audio = tone(seconds=1.0, channels=2) * 0.5
        audio[996:1000, 0] = 1.0
        audio[1000:1004, 1] = 1.0
        write_sound(tmp_path / "apart C4.wav", audio)
        assert [issue.source for issue in scan(tmp_path).issues] == ["edge C4.wav"]


def test_file_that_ends_before_its_header_says_is_unreadable(tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    write_sound(tmp_path / "whole C4.flac", tone(seconds=2.0))
    whole = (tmp_path / "whole C4.flac").read_bytes()
    (tmp_path / "whole C4.flac").write_bytes(whole[: len(whole) // 2])
    (issue,) = scan(tmp_path).issues
    assert issue.source == "whole C4.flac"
    assert issue.problem.startswith("unreadable")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,pitch\na,1\n", "needs the columns file"),
        ("", "needs the columns file"),
        ("file,f0_hz\na.wav,fast\n", "line 2: f0_hz is above 0 Hz; got 'fast'"),
        ("file,f0_hz\na.wav,-3\n", "line 2: f0_hz"),
        ("file,f0_hz\na.wav,inf\n", "line 2: f0_hz"),
        ("file,lfo_hz\na.wav,0\n", "line 2: lfo_hz is above 0 Hz; got '0'"),
        ("file,note\na.wav,\nb.wav,H9\n", "line 3: a note is a name such as"),
        ("file,note\n,C4\n", "every row names its file"),
    ],
)
def test_metadata_that_cannot_be_understood_are_refused(text: str, message: str, tmp_path: Path) -> None:
    write_named_notes(tmp_path)
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        scan(tmp_path)


class TestCache:
    def test_unchanged_folder_is_inspected_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
    ) -> None:
        write_named_notes(tmp_path)
        write_sound(tmp_path / "mystery.wav", tone(330.0))
        first = scan(tmp_path)
        forbid_tracking(monkeypatch)
        assert scan(tmp_path) == first
        config = AudioFolderConfig(folder=str(tmp_path), min_files=4, unpitched="assume", seed=3)
        assert AudioFolder(config, AudioConfig()).scan() == first
        (cached,) = (own_cache / "modstudy" / "scans").iterdir()
        write_sound(tmp_path / "mystery.wav", tone(331.0))
        with pytest.raises(AssertionError, match="the tracker ran again"):
            scan(tmp_path)
        assert cached.is_file()

    def test_other_length_of_clips_is_another_inspection(self, tmp_path: Path, own_cache: Path) -> None:
        write_named_notes(tmp_path)
        scan(tmp_path)
        scan(tmp_path, audio=AudioConfig(hop_length=100))
        assert len(list((own_cache / "modstudy" / "scans").iterdir())) == 1
        scan(tmp_path, audio=AudioConfig(duration_s=0.5))
        assert len(list((own_cache / "modstudy" / "scans").iterdir())) == 2

    @pytest.mark.parametrize("damage", [b"", b"{", json.dumps([{"file": "x"}]).encode()])
    def test_damaged_cache_is_replaced(self, damage: bytes, tmp_path: Path, own_cache: Path) -> None:
        write_named_notes(tmp_path)
        first = scan(tmp_path)
        (cached,) = (own_cache / "modstudy" / "scans").iterdir()
        cached.write_bytes(damage)
        assert scan(tmp_path) == first
        assert len(cached.read_bytes()) > 100

    def test_cache_that_cannot_be_written_is_done_without(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blocked = tmp_path / "blocked"
        blocked.write_text("a file where the folder should be")
        monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
        write_named_notes(tmp_path / "sounds")
        assert len(scan(tmp_path / "sounds").files) == 4
