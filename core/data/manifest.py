"""Manifest of a folder of rendered sounds: a Parquet file with one row per sound and its exact modulation curves.

`manifest.parquet` is written last: a folder without it is incomplete.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from numpy import ndarray

from core.data.manifest_columns import COLUMNS, MODULATIONS, check_schema, checked_columns
from core.errors import DataError
from core.regular_files import open_regular
from core.settings.value_rules import printable
from core.sound_decoding import reason
from core.sound_files import MAX_SOUNDS
from core.storage.atomic_write import atomic_path

MANIFEST_NAME = "manifest.parquet"
"""Name of the manifest in its folder."""
SCHEMA_VERSION = 1
"""Incremented when columns change."""
MAX_BYTES = 2**30
"""Largest manifest, also after decompression."""
MAX_VALUES = 2**28
"""Most values in a manifest: 100,000 sounds of 1 s have 0.6 of that."""
_VERSION_KEY = b"modstudy.renders.version"
"""Key of the schema version in the metadata of a manifest."""
_BATCH = 256
"""Rows that are checked at once."""
SCHEMA = pa.schema([column.field for column in COLUMNS], metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()})
"""Columns of a manifest as an Arrow schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFile:
    """One row of a manifest: a sound and its modulation curves."""

    file: str
    """Path of the sound, relative to the manifest."""
    sha256: str
    patch: str
    """Id of the patch."""
    f0_hz: float
    sample_rate: int
    duration_s: float
    frame_rate: float
    curves: Float[ndarray, "modulation frame"]
    """In 0..1, in the order of `MODULATIONS`."""


def write_manifest(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of `SCHEMA`; the file appears only when complete."""
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), temporary)


def read_manifest(path: Path) -> tuple[RenderedFile, ...]:
    """The rows of a manifest, in order, each checked against the rules of `COLUMNS`.

    Raises:
        DataError: the manifest is missing, damaged or of another version, or a row breaks a rule.
    """
    if not path.is_symlink() and not path.exists():
        raise DataError(
            f"data.folder must be a finished folder of `modstudy render` with its {MANIFEST_NAME}; "
            f"{printable(path.parent)} has none; render it (the same command completes an interrupted one)"
        )
    try:
        with open_regular(path, MAX_BYTES) as file:
            rows = tuple(_read(file))
        _check_distinct(rows)
    except DataError as error:
        raise DataError(f"{printable(path)}: {error}; render the folder again") from error
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise DataError(f"{printable(path)} cannot be read: {reason(error)}; render the folder again") from error
    return rows


def _read(file: BufferedReader) -> Iterator[RenderedFile]:
    """The rows of an open manifest."""
    parquet = pq.ParquetFile(file)
    schema, metadata = parquet.schema_arrow, parquet.metadata
    version = printable((schema.metadata or {}).get(_VERSION_KEY, b"?").decode(errors="replace"))[:20]
    if version != str(SCHEMA_VERSION):
        raise DataError(f"it has manifest version {version}, and this modstudy reads {SCHEMA_VERSION}")
    check_schema(schema)
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    n_bytes = sum(group.total_byte_size for group in groups)
    n_values = sum(group.column(index).num_values for group in groups for index in range(group.num_columns))
    for what, count, most in (
        ("rows", metadata.num_rows, MAX_SOUNDS),
        ("bytes", n_bytes, MAX_BYTES),
        ("values", n_values, MAX_VALUES),
    ):
        if not 0 <= count <= most:
            raise DataError(f"a manifest has at most {most} {what}; it announces {count}")
    names = [column.name for column in COLUMNS]
    n_rows = 0
    for batch in parquet.iter_batches(_BATCH, columns=names, use_threads=False):
        batch.validate(full=True)
        yield from _rows(checked_columns(batch, n_rows), n_rows)
        n_rows += batch.num_rows


def _rows(columns: Mapping[str, Sequence[Any]], first_row: int) -> Iterator[RenderedFile]:
    """The rows of checked columns, after a check of the lengths of their curves."""
    for index, values in enumerate(zip(*columns.values(), strict=True)):
        row = dict(zip(columns, values, strict=True))
        curves = [row.pop(name) for name in MODULATIONS]
        sizes = [len(curve) for curve in curves]
        expected = row["duration_s"] * row["frame_rate"] + 1
        if len(set(sizes)) > 1 or abs(sizes[0] - expected) > 1:
            raise DataError(
                f"columns {', '.join(MODULATIONS)}, row {first_row + index}: each curve has "
                f"duration_s * frame_rate + 1 values, here {expected:.0f}; got {', '.join(map(str, sizes))}"
            )
        yield RenderedFile(**row, curves=np.stack(curves))


def _check_distinct(rows: Sequence[RenderedFile]) -> None:
    """Check that no two rows have the same file.

    Raises:
        DataError: two rows have; the message lacks the path.
    """
    row_of: dict[str, int] = {}
    for row, rendered in enumerate(rows):
        if rendered.file in row_of:
            first = row_of[rendered.file]
            raise DataError(f"column file, row {row}: each sound has one row; {rendered.file!r} has row {first} too")
        row_of[rendered.file] = row
