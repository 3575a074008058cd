"""Recovered curves as Arrow IPC files: one row per test clip and modulation, memory-mappable, self-describing.

Files are uncompressed, so that a reader maps them instead of copying. Everything that tells one trial from another is a
column, so that files of many trials concatenate into one table without loss.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from numpy import ndarray

from core.errors import StoreError
from core.storage.store import Attempt, Store

CURVES_NAME = "curves.arrow"
SCHEMA_VERSION = 2
_CURVE = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), metadata={"doc": "name of the study"}),
        pa.field("arm", pa.string(), metadata={"doc": "name of the arm"}),
        pa.field("seed", pa.int64(), metadata={"doc": "seed of the trial"}),
        pa.field("digest", pa.string(), metadata={"doc": "digest of the trial's resolved config"}),
        pa.field("clip_id", pa.string(), metadata={"doc": "test clip"}),
        pa.field("modulation", pa.string(), metadata={"doc": "name of the modulation, such as add, sub or env"}),
        pa.field("f0_hz", pa.float32(), metadata={"doc": "pitch of the clip", "unit": "Hz"}),
        pa.field("frame_rate", pa.float64(), metadata={"doc": "frames per second of the curves", "unit": "Hz"}),
        pa.field("target", _CURVE, metadata={"doc": "true curve in 0..1; null where none is known"}),
        pa.field(
            "estimate", _CURVE, metadata={"doc": "recovered curve in 0..1; null where the synth has none of this name"}
        ),
        pa.field("projection", _CURVE, metadata={"doc": "LLS 3: the target as a weighted sum of all recovered curves"}),
        pa.field("audio_mss", pa.float32(), metadata={"doc": "multi-resolution STFT distance of the clip"}),
    ],
    metadata={"modstudy.curves.version": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulationCurves:
    """The curves of one modulation for all test clips; at least the target or the estimate is known."""

    modulation: str
    target: Float[ndarray, "clip frame"] | None
    estimate: Float[ndarray, "clip frame"] | None
    projection: Float[ndarray, "clip frame"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCurves:
    """The curves of one trial's test clips."""

    clip_ids: tuple[str, ...]
    f0_hz: Float[ndarray, " clip"]
    frame_rate: float
    audio_mss: Float[ndarray, " clip"]
    modulations: tuple[ModulationCurves, ...]


def write_curves(attempt: Attempt, curves: TrialCurves, *, study: str, arm: str, seed: int) -> None:
    """Write a trial's curves into its attempt, clip by clip and modulation by modulation."""
    n_clips, n_modulations = len(curves.clip_ids), len(curves.modulations)
    n_rows = n_clips * n_modulations
    columns = [
        pa.array([study] * n_rows),
        pa.array([arm] * n_rows),
        pa.array([seed] * n_rows, pa.int64()),
        pa.array([attempt.digest] * n_rows),
        pa.array([clip_id for clip_id in curves.clip_ids for _ in curves.modulations]),
        pa.array([each.modulation for each in curves.modulations] * n_clips),
        pa.array(np.repeat(curves.f0_hz.astype(np.float32), n_modulations)),
        pa.array([curves.frame_rate] * n_rows, pa.float64()),
        _column([each.target for each in curves.modulations], n_clips),
        _column([each.estimate for each in curves.modulations], n_clips),
        _column([each.projection for each in curves.modulations], n_clips),
        pa.array(np.repeat(curves.audio_mss.astype(np.float32), n_modulations)),
    ]
    write_table(attempt, pa.Table.from_arrays(columns, schema=SCHEMA))


def write_table(attempt: Attempt, table: pa.Table) -> None:
    """Write a table of `SCHEMA` as the attempt's curves."""
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, SCHEMA) as writer:
        writer.write_table(table)
    attempt.put(CURVES_NAME, buffer.getvalue())


def copy_curves(source: Attempt, target: Attempt, *, study: str, arm: str) -> None:
    """Write the curves of one attempt into another one, under the name of another study and arm."""
    table = _read(source.store, source)
    for name, label in (("study", study), ("arm", arm)):
        column = pa.array([label] * table.num_rows)
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), column)
    write_table(target, table)


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
    """A column of curves of one length as an array; None where the column holds only nulls.

    Raises:
        StoreError: the column holds some nulls; filter by modulation first.
    """
    if column.null_count == len(column):
        return None
    if column.null_count:
        raise StoreError(f"{column.null_count} of {len(column)} curves are unknown; filter the table by modulation")
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(column), -1)


def _column(curves: Sequence[Float[ndarray, "clip frame"] | None], n_clips: int) -> pa.Array:
    """One list per clip and modulation, null where a modulation has no curves."""
    if all(known is None for known in curves):
        return pa.nulls(n_clips * len(curves), _CURVE)
    if any(known is None for known in curves):
        rows = [None if known is None else known[i] for i in range(n_clips) for known in curves]
        return pa.array(rows, _CURVE)
    flat = np.ascontiguousarray(np.stack([np.asarray(known) for known in curves], axis=1), dtype=np.float32)
    offsets = np.arange(n_clips * len(curves) + 1, dtype=np.int32) * flat.shape[-1]
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
