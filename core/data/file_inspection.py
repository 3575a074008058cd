"""Inspection of the files of a sound folder: whether each can be used, with what remarks, and its pitch and patch.

Files are checked by several threads, since decoding, hashing and pitch tracking run outside Python. Checks are cached
(core.data.inspection_cache), so a changed or new file costs only itself.
"""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.data.file_names import note_in_name
from core.data.inspection_cache import InspectionCache, State, file_state
from core.data.metadata import METADATA_NAME, Metadata, read_metadata
from core.data.scan_progress import report
from core.data.sound_check import SoundCheck, check_sound
from core.settings.audio import AudioConfig
from core.settings.value_rules import printable
from core.sound_files import name_in
from core.storage.records import DataIssue
from core.visible_text import without_formula

PitchSource = Literal["metadata", "file name", "tracked"]
"""Where the pitch of a file comes from."""
ONLY_NOTES = "(only notes)"
"""Patch of files whose names are notes and nothing else, and that are in no folder below the data folder."""
MAX_UNKNOWN = 100
"""Most files of the metadata that are not in the folder that are named one by one."""
_LOG = logging.getLogger(__name__)
_MAX_THREADS = 8
_SAVE_EVERY_S = 10.0
"""Interval at which checks are cached while others run, so that an interrupted scan goes on where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInspection:
    """Result of inspecting one file, independent of the settings."""

    path: Path
    file: str
    """Path below the folder, with forward slashes; characters that cannot be printed are escaped."""
    sha256: str
    sample_rate: int
    """In Hz; 0 if the file cannot be read."""
    duration_s: float
    """0 if the file cannot be read."""
    listed_group: str | None
    """Group in the metadata; None if none is listed."""
    patch: str | None
    """Folder and patch by its name; None if the name has no note."""
    fingerprint: str
    """Empty if the start of the file is silent."""
    silent_clips: tuple[int, ...]
    """Numbers of the clips, one after another from the start, that are silent."""
    silence: str | None
    """How the first clip is silent; None if it is not."""
    problem: str | None
    """Why the file cannot be used; None if it can, but for silence."""
    remarks: tuple[str, ...]
    """Problems that do not prevent its use."""
    f0_hz: float | None
    """Pitch; None if unknown."""
    pitch_source: PitchSource | None
    lfo_hz: float | None
    """Rate of the LFO as listed in the metadata; None if none is."""


def inspect_files(
    folder: Path, paths: Sequence[Path], audio_config: AudioConfig
) -> tuple[tuple[FileInspection, ...], list[DataIssue]]:
    """The inspection of each sound, in order, and an issue for each file in the metadata that is not in the folder.

    Raises:
        DataError: `metadata.csv` is damaged, or a column or value is missing.
    """
    metadata = read_metadata(folder / METADATA_NAME)
    names = _names(folder, paths)
    listed_as = {name: _name_in(metadata, name) for name in names}
    listed = {name: metadata.get(cell, Metadata()) for name, cell in listed_as.items()}
    track = {name: listed[name].f0_hz is None and note_in_name(path.stem) is None for name, path in names.items()}
    checks = _checks(folder, names, track, audio_config.duration_s)
    inspections = tuple(_inspection(folder, path, name, listed[name], checks[name]) for name, path in names.items())
    known = set(listed_as.values())
    return inspections, _unknown_files([name for name in metadata if name not in known])


def _names(folder: Path, paths: Sequence[Path]) -> dict[str, Path]:
    """The files by printable name; if two have the same one, which takes a name with escapes in it, one is marked."""
    names: dict[str, Path] = {}
    for path in paths:
        name = name_in(folder, path)
        while name in names:
            name += "'"
        names[name] = path
    return names


def _name_in(metadata: Mapping[str, Metadata], name: str) -> str:
    """The name by which metadata list a file, also if they were made of `data.csv`, whose cells are no formulas."""
    names = [cell.replace("\\", "/") for cell in (name, without_formula(name))]
    return next((cell for cell in names if cell in metadata), name)


def _inspection(folder: Path, path: Path, name: str, listed: Metadata, check: SoundCheck) -> FileInspection:
    """What is known of a file: the pitch is that of the metadata, else of the file name, else of the tracker."""
    note = note_in_name(path.stem)
    f0_hz: float | None = None
    source: PitchSource | None = None
    if check.problem is None:
        if listed.f0_hz is not None:
            f0_hz, source = listed.f0_hz, "metadata"
        elif note is not None:
            f0_hz, source = note.f0_hz, "file name"
        elif check.f0_hz is not None:
            f0_hz, source = check.f0_hz, "tracked"
    return FileInspection(
        path=path,
        file=name,
        sha256=check.sha256,
        sample_rate=check.sample_rate,
        duration_s=check.duration_s,
        listed_group=listed.group,
        patch=None if note is None else _patch(path.parent.relative_to(folder), note.patch),
        fingerprint=check.fingerprint,
        silent_clips=check.silent_clips,
        silence=check.silence,
        problem=check.problem,
        remarks=check.remarks,
        f0_hz=f0_hz,
        pitch_source=source,
        lfo_hz=listed.lfo_hz,
    )


def _patch(folder: Path, patch: str) -> str:
    """Name of a patch with its folder, which is its name if the files are called by their notes alone."""
    return printable((folder / patch).as_posix() if patch or folder.parts else ONLY_NOTES)


def _checks(folder: Path, names: dict[str, Path], track: dict[str, bool], duration_s: float) -> dict[str, SoundCheck]:
    """The check of each file by name, from the cache where it is unchanged; `track` tells whose pitch is unknown."""
    cache = InspectionCache(folder, duration_s)
    states = {name: file_state(path) for name, path in names.items()}
    found: dict[str, tuple[State | None, SoundCheck]] = {}
    for name in names:
        if (check := cache.get(name, states[name], track=track[name])) is not None:
            found[name] = states[name], check
    missing = [name for name in names if name not in found]
    if not missing:
        cache.replace(found)
        return {name: check for name, (_, check) in found.items()}
    _LOG.info("inspecting %d of %d sounds in %s", len(missing), len(names), printable(folder))
    n_threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)), len(missing))
    saved_at = time.monotonic()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="inspect") as executor:
        waiting = {executor.submit(check_sound, names[name], duration_s, track=track[name]): name for name in missing}
        try:
            for future in as_completed(waiting):
                name = waiting[future]
                found[name] = states[name], future.result()
                report(printable(folder), len(found), len(names))
                if time.monotonic() - saved_at > _SAVE_EVERY_S:
                    cache.replace(found)
                    saved_at = time.monotonic()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
            cache.replace(found)
    return {name: check for name, (_, check) in found.items()}


def _unknown_files(names: Sequence[str]) -> list[DataIssue]:
    """An issue for each file in the metadata that is not in the folder; the last one is for all that are too many."""
    problem = f"listed in {METADATA_NAME}, but there is no such sound file"
    issues = [DataIssue(source=printable(name), problem=problem, skipped=True) for name in names[:MAX_UNKNOWN]]
    if (n_more := len(names) - MAX_UNKNOWN) > 0:
        problem = f"{n_more} more files are listed, but there are no such sound files"
        issues.append(DataIssue(source=METADATA_NAME, problem=problem, skipped=True))
    return issues
