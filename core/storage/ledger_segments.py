"""Ledger segments: many records in one Arrow IPC file, so that large studies are read fast.

A segment is a copy: the record of each attempt stays in its place and stays the truth. Columns: `digest`, `outcome`,
`finished_at`, and `record`, the JSON of the record. The file is followed by its sha256 (`core.storage.sealed`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pyarrow as pa

from core.storage.records import Outcome
from core.storage.sealed import seal, unseal

SCHEMA = pa.schema(
    [("digest", pa.string()), ("outcome", pa.string()), ("finished_at", pa.string()), ("record", pa.binary())],
    metadata={"modstudy_ledger": "1"},
)
"""Columns of a segment, with the version of the format."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A committed record in a segment."""

    digest: str
    outcome: Outcome
    finished_at: str
    record: bytes
    """JSON of the record; empty if it was not read."""


def to_segment(rows: Sequence[LedgerRow]) -> bytes:
    """The rows as a sealed Arrow IPC file."""
    columns = [[getattr(row, name) for row in rows] for name in SCHEMA.names]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, SCHEMA, options=options) as writer:
        writer.write_table(pa.table(columns, schema=SCHEMA))
    return seal(bytes(sink.getvalue()))


def from_segment(data: bytes, *, with_records: bool) -> list[LedgerRow]:
    """The rows of a segment.

    Args:
        data: Content of the segment.
        with_records: Whether the JSON of records is read, which takes most of the time.

    Raises:
        ValueError: the content is damaged or no segment.
    """
    content = pa.py_buffer(unseal(data))
    fields = list(range(len(SCHEMA.names) - (not with_records)))
    expected = pa.schema([SCHEMA.field(index) for index in fields], metadata=SCHEMA.metadata)
    try:
        reader = pa.ipc.open_file(content, options=pa.ipc.IpcReadOptions(included_fields=fields))
        if not reader.schema.equals(expected, check_metadata=True):
            raise ValueError(f"it is no ledger segment, which has the columns {', '.join(SCHEMA.names)}")
        table = reader.read_all()
        table.validate(full=True)
        columns: list[Any] = [column.to_pylist() for column in table.columns]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no Arrow file: {error}") from error
    if any(column.null_count for column in table.columns) or not set(columns[1]) <= set(get_args(Outcome)):
        raise ValueError("it has rows without a digest, an outcome, a time or a record")
    records = columns[3] if with_records else [b""] * len(columns[0])
    return [
        LedgerRow(digest, outcome, finished_at, record)
        for digest, outcome, finished_at, record in zip(*columns[:3], records, strict=True)
    ]
