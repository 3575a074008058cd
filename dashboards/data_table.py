"""`data.csv`: every sound file of the data with its pitch, group, split and clips, or why it was skipped.

Given back as the `metadata.csv` of the folder, it changes nothing but what was edited (core.data.metadata).
"""

import csv
import io
from collections.abc import Sequence

from core.data.note_names import nearest_note
from core.storage.records import DataFile
from core.visible_text import without_formula

COLUMNS = (
    "file",
    "f0_hz",
    "note",
    "pitch_source",
    "group",
    "grouped_by",
    "same_sound_as",
    "split",
    "clips",
    "clip_starts_s",
    "duration_s",
    "lfo_hz",
    "remark",
)
"""Columns of the table; `note` is the nearest one with its deviation in cents."""


def data_csv(files: Sequence[DataFile]) -> bytes:
    """The table as CSV in UTF-8. Texts that a spreadsheet would take for formulas follow a quotation mark."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for file in files:
        writer.writerow(
            (
                without_formula(file.file),
                _exact(file.f0_hz),
                "" if file.f0_hz is None else nearest_note(file.f0_hz),
                file.pitch_source,
                without_formula(file.group),
                " + ".join(file.grouped_by),
                without_formula(file.same_sound_as or ""),
                file.split,
                len(file.clip_starts_s),
                " ".join(f"{start_s:g}" for start_s in file.clip_starts_s),
                "" if file.duration_s is None else f"{file.duration_s:.3f}",
                _exact(file.lfo_hz),
                without_formula(file.remark),
            )
        )
    return buffer.getvalue().encode()


def _exact(hz: float | None) -> str:
    """A frequency as text from which the same number is read; empty if it is unknown."""
    return "" if hz is None else repr(hz).removesuffix(".0")
