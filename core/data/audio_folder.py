"""A folder of recorded notes as clips: what can be used, at which pitch, and why the rest cannot.

The pitch of a file comes from the folder's `metadata.csv` (columns `file`, `f0_hz` or `note`, optionally `group`), else
from its name, else from the tracker (core.data.pitch). Files that belong together share a group, which a split never
parts: the metadata's group, else the patch before `_PITCH-VELOCITY` in the name, else the file itself.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from core.config import AudioFolderConfig, SignalConfig
from core.data.clips import Clips, Dataset
from core.data.folder_facts import FileFacts, PitchSource, folder_facts
from core.data.sound_files import SUFFIXES, clip_ids, find_sounds, fit_clip, read_mono
from core.data.splits import split_by_group
from core.errors import ConfigError, DataError
from core.results import DataNotice

CLIP_PEAK = 0.9
Source = PitchSource | Literal["assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedFile:
    """A usable sound."""

    file: str
    """Path below the folder, with forward slashes."""
    f0_hz: float
    pitch_source: Source
    group: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScan:
    """What a folder holds, for a trial and for a reader."""

    files: tuple[ScannedFile, ...]
    notices: tuple[DataNotice, ...]
    sha256: str
    """Over the names, contents, pitches and groups of the usable files."""
    summary: dict[str, Any]


def scan_folder(config: AudioFolderConfig, signal: SignalConfig) -> FolderScan:
    """Look at every sound of a folder; what is known of unchanged files is taken from the user's cache.

    Raises:
        ConfigError: no folder is set.
        DataError: the folder is missing, has no sound, or leaves fewer usable files than `min_files`.
    """
    folder = _folder(config)
    paths = find_sounds(folder)
    if not paths:
        raise DataError(
            f"data.folder must hold sound files ({', '.join(SUFFIXES)}); {folder} has none; name another folder"
        )
    files: list[ScannedFile] = []
    facts, notices = folder_facts(folder, paths, signal)
    contents: dict[str, str] = {}
    for fact in facts:
        problem = fact.problem
        if problem is None and fact.sha256 in contents:
            problem = f"the same file as {contents[fact.sha256]}"
        scanned = None if problem else _scanned(fact, config)
        if problem is None and scanned is None:
            problem = "no pitch: none in metadata.csv or in the name, and the tracker found none"
        if scanned is not None and scanned.f0_hz >= signal.sample_rate / 2:
            problem, scanned = f"pitch {scanned.f0_hz:g} Hz is not below half of the sample rate", None
        notices += [DataNotice(source=fact.file, problem=remark, skipped=False) for remark in fact.remarks if scanned]
        if scanned is None:
            notices.append(DataNotice(source=fact.file, problem=problem or "", skipped=True))
        else:
            contents[scanned.sha256] = scanned.file
            files.append(scanned)
    if len(files) < config.min_files:
        raise DataError(_too_few(folder, len(paths), files, notices, config))
    split_by_group(
        [file.group for file in files],
        validation_share=config.validation_share,
        test_share=config.test_share,
        seed=config.seed,
    )
    return FolderScan(
        files=tuple(files), notices=tuple(notices), sha256=_sha256(files), summary=_summary(len(paths), files, notices)
    )


def scan_planned_folder(config: AudioFolderConfig, signal: SignalConfig) -> FolderScan:
    """
    Raises:
        ConfigError, DataError: as `scan_folder`, or the folder is not what the resolved config was made from.
    """
    scan = scan_folder(config, signal)
    if config.manifest_sha256 not in (None, scan.sha256):
        raise DataError(
            f"the sounds in {config.folder} are not those the trial was planned with; "
            "bring them back, or plan a new study on the folder as it is"
        )
    return scan


def load_folder(config: AudioFolderConfig, signal: SignalConfig) -> Dataset:
    """The usable sounds of a folder in three splits.

    Each is mixed to mono, resampled, cut or zero-padded from its start to the clip length, and scaled to a peak of 0.9.

    Raises:
        ConfigError, DataError: as `scan_planned_folder`.
    """
    scan = scan_planned_folder(config, signal)
    ids = clip_ids(file.file for file in scan.files)
    clips = []
    for file in scan.files:
        audio, sample_rate = read_mono(_folder(config) / file.file, signal.duration_s + 0.1)
        clip = fit_clip(audio, sample_rate, to_sample_rate=signal.sample_rate, n_samples=signal.n_samples)
        clips.append(clip * (CLIP_PEAK / clip.abs().max().clamp(min=1e-9)))
    everything = Clips(
        ids=ids,
        audio=torch.stack(clips),
        f0_hz=torch.tensor([file.f0_hz for file in scan.files]),
        q=torch.zeros(len(clips)),
        modulation=None,
    )
    splits = split_by_group(
        [file.group for file in scan.files],
        validation_share=config.validation_share,
        test_share=config.test_share,
        seed=config.seed,
    )
    return Dataset(
        train=everything[torch.tensor(splits.train)],
        validation=everything[torch.tensor(splits.validation)],
        test=everything[torch.tensor(splits.test)],
    )


# ---------------------------------------------------------------------------------------------------------------------


def _folder(config: AudioFolderConfig) -> Path:
    if not config.folder:
        raise ConfigError("data.folder is not set; name a folder of sounds, as in --set data.folder=DIR")
    folder = Path(config.folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"data.folder must be a folder; there is none at {folder}; check the path")
    return folder


def _scanned(fact: FileFacts, config: AudioFolderConfig) -> ScannedFile | None:
    source: Source
    if fact.f0_hz is not None and fact.pitch_source is not None:
        f0_hz, source = fact.f0_hz, fact.pitch_source
    elif config.unpitched == "assume":
        f0_hz, source = config.assumed_f0_hz, "assumed"
    else:
        return None
    return ScannedFile(file=fact.file, f0_hz=f0_hz, pitch_source=source, group=fact.group, sha256=fact.sha256)


def _sha256(files: list[ScannedFile]) -> str:
    lines = "".join(f"{file.file}\0{file.sha256}\0{file.f0_hz!r}\0{file.group}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _summary(n_found: int, files: list[ScannedFile], notices: list[DataNotice]) -> dict[str, Any]:
    return {
        "kind": "audio_folder",
        "n_found": n_found,
        "n_usable": len(files),
        "n_skipped": n_found - len(files),
        "n_remarked": len({notice.source for notice in notices if not notice.skipped}),
        "n_groups": len({file.group for file in files}),
        "pitch_source": dict(sorted(Counter(file.pitch_source for file in files).items())),
        "min_f0_hz": min(file.f0_hz for file in files),
        "max_f0_hz": max(file.f0_hz for file in files),
    }


def _too_few(
    folder: Path, n_found: int, files: list[ScannedFile], notices: list[DataNotice], config: AudioFolderConfig
) -> str:
    reasons = Counter(notice.problem.partition(":")[0] for notice in notices if notice.skipped)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "nothing was skipped"
    hint = "add sounds or lower data.min_files"
    if reasons["no pitch"]:
        hint += ", tell pitches by metadata.csv or file names, or set data.unpitched=assume"
    return (
        f"data.min_files asks for {config.min_files} usable sounds; {folder} has {len(files)} of {n_found} "
        f"({why}); {hint}"
    )
