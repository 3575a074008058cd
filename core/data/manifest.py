"""The manifest of a folder of rendered sounds: one row a file, with the exact curves that shaped it.

A Parquet file `manifest.parquet`, written last: a folder without it is not finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError
from core.modulations import modulation_names
from core.settings.data import RendersConfig
from core.storage.atomic_write import atomic_path

MANIFEST_NAME = "manifest.parquet"
SCHEMA_VERSION = 1
_VERSION_KEY = b"modstudy.renders.version"

MODULATIONS = modulation_names(RendersConfig.modulations)
_CURVE = pa.list_(pa.float32())
_DRAWN = pa.struct([("points", pa.list_(pa.float64())), ("powers", pa.list_(pa.float64()))])
SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), metadata={"doc": "sound, relative to the manifest"}),
        pa.field("sha256", pa.string(), metadata={"doc": "hash of the sound file's bytes"}),
        pa.field("patch", pa.string(), metadata={"doc": "sounds of one patch are never split"}),
        pa.field("f0_hz", pa.float64(), metadata={"doc": "pitch", "unit": "Hz"}),
        pa.field("sample_rate", pa.int64(), metadata={"doc": "of the sound", "unit": "Hz"}),
        pa.field("duration_s", pa.float64(), metadata={"doc": "length of the sound and of the curves", "unit": "s"}),
        pa.field(
            "frame_rate", pa.float64(), metadata={"doc": "of the curves; the first value is at 0 s", "unit": "Hz"}
        ),
        *(pa.field(s, _CURVE, metadata={"doc": f"true {s} curve in its parameter's own 0..1"}) for s in MODULATIONS),
        *(
            pa.field(f"{s}_drawn", _DRAWN, metadata={"doc": f"{s}: points x0, y0, x1, y1, ... and powers"})
            for s in MODULATIONS
        ),
        pa.field("seed", pa.int64(), metadata={"doc": "seed of the whole folder"}),
        pa.field("patch_settings", pa.string(), metadata={"doc": "what else tells the patch from others, as JSON"}),
    ],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFile:
    """One row."""

    file: str
    sha256: str
    patch: str
    f0_hz: float
    sample_rate: int
    duration_s: float
    frame_rate: float
    curves: Float[ndarray, "modulation frame"]
    """In the order of `RendersConfig.modulations`."""


def write_manifest(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of `SCHEMA`, all or none."""
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), temporary)


def read_manifest(path: Path) -> tuple[RenderedFile, ...]:
    """The rows of a manifest, in order.

    Raises:
        DataError: it is missing, damaged, or of another version.
    """
    if not path.is_file():
        raise DataError(
            f"data.folder must be a finished folder of `modstudy render` with its {MANIFEST_NAME}; {path.parent} has "
            "none; render it (the same command completes an interrupted one)"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; render the folder anew") from error
    version = (table.schema.metadata or {}).get(_VERSION_KEY, b"?").decode()
    if version != str(SCHEMA_VERSION):
        raise DataError(
            f"{path} has manifest version {version}, this modstudy reads {SCHEMA_VERSION}; render the folder anew"
        )
    return tuple(
        RenderedFile(
            file=row["file"],
            sha256=row["sha256"],
            patch=row["patch"],
            f0_hz=row["f0_hz"],
            sample_rate=row["sample_rate"],
            duration_s=row["duration_s"],
            frame_rate=row["frame_rate"],
            curves=np.array([row[modulation] for modulation in MODULATIONS], np.float32),
        )
        for row in table.to_pylist()
    )
