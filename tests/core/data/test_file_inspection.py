"""Inspection of sound files: clipping, metadata, and the cache of inspections."""

import json
from pathlib import Path
from typing import NoReturn

import pytest

from core import sound_decoding
from core.data import file_inspection, sound_check
from core.data.sound_check import SoundCheck, check_sound
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

    patch.setattr(sound_check, "track_pitch", refuse)


def count_checks(patch: pytest.MonkeyPatch, interrupt_after: int | None = None) -> list[str]:
    """The names of the files that are checked from now on, in a list that grows; after some, an interrupt is raised."""
    checked: list[str] = []

    def check(path: Path, duration_s: float, *, track: bool) -> SoundCheck:
        if len(checked) == interrupt_after:
            raise KeyboardInterrupt
        checked.append(path.name)
        return check_sound(path, duration_s, track=track)

    patch.setattr(file_inspection, "check_sound", check)
    return checked


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
        monkeypatch.setattr(sound_decoding, "_BLOCK", 2000)
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
        (
            "file,f0_hz\na.wav,fast\n",
            "line 2: f0_hz is a number from 1 to 100000 Hz, with a point for decimals; got 'fast'",
        ),
        ("file,f0_hz\na.wav,-3\n", "line 2: f0_hz"),
        ("file,f0_hz\na.wav,inf\n", "line 2: f0_hz"),
        (
            "file,lfo_hz\na.wav,0\n",
            "line 2: lfo_hz is a number from 0.001 to 1000 Hz, with a point for decimals; got '0'",
        ),
        ("file,note\na.wav,\nb.wav,H9\n", "line 3: a note is a name such as"),
        ("file,note\n,C4\n", "every row names its file"),
        ("file,f0_hz,note\na.wav,220,A3\nb.wav,220,A2\n", "line 3: f0_hz and note .* 220 Hz, which is A3, and 'A2'"),
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
        assert AudioFolder(config, AudioConfig()).scan().files == first.files
        (cached,) = (own_cache / "modstudy" / "scans").iterdir()
        names = [path.name for path in tmp_path.iterdir() if path.name != "mystery.wav"]
        (tmp_path / "metadata.csv").write_text(f"file,f0_hz,group\n{names[0]},99,other\n")
        assert scan(tmp_path).files != first.files
        (tmp_path / "metadata.csv").unlink()
        write_sound(tmp_path / "mystery.wav", tone(331.0))
        with pytest.raises(AssertionError, match="the tracker ran again"):
            scan(tmp_path)
        assert cached.is_file()

    def test_changed_or_new_file_costs_only_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_named_notes(tmp_path)
        scan(tmp_path)
        checked = count_checks(monkeypatch)
        write_sound(tmp_path / "p48_48-100.wav", tone(level=0.7))
        write_sound(tmp_path / "new C4.wav", tone(level=0.6))
        (tmp_path / "p50_50-100.wav").unlink()
        assert len(scan(tmp_path).files) == 4
        assert sorted(checked) == ["new C4.wav", "p48_48-100.wav"]
        scan(tmp_path)
        assert len(checked) == 2

    def test_interrupted_scan_goes_on_where_it_was(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_named_notes(tmp_path)
        monkeypatch.setattr(file_inspection, "_MAX_THREADS", 1)
        with monkeypatch.context() as patch:
            checked = count_checks(patch, interrupt_after=2)
            with pytest.raises(KeyboardInterrupt):
                scan(tmp_path)
            assert len(checked) == 2
        rest = count_checks(monkeypatch)
        assert len(scan(tmp_path).files) == 4
        assert len(rest) == 2

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
