"""Choice of the files of a sound folder that are used, with their pitches, groups and clips.

Of files with the same bytes one is used: one that the metadata list, else one with a note in its name, else the first,
so that a copy does not take the place of its original.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from core.data.file_inspection import FileInspection, PitchSource
from core.data.grouping import Groupable, Grouped, group_files
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.sound_files import resampling_problem

Source = PitchSource | Literal["assumed"]
"""Where the pitch of a usable file comes from."""
_MIN_GROUPS = 3
"""Smallest number of groups from which splits can be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedFile:
    """A usable sound file with its pitch and group."""

    path: Path
    file: str
    """Path below the folder, with forward slashes; characters that cannot be printed are escaped."""
    f0_hz: float
    pitch_source: Source
    group: str
    sha256: str
    lfo_hz: float | None
    """Declared rate of its LFO; None if none is."""
    clip_starts_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Usable files, and why the others are not."""

    files: tuple[ScannedFile, ...]
    problems: dict[str, str]
    """Why a file is not used, by its name."""
    grouped: dict[str, Grouped]
    """Groups of all files that can be read, by name."""
    is_by_file: bool
    """Whether patches in the names do not count, because there are too few to split them."""


def choose_files(inspections: Sequence[FileInspection], config: AudioFolderConfig, audio_config: AudioConfig) -> Choice:
    """The usable files in order, each with its group."""
    grouped = _grouped(inspections)
    files, problems = list[ScannedFile](), dict[str, str]()
    kept = _kept_copies(inspections)
    for inspection in inspections:
        if inspection.problem is not None:
            problems[inspection.file] = inspection.problem
        elif kept[inspection.sha256] != inspection.file:
            problems[inspection.file] = f"the same file as {kept[inspection.sha256]}"
        else:
            file = _usable_file(inspection, grouped[inspection.file].group, config, audio_config)
            if isinstance(file, str):
                problems[inspection.file] = file
            else:
                files.append(file)
    is_by_file = False
    if len({file.group for file in files}) < _MIN_GROUPS:
        by_file = _grouped(inspections, by_name=False)
        if len({by_file[file.file].group for file in files}) >= _MIN_GROUPS:
            grouped, is_by_file = by_file, True
            files = [replace(file, group=by_file[file.file].group) for file in files]
    return Choice(files=tuple(files), problems=problems, grouped=grouped, is_by_file=is_by_file)


def _grouped(inspections: Sequence[FileInspection], *, by_name: bool = True) -> dict[str, Grouped]:
    """Groups of the files that can be read, by name; copies that are not used join the groups of their originals."""
    readable = [inspection for inspection in inspections if inspection.problem is None]
    groupable = [
        Groupable(
            file=inspection.file,
            listed=inspection.listed_group,
            patch=inspection.patch,
            fingerprint=inspection.fingerprint,
        )
        for inspection in readable
    ]
    return dict(zip((file.file for file in readable), group_files(groupable, by_name=by_name), strict=True))


def _kept_copies(inspections: Sequence[FileInspection]) -> dict[str, str]:
    """The file that is used of those with the same bytes, by their hash."""
    best: dict[str, FileInspection] = {}
    for inspection in inspections:
        known = best.get(inspection.sha256)
        if inspection.problem is None and (known is None or _labels(inspection) > _labels(known)):
            best[inspection.sha256] = inspection
    return {sha256: inspection.file for sha256, inspection in best.items()}


def _labels(inspection: FileInspection) -> tuple[bool, bool, bool]:
    """How well a file is labelled, by metadata or else by its name."""
    return inspection.pitch_source == "metadata", inspection.listed_group is not None, inspection.patch is not None


def _usable_file(
    inspection: FileInspection, group: str, config: AudioFolderConfig, audio_config: AudioConfig
) -> ScannedFile | str:
    """The file with its pitch, possibly assumed, or why it cannot be used."""
    starts_s = _clip_starts_s(inspection, config.clips_per_file, audio_config.duration_s)
    if not starts_s:
        return inspection.silence or "silent: all of it stays below -60 dB of full scale"
    source: Source
    if inspection.f0_hz is not None and inspection.pitch_source is not None:
        f0_hz, source = inspection.f0_hz, inspection.pitch_source
    elif config.unpitched == "assume":
        f0_hz, source = config.assumed_f0_hz, "assumed"
    else:
        return "no pitch: none in metadata.csv or in the name, and the tracker found none"
    if odd_rate := resampling_problem(inspection.sample_rate, audio_config.sample_rate):
        return odd_rate
    if f0_hz >= audio_config.sample_rate / 2:
        return f"pitch {f0_hz:g} Hz is not below half of the sample rate"
    return ScannedFile(
        path=inspection.path,
        file=inspection.file,
        f0_hz=f0_hz,
        pitch_source=source,
        group=group,
        sha256=inspection.sha256,
        lfo_hz=inspection.lfo_hz,
        clip_starts_s=starts_s,
    )


def _clip_starts_s(inspection: FileInspection, n_most: int, duration_s: float) -> tuple[float, ...]:
    """Where the clips of a file begin; empty if they would be silent.

    A file has one clip at its start, or several, one after another, of which the last is at least half full. If more
    than `n_most` are not silent, those that are used are spread evenly over them.
    """
    if n_most == 1:
        return () if inspection.silence else (0.0,)
    n_clips = max(1, round(inspection.duration_s / duration_s))
    silent = set(inspection.silent_clips)
    audible = [clip for clip in range(n_clips) if clip not in silent]
    if len(audible) > n_most:
        audible = [audible[number * len(audible) // n_most] for number in range(n_most)]
    return tuple(round(clip * duration_s, 6) for clip in audible)
