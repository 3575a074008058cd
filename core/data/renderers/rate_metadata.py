"""`metadata.csv` of rendered sounds with a declared LFO rate, which the data source `audio_folder` reads.

Beside the columns of core.data.metadata it has what the LFO moves, its form, phase, smallest and largest value
(core.data.periodic_lfo), other settings of the patch, and the hash of the sound.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from core.data.metadata import MAX_BYTES, METADATA_NAME
from core.data.periodic_lfo import PeriodicLfo
from core.regular_files import read_regular
from core.storage.atomic_write import write_atomically

COLUMNS = (
    *("file", "f0_hz", "group", "lfo_hz"),
    *("target", "lfo_form", "lfo_phase", "lfo_low", "lfo_high", "patch_settings", "sha256"),
)
"""Columns of the file, of which the data source reads those of the first line."""


def metadata_row(
    *, file: str, f0_hz: float, group: str, lfo: PeriodicLfo | None, patch_settings: str, sha256: str
) -> dict[str, str]:
    """The row of a sound, with empty cells for an LFO that it lacks."""
    row = dict.fromkeys(COLUMNS, "") | {"file": file, "f0_hz": f"{f0_hz:.6g}", "group": group}
    row |= {"patch_settings": patch_settings, "sha256": sha256}
    if lfo is not None:
        row |= {"lfo_hz": f"{lfo.rate_hz:.6g}", "target": lfo.target, "lfo_form": lfo.form}
        row |= {"lfo_phase": f"{lfo.phase:.6g}", "lfo_low": f"{lfo.low:.6g}", "lfo_high": f"{lfo.high:.6g}"}
    return row


def write_rows(folder: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write `metadata.csv`; it appears only when complete."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / METADATA_NAME, text.getvalue().encode())


def recorded_hashes(folder: Path) -> dict[str, str] | None:
    """Hash of each sound by file name; None if the file is damaged."""
    try:
        text = read_regular(folder / METADATA_NAME, MAX_BYTES).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    if any(not row.get("file") or not row.get("sha256") for row in rows):
        return None
    return {row["file"]: row["sha256"] for row in rows}
