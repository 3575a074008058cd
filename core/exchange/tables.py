"""Modulation curves as tables: CSV for spreadsheets, NPZ for numpy, Arrow (Feather) for data frames.

Each table has a row per frame: the time in seconds, a column per modulation with values in 0..1, and a column per
physical control that is given, whose name ends with its unit, such as `cutoff_hz`.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError

TIME = "time_s"
"""Column of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTable:
    """The curves of a sound."""

    name: str
    """Name of the sound."""
    frame_rate: float
    """Frames per second, of which the first is at 0 s."""
    f0_hz: float
    """Pitch of the sound."""
    curves: Mapping[str, Float[ndarray, " frame"]]
    """Curves in 0..1 by modulation."""
    controls: Mapping[str, Float[ndarray, " frame"]] = field(default_factory=dict)
    """Physical controls by name and unit."""

    def columns(self) -> dict[str, Float[ndarray, " frame"]]:
        """All columns in float64, the time first.

        Raises:
            DataError: columns have different lengths or the same name, or some values are not finite.
        """
        names = [TIME, *self.curves, *self.controls]
        if len(set(names)) != len(names) or len(names) < 2:
            raise DataError(f"a table has one or more columns of different names; got {', '.join(names)}")
        given = {**self.curves, **self.controls}
        values = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
        n_frames = len(next(iter(values.values())))
        for name, value in values.items():
            if len(value) != n_frames:
                raise DataError(f"all curves have the same number of frames, {n_frames}; {name} has {len(value)}")
            n_bad = int((~np.isfinite(value)).sum())
            if n_bad:
                raise DataError(f"the values of a curve are finite; {name} has {n_bad} that are not")
        return {TIME: np.arange(n_frames) / self.frame_rate} | values


def csv_bytes(table: CurveTable) -> bytes:
    """A CSV table: a header, then times to the microsecond and values with seven digits."""
    columns = table.columns()
    lines = [",".join(columns)]
    for time_s, *values in zip(*(column.tolist() for column in columns.values()), strict=True):
        lines.append(",".join([f"{time_s:.6f}", *(f"{value:.7g}" for value in values)]))
    return ("\n".join(lines) + "\n").encode()


def npz_bytes(table: CurveTable) -> bytes:
    """A compressed NPZ file with an array per column, and `frame_rate`, `f0_hz` and `name`; no pickles."""
    data = io.BytesIO()
    about = {"frame_rate": np.array(table.frame_rate), "f0_hz": np.array(table.f0_hz), "name": np.array(table.name)}
    columns = table.columns()
    if clash := sorted(about.keys() & columns.keys()):
        raise DataError(f"a column must have another name than what describes the table; got {', '.join(clash)}")
    arrays: Mapping[str, ndarray] = {**columns, **about}
    np.savez_compressed(data, allow_pickle=False, **arrays)
    return data.getvalue()


def arrow_bytes(table: CurveTable) -> bytes:
    """An Arrow IPC file (Feather, version 2) with `frame_rate`, `f0_hz` and `name` in the metadata of its schema."""
    about = {"frame_rate": repr(float(table.frame_rate)), "f0_hz": repr(float(table.f0_hz)), "name": table.name}
    columns = table.columns()
    schema = pa.schema([pa.field(name, pa.float64()) for name in columns], metadata=about)
    data = io.BytesIO()
    with pa.ipc.new_file(data, schema) as writer:
        writer.write_table(pa.table([pa.array(column) for column in columns.values()], schema=schema))
    return data.getvalue()
