"""`data.csv`: a row for each sound file, also for skipped ones."""

import csv
import io

from core.storage.records import DataFile
from dashboards.data_table import COLUMNS, data_csv


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
