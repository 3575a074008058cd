"""`data.csv`: a row for each sound file, also for skipped ones, that can be given back as `metadata.csv`."""

import csv
import io
from pathlib import Path

import pytest

from core.data.sources.audio_folder import AudioFolder, FolderScan
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.storage.records import DataFile
from dashboards.data_table import COLUMNS, data_csv
from tests.support.sounds import noise, tone, write_named_notes, write_sound


def test_each_file_has_a_row() -> None:
    used = DataFile(
        file="=pad C2.wav",
        f0_hz=65.41,
        pitch_source="file name",
        lfo_hz=5.5,
        group="pad",
        grouped_by=("name", "same sound"),
        same_sound_as="pad.wav",
        split="test",
        duration_s=3.25,
        clip_starts_s=(0.0, 1.5),
    )
    skipped = DataFile(file="hiss.wav", remark="no pitch: none found")
    header, first, second = csv.reader(io.StringIO(data_csv([used, skipped]).decode()))
    assert tuple(header) == COLUMNS
    assert first == [
        *("'=pad C2.wav", "65.41", "C2", "file name", "pad", "name + same sound", "pad.wav", "test"),
        *("2", "0 1.5", "3.250", "5.5", ""),
    ]
    assert second == ["hiss.wav", "", "", "", "", "", "", "", "0", "", "", "", "no pitch: none found"]


@pytest.fixture
def folder(tmp_path: Path, own_cache: Path) -> Path:  # noqa: ARG001  (inspections are cached there)
    """Notes named in files and a tracked one, a copy, a file that is skipped, and names that look like formulas."""
    folder = tmp_path / "sounds"
    write_named_notes(folder)
    write_sound(folder / "mystery.wav", tone(331.7, seconds=1.0))
    write_sound(folder / "=pad C4.wav", tone(261.63, level=0.31))
    write_sound(folder / "=pad D4.wav", tone(293.66, level=0.32))
    write_sound(folder / "odd\x1b C4.wav", tone(262.0, level=0.33))
    write_sound(folder / "copy.wav", tone(331.7, seconds=1.0))
    write_sound(folder / "hiss.wav", noise(0))
    return folder


def scan(folder: Path) -> FolderScan:
    return AudioFolder(AudioFolderConfig(folder=str(folder), min_files=3, clips_per_file=2), AudioConfig()).scan()


def edited(table: bytes, file: str, **cells: str) -> str:
    """The table with other cells in the row of a file."""
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows({**row, **(cells if row["file"] == file else {})} for row in rows)
    assert file in [row["file"] for row in rows]
    return buffer.getvalue()


def test_given_back_as_it_is_it_changes_nothing(folder: Path) -> None:
    before = scan(folder)
    (folder / "metadata.csv").write_bytes(data_csv(before.data_files))
    after = scan(folder)
    assert after.sha256 == before.sha256
    assert [issue.source for issue in after.issues] == [issue.source for issue in before.issues]
    assert [file.split for file in after.data_files] == [file.split for file in before.data_files]
    assert {file.pitch_source for file in after.files} == {"metadata"}


@pytest.mark.parametrize("cells", [{"f0_hz": "165.85", "note": ""}, {"f0_hz": "", "note": "E3 +11"}])
def test_given_back_with_another_pitch_it_changes_this_pitch_alone(folder: Path, cells: dict[str, str]) -> None:
    before = scan(folder)
    (folder / "metadata.csv").write_text(edited(data_csv(before.data_files), "copy.wav", **cells), encoding="utf-8")
    after = scan(folder)
    pitches = {file.file: file.f0_hz for file in before.files}
    assert pitches.pop("copy.wav") == pytest.approx(331.7, rel=3e-3)
    assert {file.file: file.f0_hz for file in after.files if file.file != "copy.wav"} == pitches
    changed = next(file for file in after.data_files if file.file == "copy.wav")
    assert changed.f0_hz == pytest.approx(165.85, rel=1e-3)
    assert changed.pitch_source == "metadata"
    assert [(file.file, file.group, file.split) for file in after.data_files] == [
        (file.file, file.group, file.split) for file in before.data_files
    ]


def test_a_pitch_that_is_filled_in_takes_a_file_into_use(folder: Path) -> None:
    before = scan(folder)
    assert "hiss.wav" not in {file.file for file in before.files}
    (folder / "metadata.csv").write_text(edited(data_csv(before.data_files), "hiss.wav", note="C2"), encoding="utf-8")
    assert {file.file for file in scan(folder).files} == {*(file.file for file in before.files), "hiss.wav"}


def test_a_long_list_of_clips_is_no_obstacle(folder: Path) -> None:
    table = edited(data_csv(scan(folder).data_files), "copy.wav", clip_starts_s=" ".join(map(str, range(1000))))
    (folder / "metadata.csv").write_text(table, encoding="utf-8")
    assert {file.pitch_source for file in scan(folder).files} == {"metadata"}
