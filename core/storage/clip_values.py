"""Values of all metrics per test clip and modulation of a trial, as an Arrow file with a row for each of these pairs.

Means over clips hide which clips a metric was undefined for, and arms whose flat curves drop out would be averaged over
other clips than the rest. A metric is NaN in a row where it is undefined, and null where it does not apply, as for a
modulation that only the true curves have. Metrics of a whole clip, such as `audio.mss`, are repeated in all its rows.
"""

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float
from numpy import ndarray

from core.errors import StoreError
from core.storage.arrow_files import open_arrow, read_table
from core.storage.store import Attempt

CLIP_VALUES_NAME = "clip_values.arrow"
"""Name of the file in an attempt."""
SCHEMA_VERSION = 1
"""Incremented when the columns of pairs change."""
_VERSION_KEY = b"modstudy.clip_values.version"
_PAIR_COLUMNS = ("clip_id", "modulation")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesPerClip:
    """Values of one metric for all clips, and modulations if it has any."""

    values: Float[ndarray, "clip modulation"] | Float[ndarray, " clip"]
    """NaN where undefined."""
    modulations: tuple[str, ...] = ()
    """Names of its modulations; empty for a metric of whole clips."""


@dataclass(frozen=True, kw_only=True)
class ClipValues:
    """Values of all metrics per clip and modulation."""

    clip_ids: tuple[str, ...]
    modulations: tuple[str, ...]
    """Modulations of the synth, followed by those that only the true curves have."""
    columns: Mapping[str, Float[ndarray, "clip modulation"]]
    """Values by full name of the metric without its modulation; NaN where undefined or not applicable."""
    applies: Mapping[str, Bool[ndarray, " modulation"]]
    """Modulations that each metric applies to."""

    @cached_property
    def n_clips(self) -> int:
        """Number of clips."""
        return len(self.clip_ids)


def write_clip_values(
    attempt: Attempt, clip_ids: tuple[str, ...], modulations: tuple[str, ...], metrics: Mapping[str, ValuesPerClip]
) -> None:
    """Write the values of a trial into its attempt.

    Args:
        attempt: Attempt at the trial.
        clip_ids: The test clips.
        modulations: All modulations that a metric has values of.
        metrics: Values by full name of the metric without its modulation.
    """
    shape = (len(clip_ids), len(modulations))
    columns: dict[str, pa.Array] = {
        "clip_id": pa.array([clip_id for clip_id in clip_ids for _ in modulations], pa.string()),
        "modulation": pa.array(list(modulations) * len(clip_ids), pa.string()),
    }
    for name, metric in metrics.items():
        values = np.full(shape, np.nan, dtype=np.float32)
        is_null = np.ones(shape, dtype=bool)
        if metric.modulations:
            at = [modulations.index(modulation) for modulation in metric.modulations]
            values[:, at] = metric.values
            is_null[:, at] = False
        else:
            values[:] = metric.values[:, None]
            is_null[:] = False
        columns[name] = pa.array(values.ravel(), mask=is_null.ravel())
    table = pa.table(columns).replace_schema_metadata({_VERSION_KEY: str(SCHEMA_VERSION).encode()})
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    attempt.put(CLIP_VALUES_NAME, buffer.getvalue())


def read_clip_values(attempt: Attempt, metrics: Collection[str] | None = None) -> ClipValues | None:
    """The values of a committed attempt; None if it has none.

    Args:
        attempt: The committed attempt.
        metrics: Full names, without modulations, of the metrics that are read, where the trial has them; None for all.

    Raises:
        DamageError: the file is damaged, or its rows are not all pairs of clips and modulations.
        StoreError: the file has another schema version.
    """
    if CLIP_VALUES_NAME not in attempt.stored_files():
        return None
    reader = open_arrow(attempt, CLIP_VALUES_NAME)
    version = (reader.schema.metadata or {}).get(_VERSION_KEY, b"?").decode(errors="replace")
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"{attempt.key(CLIP_VALUES_NAME)} has schema version {version}, this modstudy reads {SCHEMA_VERSION}; "
            "read it with the version that wrote it"
        )
    schema = reader.schema
    types = [pa.string() if name in _PAIR_COLUMNS else pa.float32() for name in schema.names]
    if not set(_PAIR_COLUMNS) <= set(schema.names) or schema.types != types:
        raise attempt.damage(CLIP_VALUES_NAME, f"it does not have the columns {', '.join(_PAIR_COLUMNS)} and values")
    return _clip_values(attempt, read_table(attempt, CLIP_VALUES_NAME, reader), metrics)


def _clip_values(attempt: Attempt, table: pa.Table, metrics: Collection[str] | None) -> ClipValues:
    """The values in a table."""
    names = table["modulation"].to_pylist()
    modulations = tuple(dict.fromkeys(names))
    clip_ids = tuple(table["clip_id"].to_pylist()[:: max(len(modulations), 1)])
    if names != list(modulations) * len(clip_ids) or None in modulations or None in clip_ids:
        raise attempt.damage(
            CLIP_VALUES_NAME, f"it does not have a row for each pair of {len(clip_ids)} clips and {modulations}"
        )
    shape = (len(clip_ids), len(modulations))
    columns, applies = {}, {}
    for name in table.column_names:
        if name in _PAIR_COLUMNS or (metrics is not None and name not in metrics):
            continue
        column = table[name].combine_chunks()
        applies[name] = column.is_valid().to_numpy(zero_copy_only=False).reshape(shape).any(axis=0)
        columns[name] = column.to_numpy(zero_copy_only=False).reshape(shape)
    return ClipValues(clip_ids=clip_ids, modulations=modulations, columns=columns, applies=applies)
