"""Inspection of the files of a sound folder: whether each can be used, with what remarks, and its pitch and group.

Files are checked by several threads, since decoding, hashing and pitch tracking run outside Python. Checks are cached
(core.data.inspection_cache), so a changed or new file costs only itself.
"""

import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.data.inspection_cache import InspectionCache, State, file_state
from core.data.metadata import METADATA_NAME, Metadata, read_metadata
from core.data.pitch import patch_in_name, pitch_in_name
from core.data.scan_progress import report
from core.data.sound_check import SoundCheck, check_sound
from core.settings.audio import AudioConfig
from core.settings.value_rules import printable
from core.sound_files import name_in
from core.storage.records import DataIssue

PitchSource = Literal["metadata", "file name", "tracked"]
"""Where the pitch of a file comes from."""
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


def inspect_files(
    folder: Path, paths: Sequence[Path], audio_config: AudioConfig
) -> tuple[tuple[FileInspection, ...], list[DataIssue]]:
    """The inspection of each sound, in order, and an issue for each file in the metadata that is not in the folder.

    Raises:
        DataError: `metadata.csv` is damaged, or a column or value is missing.
    """
    metadata = read_metadata(folder / METADATA_NAME)
    names = _names(folder, paths)
    named_hz = {name: metadata.get(name, Metadata()).f0_hz or pitch_in_name(path.stem) for name, path in names.items()}
    checks = _checks(folder, names, {name: named_hz[name] is None for name in names}, audio_config.duration_s)
    inspections = tuple(
        _inspection(folder, path, name, metadata.get(name, Metadata()), checks[name]) for name, path in names.items()
    )
    return inspections, _unknown_files([name for name in metadata if name not in names])


def _names(folder: Path, paths: Sequence[Path]) -> dict[str, Path]:
    """The files by printable name; if two have the same one, which takes a name with escapes in it, one is marked."""
    names: dict[str, Path] = {}
    for path in paths:
        name = name_in(folder, path)
        while name in names:
            name += "'"
        names[name] = path
    return names


def _inspection(folder: Path, path: Path, name: str, listed: Metadata, check: SoundCheck) -> FileInspection:
    """What is known of a file: the pitch is that of the metadata, else of the file name, else of the tracker."""
    patch = patch_in_name(path.stem)
    patch_or_file = printable(f"{path.parent.relative_to(folder).as_posix()}/{patch}").removeprefix("./")
    f0_hz: float | None = None
    source: PitchSource | None = None
    if check.problem is None:
        if listed.f0_hz is not None:
            f0_hz, source = listed.f0_hz, "metadata"
        elif (hz_in_name := pitch_in_name(path.stem)) is not None:
            f0_hz, source = hz_in_name, "file name"
        elif check.f0_hz is not None:
            f0_hz, source = check.f0_hz, "tracked"
    return FileInspection(
        path=path,
        file=name,
        sha256=check.sha256,
        sample_rate=check.sample_rate,
        group=listed.group or (patch_or_file if patch else name),
        problem=check.problem,
        remarks=check.remarks,
        f0_hz=f0_hz,
        pitch_source=source,
        lfo_hz=listed.lfo_hz,
    )


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
