"""Recovered curves as Arrow IPC files: one row per test clip and modulation signal, memory-mappable, self-describing.

Files are uncompressed, so that a reader maps them instead of copying. Everything that tells one trial from another is a
column, so that files of many trials concatenate into one table without loss.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from numpy import ndarray

from core.errors import StoreError
from core.store import Attempt, Store

CURVES_NAME = "curves.arrow"
SCHEMA_VERSION = 1

_CURVE = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), metadata={"doc": "name of the study"}),
        pa.field("arm", pa.string(), metadata={"doc": "name of the arm"}),
        pa.field("seed", pa.int64(), metadata={"doc": "seed of the trial"}),
        pa.field("digest", pa.string(), metadata={"doc": "digest of the trial's resolved config"}),
        pa.field("clip_id", pa.string(), metadata={"doc": "test clip"}),
        pa.field("signal", pa.string(), metadata={"doc": "modulation signal: add, sub or env"}),
        pa.field("f0_hz", pa.float32(), metadata={"doc": "pitch of the clip", "unit": "Hz"}),
        pa.field("frame_rate", pa.float64(), metadata={"doc": "frames per second of the curves", "unit": "Hz"}),
        pa.field("target", _CURVE, metadata={"doc": "true curve in 0..1; null where none is known"}),
        pa.field("estimate", _CURVE, metadata={"doc": "recovered curve in 0..1"}),
        pa.field("fit", _CURVE, metadata={"doc": "LLS 3: the target as a weighted sum of all recovered curves"}),
        pa.field("audio_mss", pa.float32(), metadata={"doc": "multi-resolution STFT distance of the clip"}),
    ],
    metadata={"modstudy.curves.version": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCurves:
    """The curves of one trial's test clips."""

    clip_ids: tuple[str, ...]
    signals: tuple[str, ...]
    f0_hz: Float[ndarray, " clip"]
    frame_rate: float
    target: Float[ndarray, "clip signal frame"] | None
    estimate: Float[ndarray, "clip signal frame"]
    fit: Float[ndarray, "clip signal frame"] | None
    audio_mss: Float[ndarray, " clip"]


def write_curves(attempt: Attempt, curves: TrialCurves, *, study: str, arm: str, seed: int) -> None:
    """Keep a trial's curves with its attempt."""
    n_clips, n_signals, _ = curves.estimate.shape
    n_rows = n_clips * n_signals
    columns = [
        pa.array([study] * n_rows),
        pa.array([arm] * n_rows),
        pa.array([seed] * n_rows, pa.int64()),
        pa.array([attempt.digest] * n_rows),
        pa.array([clip_id for clip_id in curves.clip_ids for _ in curves.signals]),
        pa.array(list(curves.signals) * n_clips),
        pa.array(np.repeat(curves.f0_hz.astype(np.float32), n_signals)),
        pa.array([curves.frame_rate] * n_rows, pa.float64()),
        _rows(curves.target, n_rows),
        _rows(curves.estimate, n_rows),
        _rows(curves.fit, n_rows),
        pa.array(np.repeat(curves.audio_mss.astype(np.float32), n_signals)),
    ]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, SCHEMA) as writer:
        writer.write_table(table)
    attempt.put(CURVES_NAME, buffer.getvalue())


def read_curves(store: Store, digests: Iterable[str]) -> pa.Table:
    """The curves of the committed attempts at these trials, one table; memory-mapped where the store is local.

    Raises:
        StoreError: a file is of another schema version.
    """
    tables = []
    for digest in digests:
        attempt = store.committed(digest)
        if attempt is not None and store.has(attempt.key(CURVES_NAME)):
            tables.append(_read(store, attempt))
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def curve_array(column: pa.ChunkedArray) -> Float[ndarray, "row frame"] | None:
    """A column of curves of one length as an array; None where the column holds only nulls."""
    if column.null_count == len(column):
        return None
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(column), -1)


def _rows(curves: Float[ndarray, "clip signal frame"] | None, n_rows: int) -> pa.Array:
    if curves is None:
        return pa.nulls(n_rows, _CURVE)
    flat = np.ascontiguousarray(curves, dtype=np.float32).reshape(n_rows, -1)
    offsets = np.arange(n_rows + 1, dtype=np.int32) * flat.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1)))


def _read(store: Store, attempt: Attempt) -> pa.Table:
    local = store.local_root
    if local is not None:
        source: pa.NativeFile = pa.memory_map(str(local / attempt.key(CURVES_NAME)))
    else:
        source = pa.BufferReader(attempt.get(CURVES_NAME))
    table = pa.ipc.open_file(source).read_all()
    version = (table.schema.metadata or {}).get(b"modstudy.curves.version", b"?").decode()
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"{attempt.key(CURVES_NAME)} has curve schema version {version}, this modstudy reads {SCHEMA_VERSION}; "
            "read it with the version that wrote it"
        )
    return table
