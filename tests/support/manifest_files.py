"""Manifests of renders with one thing wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from core.data.manifest import MANIFEST_NAME
from tests.support.irregular_files import Kind, make_irregular

Change = Callable[[Path], object]
"""Changes the manifest of a folder."""
WRONG_ROW = 3
"""Number of the row that is changed."""


def table_of(folder: Path) -> pa.Table:
    """The manifest of a folder."""
    return pq.read_table(folder / MANIFEST_NAME)


def write(folder: Path, table: pa.Table, **settings: Any) -> None:
    """Replace the manifest of a folder."""
    pq.write_table(table, folder / MANIFEST_NAME, **settings)


def value(column: str, new: Any) -> Change:
    """Replace a value of the row `WRONG_ROW`."""

    def change(folder: Path) -> None:
        table = table_of(folder)
        values = table[column].to_pylist()
        values[WRONG_ROW] = new(values[WRONG_ROW]) if callable(new) else new
        index = table.schema.get_field_index(column)
        write(folder, table.set_column(index, table.schema.field(column), pa.array(values, table.schema.types[index])))

    return change


def curve_value(new: float | None) -> Callable[[list[float]], list[float | None]]:
    """A function that replaces the tenth value of a curve."""
    return lambda curve: [*curve[:9], new, *curve[10:]]


def cast(column: str, to: pa.DataType, values: Any = None) -> Change:
    """Replace a column by one of another type."""

    def change(folder: Path) -> None:
        table = table_of(folder)
        array = table[column].cast(to) if values is None else pa.array(values, to)
        write(folder, table.set_column(table.schema.get_field_index(column), column, array))

    return change


def without(column: str) -> Change:
    """Remove a column."""
    return lambda folder: write(folder, table_of(folder).drop_columns([column]))


def with_column(name: str) -> Change:
    """Add a column; one that is there already is then there twice."""
    return lambda folder: write(folder, table_of(folder).append_column(name, pa.array([0.0] * 8)))


def truncated(share: float) -> Change:
    """Cut the manifest."""

    def change(folder: Path) -> None:
        data = (folder / MANIFEST_NAME).read_bytes()
        (folder / MANIFEST_NAME).write_bytes(data[: int(share * len(data))])

    return change


def bytes_are(data: bytes) -> Change:
    """Replace the manifest by other bytes."""
    return lambda folder: (folder / MANIFEST_NAME).write_bytes(data)


def flipped(place: int) -> Change:
    """Flip all bits of a byte, counted from the end where negative."""

    def change(folder: Path) -> None:
        data = bytearray((folder / MANIFEST_NAME).read_bytes())
        data[place] ^= 0xFF
        (folder / MANIFEST_NAME).write_bytes(data)

    return change


def moved(kind: Kind) -> Change:
    """Replace the manifest by something that is no file."""

    def change(folder: Path) -> None:
        path = folder / MANIFEST_NAME
        path.rename(folder / "elsewhere.parquet")
        make_irregular(path, kind)

    return change
