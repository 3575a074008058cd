"""Manifest of a folder of rendered sounds: a Parquet file with one row per sound and its exact modulation curves.

`manifest.parquet` is written last: a folder without it is incomplete.
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
"""Name of the manifest in its folder."""
SCHEMA_VERSION = 1
"""Incremented when columns change."""
_VERSION_KEY = b"modstudy.renders.version"
"""Key of the schema version in the metadata of a manifest."""

MODULATIONS = modulation_names(RendersConfig.modulations)
"""Names of the curves in a manifest, in order."""
_CURVE = pa.list_(pa.float32())
_LFO = pa.struct([("points", pa.list_(pa.float64())), ("powers", pa.list_(pa.float64()))])
SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), metadata={"doc": "sound, relative to the manifest"}),
        pa.field("sha256", pa.string(), metadata={"doc": "hash of the sound file's bytes"}),
        pa.field(
            "patch", pa.string(), metadata={"doc": "patch of the sound; all sounds of a patch are in the same split"}
        ),
        pa.field("f0_hz", pa.float64(), metadata={"doc": "pitch", "unit": "Hz"}),
        pa.field("sample_rate", pa.int64(), metadata={"doc": "sample rate of the sound", "unit": "Hz"}),
        pa.field("duration_s", pa.float64(), metadata={"doc": "length of the sound and of the curves", "unit": "s"}),
        pa.field(
            "frame_rate",
            pa.float64(),
            metadata={"doc": "frames per second of the curves, the first at 0 s", "unit": "Hz"},
        ),
        *(
            pa.field(name, _CURVE, metadata={"doc": f"true {name} curve, as a share of its parameter's range"})
            for name in MODULATIONS
        ),
        *(
            pa.field(f"{name}_drawn", _LFO, metadata={"doc": f"{name}: points x0, y0, x1, y1, ... and powers"})
            for name in MODULATIONS
        ),
        pa.field("seed", pa.int64(), metadata={"doc": "seed of the whole folder"}),
        pa.field("patch_settings", pa.string(), metadata={"doc": "other settings of the patch, as JSON"}),
    ],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
)
"""Columns of a manifest."""


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
    """The rows of a manifest, in order.

    Raises:
        DataError: the manifest is missing, damaged or of another version.
    """
    if not path.is_file():
        raise DataError(
            f"data.folder must be a finished folder of `modstudy render` with its {MANIFEST_NAME}; {path.parent} has "
            "none; render it (the same command completes an interrupted one)"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}; render the folder again") from error
    version = (table.schema.metadata or {}).get(_VERSION_KEY, b"?").decode()
    if version != str(SCHEMA_VERSION):
        raise DataError(
            f"{path} has manifest version {version}, this modstudy reads {SCHEMA_VERSION}; render the folder again"
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
