"""Reading of `metadata.csv`, which lists pitch or note, and optionally a group and the rate of an LFO, of sounds.

`data.csv` beside a report has these columns, and others that are ignored, so that it can be edited and put into the
folder as `metadata.csv`.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from core.data.note_names import nearest_note, note_to_hz
from core.errors import DataError
from core.regular_files import read_regular
from core.settings.value_rules import printable
from core.sound_files import MAX_SOUNDS
from core.visible_text import from_cell

METADATA_NAME = "metadata.csv"
"""Name of the file in a sound folder."""
MAX_BYTES = 2**24
"""Largest `metadata.csv`."""
MAX_COLUMNS = 100
"""Most columns, of which those with other names are ignored."""
MAX_CELL = 1000
"""Longest cell of a column that is read, in characters."""
RANGES_HZ: Mapping[str, tuple[float, float]] = MappingProxyType({"f0_hz": (1.0, 100_000.0), "lfo_hz": (1e-3, 1000.0)})
"""Smallest and largest value of the columns with frequencies."""
_COLUMNS = ("note", "group", *RANGES_HZ)
"""Columns beside the file, of which there is at least one."""
_SAME_SEMITONES = 0.5
"""A note names a pitch that is as near to it as this, or nearer."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Entry of a file."""

    f0_hz: float | None = None
    group: str | None = None
    lfo_hz: float | None = None


def read_metadata(path: Path) -> dict[str, Metadata]:
    """The entries by name of the file, with forward slashes; empty if there is no `metadata.csv`.

    Raises:
        DataError: a row breaks a rule, or the file cannot be read.
    """
    if not path.is_symlink() and not path.exists():
        return {}
    rule = f"{printable(path)} needs the columns file and f0_hz or note, and may have group and lfo_hz"
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{rule}; it cannot be read: {error.strerror}; replace or remove it") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{rule}; it cannot be read: {error.reason}; save it as UTF-8 text with commas") from error
    entries: dict[str, Metadata] = {}
    line_of: dict[str, int] = {}
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = _columns(next(reader, []), rule)
        for cells in reader:
            place = f"{printable(path)}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            row = _row(cells, columns, place)
            name = row["file"].replace("\\", "/").removeprefix("./")
            if not name:
                raise DataError(f"{place}: every row names its file; got an empty one; fill or remove it")
            if name in line_of:
                raise DataError(
                    f"{place}: every file has one row; {_shown(name)} has another in line {line_of[name]}; remove one"
                )
            if len(line_of) >= MAX_SOUNDS:
                raise DataError(f"{place}: there are at most {MAX_SOUNDS} rows; remove those of other folders")
            line_of[name] = reader.line_num
            entries[name] = Metadata(
                f0_hz=_pitch(row, place),
                group=from_cell(row.get("group", "")) or None,
                lfo_hz=_frequency(row, "lfo_hz", place),
            )
    except csv.Error as error:
        raise DataError(f"{rule}; it cannot be read: {error}; save it as UTF-8 text with commas") from error
    return entries


def _columns(header: list[str], rule: str) -> list[str]:
    """Names of the columns from the first line."""
    columns = [column.strip() for column in header]
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{rule}, at most {MAX_COLUMNS} in all; got {len(columns)}; remove the others")
    if "file" not in columns or not set(_COLUMNS) & set(columns):
        shown = ", ".join(_shown(column) for column in columns[:10]) or "nothing"
        hint = "separate them by commas" if any(c in shown for c in ";\t|") else "correct its first line"
        raise DataError(f"{rule}; got {shown}; {hint}")
    if twice := next((c for c in ("file", *_COLUMNS) if columns.count(c) > 1), None):
        raise DataError(f"{rule}, each once; got {twice} twice; remove one")
    return columns


def _row(cells: list[str], columns: list[str], place: str) -> dict[str, str]:
    """The cells of a line by column; missing ones at the end are empty."""
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise DataError(
            f"{place}: a row has a cell for each of the {len(columns)} columns; got {len(cells)}; "
            "put cells that contain a comma in quotes"
        )
    row = dict.fromkeys(columns, "") | {column: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    longest = max(len(row.get(column, "")) for column in ("file", *_COLUMNS))
    if longest > MAX_CELL:
        raise DataError(f"{place}: a cell has at most {MAX_CELL} characters; got {longest}; shorten it")
    return row


def _pitch(row: Mapping[str, str], place: str) -> float | None:
    """The pitch in Hz in a row, None if it has none."""
    f0_hz, text = _frequency(row, "f0_hz", place), row.get("note", "")
    note_hz = note_to_hz(text)
    if f0_hz is not None:
        if note_hz is not None and abs(12 * math.log2(note_hz / f0_hz)) > _SAME_SEMITONES:
            raise DataError(
                f"{place}: f0_hz and note are the same pitch; got {f0_hz:g} Hz, which is {nearest_note(f0_hz)}, and "
                f"{_shown(text)}; empty the one that is wrong"
            )
        return f0_hz
    if text:
        if note_hz is None:
            raise DataError(
                f"{place}: a note is a name such as C#3 or Bb2 (C4 is MIDI 60) or a MIDI number; "
                f"got {_shown(text)}; correct it or leave it empty"
            )
        return note_hz
    return None


def _frequency(row: Mapping[str, str], column: str, place: str) -> float | None:
    """The frequency in a column of a row, None if it is empty."""
    text = row.get(column, "")
    if not text:
        return None
    lowest, highest = RANGES_HZ[column]
    try:
        hz = float(text)
    except ValueError:
        hz = float("nan")
    if not lowest <= hz <= highest:
        raise DataError(
            f"{place}: {column} is a number from {lowest:g} to {highest:g} Hz, with a point for decimals; "
            f"got {_shown(text)}; correct it or leave it empty"
        )
    return hz


def _shown(text: str) -> str:
    """Text of a cell in quotes, in printable characters, at most 100 of them."""
    shown = printable(text[:100])
    return repr(shown if len(text) <= 100 else f"{shown}...")
