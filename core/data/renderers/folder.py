"""Filling a folder with rendered takes so that it can be interrupted, completed, checked, and never mixed up.

`render.json` goes in first and says what the folder is for; each sound appears under its name only when whole; the
manifest comes last.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo
from core.data.manifest import MANIFEST_NAME, read_manifest, write_manifest
from core.errors import DataError
from core.storage.atomic_write import atomic_path, write_atomically

SETTINGS_NAME = "render.json"
FRAME_RATE = 500.0
"""Frames per second of the kept curves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSummary:
    """What a call of a renderer did."""

    folder: Path
    n_files: int
    n_rendered: int
    """Files that this call made; the others were there from an earlier one."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One sound to render, and what is known of it."""

    patch: str
    f0_hz: float
    lfos: Mapping[str, DrawnLfo]
    """By modulation: add, sub, env."""
    patch_settings: dict[str, Any]
    render: Callable[[], Float[ndarray, " sample"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """Everything that decides the sounds of a folder."""

    renderer: str
    recipe: int
    """Raised by the renderer whenever the same seed would give other sounds."""
    n: int
    seed: int
    sample_rate: int
    duration_s: float
    wavetable: str
    wavetable_sha256: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).__slots__}


def fill_folder(
    out: Path,
    settings: RenderSettings,
    take: Callable[[int], Take],
    on_progress: Callable[[int, int], None] | None = None,
) -> RenderSummary:
    """Render the takes that a folder lacks, as 24-bit mono wavs, and write its manifest.

    A folder of the same settings is completed, and where its manifest is there already, each sound is checked against
    it and rendered anew if it was altered. `on_progress` gets the takes done and to do.

    Raises:
        DataError: the folder holds something else, or cannot be written.
    """
    started = time.monotonic()
    _claim(out, settings)
    made = _made(out)
    rows, n_rendered = [], 0
    for number in range(settings.n):
        planned = take(number)
        path = out / f"{settings.renderer}_{number:05d}.wav"
        # Without a manifest a file that stands under its final name is whole; with one it must be what was rendered.
        if not path.is_file() or made.get(path.name, _sha256(path)) != _sha256(path):
            _write_wav(path, planned.render(), settings.sample_rate)
            n_rendered += 1
        rows.append(_row(path, planned, settings))
        if on_progress is not None:
            on_progress(number + 1, settings.n)
    write_manifest(out / MANIFEST_NAME, rows)
    return RenderSummary(folder=out, n_files=settings.n, n_rendered=n_rendered, seconds=time.monotonic() - started)


# ---------------------------------------------------------------------------------------------------------------------


def _claim(out: Path, settings: RenderSettings) -> None:
    """Make the folder this render's own, or refuse one that is something else's."""
    wanted = settings.as_dict()
    marker = out / SETTINGS_NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        if marker.is_file():
            found = json.loads(marker.read_text(encoding="utf-8"))
            if found != wanted:
                differing = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
                raise DataError(
                    f"a folder holds one render, and {out} has another one (it differs in {', '.join(differing)}); "
                    "choose another folder or remove it"
                )
            return
        if any(not path.name.startswith(".") for path in out.iterdir()):
            raise DataError(f"a render needs an empty folder; {out} holds something else; choose another folder")
        write_atomically(marker, json.dumps(wanted, indent=1).encode())
    except (OSError, ValueError) as error:
        raise DataError(f"cannot render into {out}: {error}; choose another folder") from error


def _made(out: Path) -> dict[str, str]:
    """The hash of each sound by name, as a finished folder's manifest tells."""
    manifest = out / MANIFEST_NAME
    return {row.file: row.sha256 for row in read_manifest(manifest)} if manifest.is_file() else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_wav(path: Path, audio: Float[ndarray, " sample"], sample_rate: int) -> None:
    peak = float(np.abs(audio).max())
    if not peak < 1:
        raise DataError(f"the sound for {path.name} has a peak of {peak:g}, which a 24-bit file cannot hold")
    with atomic_path(path) as temporary:
        # Not float: libsndfile would write the time of day into the file.
        soundfile.write(temporary, audio, sample_rate, subtype="PCM_24", format="WAV")


def _row(path: Path, take: Take, settings: RenderSettings) -> dict[str, object]:
    n_frames = int(settings.duration_s * FRAME_RATE + 1e-6) + 1
    at = np.arange(n_frames) / FRAME_RATE / settings.duration_s
    row: dict[str, object] = {
        "file": path.name,
        "sha256": _sha256(path),
        "patch": take.patch,
        "f0_hz": take.f0_hz,
        "sample_rate": settings.sample_rate,
        "duration_s": settings.duration_s,
        "frame_rate": FRAME_RATE,
        "seed": settings.seed,
        "patch_settings": json.dumps(take.patch_settings),
    }
    for modulation, lfo in take.lfos.items():
        row[modulation] = lfo.at(at).astype(np.float32)
        row[f"{modulation}_drawn"] = {
            "points": [value for point in lfo.points for value in point],
            "powers": lfo.powers,
        }
    return row
