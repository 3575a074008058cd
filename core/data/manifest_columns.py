"""Columns of a manifest of renders: name, type, range and meaning of each, and the check of a batch of rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import pyarrow as pa

from core.errors import DataError
from core.modulations import modulation_names
from core.settings.data import RendersConfig
from core.settings.value_rules import printable
from core.sound_decoding import MAX_DECODED_S, MAX_RATE, MIN_RATE

MODULATIONS = modulation_names(RendersConfig.modulations)
"""Names of the curves in a manifest, in order."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a closed range."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def admits(self, value: Any) -> bool:
        """Whether a value follows the rule; NaN does not."""
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches a pattern as a whole."""

    pattern: re.Pattern[str]
    words: str
    """The pattern in words."""

    def __str__(self) -> str:
        return self.words

    def admits(self, value: Any) -> bool:
        """Whether a value follows the rule."""
        return bool(self.pattern.fullmatch(value))


@dataclass(frozen=True, slots=True)
class RelativePath:
    """Relative path of a file that stays in its folder."""

    max_length: int = 1000

    def __str__(self) -> str:
        return f"a path below the folder, with forward slashes and without .., of at most {self.max_length} characters"

    def admits(self, value: Any) -> bool:
        """Whether a value follows the rule."""
        parts = value.split("/")
        return (
            len(value) <= self.max_length
            and value.isprintable()
            and "\\" not in value
            and not re.match("[A-Za-z]:", value)
            and not any(part in ("", ".", "..") for part in parts)
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A list of values in 0..1."""

    def __str__(self) -> str:
        return "a list of 2 or more numbers from 0 to 1"

    def admits(self, value: Any) -> bool:
        """Whether an array of values follows the rule; NaN does not."""
        return len(value) >= 2 and bool(np.all((value >= 0) & (value <= 1)))


@dataclass(frozen=True, slots=True)
class Unread:
    """Anything, also nothing: the column is for people and is not read."""

    def __str__(self) -> str:
        return "anything"

    def admits(self, _: Any) -> bool:
        """Whether a value follows the rule."""
        return True


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a manifest."""

    name: str
    type: pa.DataType
    rule: Number | Text | RelativePath | Curve | Unread
    doc: str
    unit: str = ""

    @property
    def field(self) -> pa.Field:
        """The field of an Arrow schema, with documentation."""
        unit = {"unit": self.unit} if self.unit else {}
        return pa.field(self.name, self.type, metadata={"doc": self.doc, **unit})


_CURVE = pa.list_(pa.float32())
_LFO = pa.struct([("points", pa.list_(pa.float64())), ("powers", pa.list_(pa.float64()))])
COLUMNS = (
    Column("file", pa.string(), RelativePath(), "sound, relative to the manifest"),
    Column(
        "sha256",
        pa.string(),
        Text(re.compile("[0-9a-f]{64}"), "64 hexadecimal digits in lower case"),
        "hash of the sound file's bytes",
    ),
    Column(
        "patch",
        pa.string(),
        Text(re.compile(r"[^\0-\x1f\x7f]{1,200}"), "1 to 200 characters without control characters"),
        "patch of the sound; all sounds of a patch are in the same split",
    ),
    Column("f0_hz", pa.float64(), Number(1.0, 100_000.0), "pitch", "Hz"),
    Column("sample_rate", pa.int64(), Number(float(MIN_RATE), float(MAX_RATE)), "sample rate of the sound", "Hz"),
    Column("duration_s", pa.float64(), Number(0.01, MAX_DECODED_S), "length of the sound and of the curves", "s"),
    Column(
        "frame_rate", pa.float64(), Number(1.0, 100_000.0), "frames per second of the curves, the first at 0 s", "Hz"
    ),
    *(Column(name, _CURVE, Curve(), f"true {name} curve, as a share of its parameter's range") for name in MODULATIONS),
    *(
        Column(f"{name}_drawn", _LFO, Unread(), f"{name}: points x0, y0, x1, y1, ... and powers")
        for name in MODULATIONS
    ),
    Column("seed", pa.int64(), Unread(), "seed of the whole folder"),
    Column("patch_settings", pa.string(), Unread(), "other settings of the patch, as JSON"),
)
"""All columns of a manifest."""


def check_schema(schema: pa.Schema) -> None:
    """Check that a table has exactly the columns of a manifest, in any order.

    Raises:
        DataError: a column is missing, unknown, there twice, or of another type; the message lacks the path.
    """
    names = list(schema.names)
    known = [column.name for column in COLUMNS]
    if missing := [name for name in known if name not in names]:
        raise DataError(f"a manifest has the columns {', '.join(known)}; it lacks {', '.join(missing)}")
    if unknown := [_shown(name) for name in names if name not in known]:
        raise DataError(f"a manifest has the columns {', '.join(known)}, no others; got {', '.join(unknown[:5])}")
    if twice := [name for name in known if names.count(name) > 1]:
        raise DataError(f"a manifest has each column once; got {', '.join(twice)} twice")
    for column in COLUMNS:
        if (found := schema.field(column.name).type) != column.type:
            raise DataError(f"column {column.name} must have the type {column.type}; got {str(found)[:100]}")


def checked_columns(batch: pa.RecordBatch, first_row: int) -> dict[str, Sequence[Any]]:
    """The values of all columns that are read, by name, after a check of each value.

    Args:
        batch: Rows of a table with the schema of a manifest.
        first_row: Number of its first row in the table, for error messages.

    Raises:
        DataError: a value is null or breaks the rule of its column; the message lacks the path.
    """
    columns: dict[str, Sequence[Any]] = {}
    for column in COLUMNS:
        match column.rule:
            case Unread():
                continue
            case Curve():
                values = _curves(batch[column.name])
            case Number() | Text() | RelativePath():
                values = batch[column.name].to_pylist()
            case _:
                assert_never(column.rule)
        for row, value in enumerate(values, start=first_row):
            if value is None or not column.rule.admits(value):
                raise DataError(
                    f"column {column.name}, row {row}: it must be {column.rule}"
                    f"{f' ({column.unit})' if column.unit else ''}; got {_shown(value)}"
                )
        columns[column.name] = values
    return columns


def _curves(array: pa.ListArray) -> list[np.ndarray | None]:
    """A float32 array per row; None where the row or one of its values is null."""
    return [
        None if row.values is None or row.values.null_count else np.asarray(row.values.to_numpy(), np.float32)
        for row in array
    ]


def _shown(value: Any) -> str:
    """A value for an error message, cut to 100 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, np.ndarray):
        wrong = value[~((value >= 0) & (value <= 1))]
        return f"{wrong[0]:g} among {len(value)} values" if len(wrong) else f"{len(value)} values"
    shown = repr(printable(value[:200])) if isinstance(value, str) else repr(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
