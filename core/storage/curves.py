"""Curve files: recovered and true curves of a trial as Arrow IPC, one row per test clip and modulation.

Files are uncompressed, which allows memory-mapping. Columns identify study, arm, seed and trial, so the files of many
trials can be concatenated into one table.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float
from numpy import ndarray

from core.errors import StoreError
from core.storage.arrow_files import open_arrow, read_batches
from core.storage.store import Attempt, Store

CURVES_NAME = "curves.arrow"
"""Name of the curve file in an attempt."""
SCHEMA_VERSION = 2
"""Incremented when columns change."""
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
"""Columns of a curve file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulationCurves:
    """Curves of one modulation for all test clips; at least one of target and estimate is known."""

    modulation: str
    target: Float[ndarray, "clip frame"] | None
    """True curves; None if unknown."""
    estimate: Float[ndarray, "clip frame"] | None
    """Recovered curves; None if the synth does not have this modulation."""
    projection: Float[ndarray, "clip frame"] | None
    """True curves projected on all recovered ones (LLS 3); None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCurves:
    """Curves of all test clips of a trial."""

    clip_ids: tuple[str, ...]
    f0_hz: Float[ndarray, " clip"]
    frame_rate: float
    audio_mss: Float[ndarray, " clip"]
    """Multi-resolution STFT distance of each clip."""
    modulations: tuple[ModulationCurves, ...]


def write_curves(attempt: Attempt, curves: TrialCurves, *, study: str, arm: str, seed: int) -> None:
    """Write the curve file of a trial into its attempt; rows are sorted by clip, then modulation."""
    n_clips, n_modulations = len(curves.clip_ids), len(curves.modulations)
    n_rows = n_clips * n_modulations
    columns = [
        pa.array([study] * n_rows),
        pa.array([arm] * n_rows),
        pa.array([seed] * n_rows, pa.int64()),
        pa.array([attempt.digest] * n_rows),
        pa.array([clip_id for clip_id in curves.clip_ids for _ in curves.modulations]),
        pa.array([curve.modulation for curve in curves.modulations] * n_clips),
        pa.array(np.repeat(curves.f0_hz.astype(np.float32), n_modulations)),
        pa.array([curves.frame_rate] * n_rows, pa.float64()),
        _column([curve.target for curve in curves.modulations], n_clips),
        _column([curve.estimate for curve in curves.modulations], n_clips),
        _column([curve.projection for curve in curves.modulations], n_clips),
        pa.array(np.repeat(curves.audio_mss.astype(np.float32), n_modulations)),
    ]
    write_table(attempt, pa.Table.from_arrays(columns, schema=SCHEMA))


def write_table(attempt: Attempt, table: pa.Table) -> None:
    """Write a table with the columns of `SCHEMA` as the curve file of an attempt."""
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, SCHEMA) as writer:
        writer.write_table(table)
    attempt.put(CURVES_NAME, buffer.getvalue())


def copy_curves(source: Attempt, target: Attempt, *, study: str, arm: str) -> None:
    """Copy the curve file of an attempt to another attempt, with a new name of study and arm.

    Raises:
        DamageError: the file is damaged.
    """
    table = pa.Table.from_batches(curve_batches(source), SCHEMA)
    for name, label in (("study", study), ("arm", arm)):
        column = pa.array([label] * table.num_rows)
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), column)
    write_table(target, table)


def read_curves(store: Store, digests: Iterable[str]) -> pa.Table:
    """Curves of the committed attempts at these trials as one table, memory-mapped if the store is local.

    Raises:
        DamageError: a file is damaged.
        StoreError: a file has another schema version.
    """
    attempts = (attempt for digest in digests if (attempt := store.committed(digest)))
    tables = [table for attempt in attempts if (table := curves_of(attempt)) is not None]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def curves_of(attempt: Attempt) -> pa.Table | None:
    """Curves of a committed attempt, memory-mapped if the store is local; None if it has none.

    Raises:
        DamageError: the file is damaged.
        StoreError: the file has another schema version.
    """
    if CURVES_NAME not in attempt.stored_files():
        return None
    return pa.Table.from_batches(curve_batches(attempt), SCHEMA)


def curve_batches(attempt: Attempt) -> Iterator[pa.RecordBatch]:
    """Record batches of the curve file of a committed attempt, memory-mapped if the store is local.

    Raises:
        DamageError: the file is damaged.
        MissingError: the attempt has no curve file.
        StoreError: the file has another schema version.
    """
    reader = open_arrow(attempt, CURVES_NAME)
    check_version(reader.schema, attempt.key(CURVES_NAME))
    if not reader.schema.equals(SCHEMA):
        raise attempt.damage(CURVES_NAME, f"it does not have the columns {', '.join(SCHEMA.names)}")
    for batch in read_batches(attempt, CURVES_NAME, reader):
        for name in SCHEMA.names:
            if batch[name].null_count and SCHEMA.field(name).type != _CURVE:
                raise attempt.damage(CURVES_NAME, f"some of its rows have no {name}")
        rate = batch["frame_rate"]
        if batch.num_rows and not pc.all(pc.and_(pc.is_finite(rate), pc.greater(rate, 0.0))).as_py():
            raise attempt.damage(CURVES_NAME, "some of its rows have a frame rate that is not positive")
        yield batch


def curve_array(column: pa.ChunkedArray) -> Float[ndarray, "row frame"] | None:
    """A column of curves of equal length as an array; None if all are null.

    Raises:
        StoreError: some curves are null or of other lengths; filter by modulation first.
    """
    if column.null_count == len(column):
        return None
    if column.null_count:
        raise StoreError(f"{column.null_count} of {len(column)} curves are unknown; filter the table by modulation")
    if len(pc.unique(pc.list_value_length(column))) != 1:
        raise StoreError(f"{len(column)} curves have different lengths; filter the table by study and trial")
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(column), -1)


def _column(curves: Sequence[Float[ndarray, "clip frame"] | None], n_clips: int) -> pa.Array:
    """A column with a list per clip and modulation, which is null for modulations without curves."""
    if all(curve is None for curve in curves):
        return pa.nulls(n_clips * len(curves), _CURVE)
    if any(curve is None for curve in curves):
        rows = [None if curve is None else curve[i] for i in range(n_clips) for curve in curves]
        return pa.array(rows, _CURVE)
    flat = np.ascontiguousarray(np.stack([np.asarray(curve) for curve in curves], axis=1), dtype=np.float32)
    offsets = np.arange(n_clips * len(curves) + 1, dtype=np.int32) * flat.shape[-1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1)))


def check_version(schema: pa.Schema, path: str) -> None:
    """Raise StoreError if a curve file has another schema version."""
    version = (schema.metadata or {}).get(b"modstudy.curves.version", b"?").decode(errors="replace")
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"{path} has curve schema version {version}, this modstudy reads {SCHEMA_VERSION}; "
            "read it with the version that wrote it"
        )
