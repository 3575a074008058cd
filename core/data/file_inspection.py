"""Inspection of the files of a sound folder: whether each is readable, silent or clipped, and its pitch.

Results are cached in the user's cache folder, one JSON file per state of a folder; a missing or damaged one
is recreated.
"""

import csv
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from jaxtyping import Float
from numpy import ndarray
from pydantic import TypeAdapter, ValidationError

from core.cache_folder import cache_folder
from core.data.pitch import TRACKED_S, note_to_hz, patch_in_name, pitch_in_name, track_pitch
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.sound_files import read_mono
from core.storage.atomic_write import write_atomically
from core.storage.records import DataIssue

METADATA_NAME = "metadata.csv"
"""File in a sound folder that lists pitch or note, and optionally a group and the rate of an LFO, of its files."""
SILENT_BELOW = 1e-3
"""A clip whose peak stays below this (-60 dB of full scale) is silent."""
CLIPPED_RUN = 8
"""A file with this many consecutive samples at full scale is clipped."""
PitchSource = Literal["metadata", "file name", "tracked"]
"""Where the pitch of a file comes from."""
_LOG = logging.getLogger(__name__)
_VERSION = 2
"""Incremented when the inspection of an unchanged file gives another result."""
_BLOCK = 1 << 18
"""Samples per block when a file is read."""
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ALAC_16": 16, "ALAC_24": 24}
"""Bits per sample by libsndfile's subtype; full scale of other subtypes (float, compressed) is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInspection:
    """Result of inspecting one file, independent of the settings."""

    file: str
    """Path below the folder, with forward slashes."""
    sha256: str
    group: str
    """Files of the same group are in the same split."""
    problem: str | None
    """Why the file cannot be used; None if it can."""
    remarks: tuple[str, ...]
    """Problems that do not prevent its use."""
    f0_hz: float | None
    """Pitch; None if unknown."""
    pitch_source: PitchSource | None
    lfo_hz: float | None
    """Rate of the LFO as listed in the metadata; None if none is."""


@dataclass(frozen=True, slots=True)
class _Metadata:
    """Entry of a file in `metadata.csv`."""

    f0_hz: float | None = None
    group: str | None = None
    lfo_hz: float | None = None


_INSPECTIONS_ADAPTER: TypeAdapter[tuple[FileInspection, ...]] = TypeAdapter(tuple[FileInspection, ...])


def inspect_files(
    folder: Path, paths: Sequence[Path], audio_config: AudioConfig
) -> tuple[tuple[FileInspection, ...], list[DataIssue]]:
    """The inspection of each sound, in order, and an issue for each file in the metadata that is not in the folder.

    Raises:
        DataError: `metadata.csv` is damaged, or a column or value is missing.
    """
    metadata = _read_metadata(folder / METADATA_NAME)
    names = {path.relative_to(folder).as_posix() for path in paths}
    issues = [
        DataIssue(source=name, problem=f"listed in {METADATA_NAME}, but there is no such sound file", skipped=True)
        for name in metadata
        if name not in names
    ]
    cache = _cache_file(folder, paths, audio_config)
    inspections = _read_cache(cache)
    if inspections is None:
        inspections = tuple(_inspect_file(folder, path, metadata, audio_config) for path in paths)
        _write_cache(cache, inspections)
    return inspections, issues


def _inspect_file(
    folder: Path, path: Path, metadata: dict[str, _Metadata], audio_config: AudioConfig
) -> FileInspection:
    """Inspect one file."""
    name = path.relative_to(folder).as_posix()
    listed = metadata.get(name, _Metadata())
    patch = patch_in_name(path.stem)
    patch_or_file = f"{path.parent.relative_to(folder).as_posix()}/{patch}".removeprefix("./") if patch else name
    sha256, problem, clipped = "", None, False
    f0_hz: float | None = None
    source: PitchSource | None = None
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        finite, clipped = _check_samples(path)
        audio, sample_rate = read_mono(path, max(audio_config.duration_s, TRACKED_S))
        clip = audio[: round(audio_config.duration_s * sample_rate)]
        if not finite:
            problem = "broken: contains NaN or infinite samples"
        elif audio.size == 0:
            problem = "empty: holds no samples"
        elif np.abs(clip).max() < SILENT_BELOW:
            problem = f"silent: its first {audio_config.duration_s:g} s stay below -60 dB of full scale"
        else:
            f0_hz, source = _pitch(path, listed, audio, sample_rate)
    except (soundfile.LibsndfileError, OSError) as error:
        problem = f"unreadable: {_reason(error)}"
    return FileInspection(
        file=name,
        sha256=sha256,
        group=listed.group or patch_or_file,
        problem=problem,
        remarks=(f"clipped: {CLIPPED_RUN} or more consecutive samples at full scale",) if clipped else (),
        f0_hz=f0_hz,
        pitch_source=source,
        lfo_hz=listed.lfo_hz,
    )


def _pitch(
    path: Path, listed: _Metadata, audio: Float[ndarray, " sample"], sample_rate: int
) -> tuple[float | None, PitchSource | None]:
    """The pitch in Hz and its source: metadata, else file name, else tracker; None if there is none."""
    if listed.f0_hz is not None:
        return listed.f0_hz, "metadata"
    if (hz_in_name := pitch_in_name(path.stem)) is not None:
        return hz_in_name, "file name"
    if (tracked_hz := track_pitch(audio, sample_rate)) is not None:
        return tracked_hz, "tracked"
    return None, None


def _reason(error: Exception) -> str:
    """Why a file cannot be read, without its path."""
    if isinstance(error, soundfile.LibsndfileError):
        return str(error.error_string).strip().rstrip(".")
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)


def _check_samples(path: Path) -> tuple[bool, bool]:
    """Whether all samples of a file are finite, and whether any channel is clipped."""
    finite, clipped = True, False
    with soundfile.SoundFile(path) as file:
        bits = _BITS.get(file.subtype)
        full_scale = 1.0 - 2.0 ** (1 - bits) if bits else 1.0
        n_read = 0
        for block in file.blocks(_BLOCK, overlap=CLIPPED_RUN - 1, dtype="float64", always_2d=True):
            n_read += len(block)
            finite = finite and bool(np.isfinite(block).all())
            clipped = clipped or _has_run(block >= full_scale) or _has_run(block <= -full_scale)
        if n_read < file.frames:
            raise OSError(None, f"its header announces {file.frames} samples, but it ends after {n_read}")
    return finite, clipped


def _has_run(at_full_scale: np.ndarray) -> bool:
    """Whether any column holds `CLIPPED_RUN` true values in a row."""
    if len(at_full_scale) < CLIPPED_RUN or not at_full_scale.any():
        return False
    counts = np.cumsum(np.pad(at_full_scale.astype(np.int64), ((1, 0), (0, 0))), axis=0)
    return bool((counts[CLIPPED_RUN:] - counts[:-CLIPPED_RUN] == CLIPPED_RUN).any())


def _read_metadata(path: Path) -> dict[str, _Metadata]:
    """The rows of `metadata.csv` by file name; empty if there is no such file."""
    if not path.is_file():
        return {}
    rule = f"{path} needs the columns file and f0_hz or note, and may have group and lfo_hz"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [column.strip() for column in reader.fieldnames or []]
            if "file" not in columns or not {"f0_hz", "note", "group", "lfo_hz"} & set(columns):
                raise DataError(f"{rule}; got {', '.join(columns) or 'nothing'}; correct its first line")
            reader.fieldnames = columns
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{rule}; it cannot be read: {error}; save it as UTF-8 text with commas") from error
    metadata = {}
    for number, row in enumerate(rows, start=2):
        cells = {key: (value or "").strip() for key, value in row.items() if isinstance(value, str | None)}
        name = cells.get("file", "").replace("\\", "/").removeprefix("./")
        if not name:
            raise DataError(f"{path}, line {number}: every row names its file; got an empty one; fill or remove it")
        metadata[name] = _Metadata(
            f0_hz=_listed_pitch(path, number, cells),
            group=cells.get("group") or None,
            lfo_hz=_listed_hz(path, number, cells, "lfo_hz"),
        )
    return metadata


def _listed_pitch(path: Path, number: int, cells: dict[str, str]) -> float | None:
    """The pitch in Hz in a row of `metadata.csv`, None if it has none; `number` is the line, for error messages."""
    if (f0_hz := _listed_hz(path, number, cells, "f0_hz")) is not None:
        return f0_hz
    if text := cells.get("note", ""):
        note_hz = note_to_hz(text)
        if note_hz is None:
            raise DataError(
                f"{path}, line {number}: a note is a name such as C#3 or Bb2 (C4 is MIDI 60) or a MIDI number; "
                f"got {text!r}; correct it or leave it empty"
            )
        return note_hz
    return None


def _listed_hz(path: Path, number: int, cells: dict[str, str], column: str) -> float | None:
    """The frequency in a column of a row of `metadata.csv`, None if it is empty."""
    text = cells.get(column, "")
    if not text:
        return None
    try:
        hz = float(text)
    except ValueError:
        hz = float("nan")
    if not 0 < hz < float("inf"):
        raise DataError(f"{path}, line {number}: {column} is above 0 Hz; got {text!r}; correct it or leave it empty")
    return hz


def _cache_file(folder: Path, paths: Sequence[Path], audio_config: AudioConfig) -> Path:
    """Cache file for the current state of a folder: sizes and times of its files, and the length of the clips."""
    metadata = folder / METADATA_NAME
    stats = [(path, path.stat()) for path in [*paths, *([metadata] if metadata.is_file() else [])]]
    state = {
        "version": _VERSION,
        "folder": str(folder.resolve()),
        "files": [(path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in stats],
        "duration_s": audio_config.duration_s,
    }
    return cache_folder() / "scans" / f"{hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]}.json"


def _read_cache(path: Path) -> tuple[FileInspection, ...] | None:
    try:
        return _INSPECTIONS_ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        _LOG.debug("no scan in %s: %s", path, error)
        return None


def _write_cache(path: Path, inspections: tuple[FileInspection, ...]) -> None:
    try:
        write_atomically(path, _INSPECTIONS_ADAPTER.dump_json(inspections))
    except OSError as error:
        _LOG.warning("the scan cannot be cached in %s: %s", path.parent, error)
