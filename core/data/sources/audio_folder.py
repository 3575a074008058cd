"""Data source: a folder of recordings of single notes, with their pitches and the reasons why files are skipped.

The pitch of a file comes from the folder's `metadata.csv` (columns `file`, `f0_hz` or `note`, optionally `group` and
`lfo_hz`), else from its name, else from the tracker (core.data.pitch). All files of a group are in the same split; the
group of a file is that in the metadata, else the patch before `_PITCH-VELOCITY` in the name, else the file itself.
`lfo_hz` is the rate of the LFO that modulates the sound, against which the rates of recovered curves are compared.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from core.clips import Clips, Dataset
from core.data.base import DataSource, SourceScan, existing_folder
from core.data.file_inspection import FileInspection, PitchSource, inspect_files
from core.data.splits import Splits, split_by_group
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.settings.value_rules import printable
from core.sound_decoding import SoundFileError, read_mono
from core.sound_files import SUFFIXES, clip_ids, find_sounds, fit_clip, resampling_problem
from core.storage.records import DataIssue

CLIP_PEAK = 0.9
"""Largest magnitude of each clip."""
Source = PitchSource | Literal["assumed"]
"""Where the pitch of a usable file comes from."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScan(SourceScan):
    """Scan of a folder of recordings; the hash covers names, contents, pitches, groups and LFO rates of the files."""

    files: tuple[ScannedFile, ...]


class AudioFolder(DataSource):
    """Recordings of single notes in a folder."""

    def __init__(self, config: AudioFolderConfig, audio_config: AudioConfig) -> None:
        self._config = config
        self._audio_config = audio_config
        self._folder = existing_folder(config.folder, config.manifest_sha256)
        self.planned_sha256 = config.manifest_sha256
        self.description = f"the sounds in {config.folder}"

    def scan(self) -> FolderScan:
        """Inspect every sound of the folder; results for an unchanged folder are cached.

        Raises:
            DataError: the folder has no sounds, or fewer usable files than `min_files`.
        """
        config, paths = self._config, find_sounds(self._folder)
        if not paths:
            raise DataError(
                f"data.folder must hold sound files ({', '.join(SUFFIXES)}); {printable(self._folder)} has none; "
                "name another folder"
            )
        files: list[ScannedFile] = []
        inspections, issues = inspect_files(self._folder, paths, self._audio_config)
        name_of_hash: dict[str, str] = {}
        for inspection in inspections:
            problem = inspection.problem
            if problem is None and inspection.sha256 in name_of_hash:
                problem = f"the same file as {name_of_hash[inspection.sha256]}"
            scanned = None if problem else _usable_file(inspection, config)
            if problem is None and scanned is None:
                problem = "no pitch: none in metadata.csv or in the name, and the tracker found none"
            if scanned is not None and (
                odd_rate := resampling_problem(inspection.sample_rate, self._audio_config.sample_rate)
            ):
                problem, scanned = odd_rate, None
            if scanned is not None and scanned.f0_hz >= self._audio_config.sample_rate / 2:
                problem, scanned = f"pitch {scanned.f0_hz:g} Hz is not below half of the sample rate", None
            if scanned is None:
                issues.append(DataIssue(source=inspection.file, problem=problem or "", skipped=True))
                continue
            issues += [
                DataIssue(source=inspection.file, problem=remark, skipped=False) for remark in inspection.remarks
            ]
            name_of_hash[scanned.sha256] = scanned.file
            files.append(scanned)
        if len(files) < config.min_files:
            raise DataError(_too_few_message(self._folder, len(paths), files, issues, config))
        return FolderScan(
            files=tuple(files),
            issues=tuple(issues),
            sha256=_sha256(files),
            n_clips=self._splits(files).sizes,
            summary=_summary(len(paths), files, issues),
        )

    def load(self) -> Dataset:
        """The sounds in mono, resampled, cut or zero-padded at the end to the clip length, scaled to a peak of 0.9."""
        scan, audio_config = self.scan(), self._audio_config
        self.check_unchanged(scan)
        sounds = []
        for file in scan.files:
            try:
                sound, sample_rate = read_mono(file.path, audio_config.duration_s + 0.1)
            except SoundFileError as error:
                raise DataError(f"{file.file} has changed since it was inspected: {error}; start again") from error
            clip = fit_clip(
                sound, sample_rate, to_sample_rate=audio_config.sample_rate, n_samples=audio_config.n_samples
            )
            sounds.append(clip * (CLIP_PEAK / clip.abs().max().clamp(min=1e-9)))
        lfo_hz = [torch.nan if file.lfo_hz is None else file.lfo_hz for file in scan.files]
        all_clips = Clips(
            ids=clip_ids(file.file for file in scan.files),
            audio=torch.stack(sounds),
            f0_hz=torch.tensor([file.f0_hz for file in scan.files]),
            q=torch.zeros(len(sounds)),
            modulation=None,
            lfo_hz=None if all(file.lfo_hz is None for file in scan.files) else torch.tensor(lfo_hz),
        )
        return self._splits(scan.files).of(all_clips)

    def _splits(self, files: Sequence[ScannedFile]) -> Splits:
        """Splits of the usable files by group."""
        return split_by_group(
            [file.group for file in files],
            validation_share=self._config.validation_share,
            test_share=self._config.test_share,
            seed=self._config.seed,
        )


def _usable_file(inspection: FileInspection, config: AudioFolderConfig) -> ScannedFile | None:
    """The file with its pitch, possibly assumed; None if the pitch is unknown."""
    source: Source
    if inspection.f0_hz is not None and inspection.pitch_source is not None:
        f0_hz, source = inspection.f0_hz, inspection.pitch_source
    elif config.unpitched == "assume":
        f0_hz, source = config.assumed_f0_hz, "assumed"
    else:
        return None
    return ScannedFile(
        path=inspection.path,
        file=inspection.file,
        f0_hz=f0_hz,
        pitch_source=source,
        group=inspection.group,
        sha256=inspection.sha256,
        lfo_hz=inspection.lfo_hz,
    )


def _sha256(files: list[ScannedFile]) -> str:
    """Hash of names, contents, pitches, groups and declared LFO rates of the files."""
    return hashlib.sha256("".join(map(_line, files)).encode()).hexdigest()


def _line(file: ScannedFile) -> str:
    """What is hashed of a file; a rate that is not declared adds nothing."""
    rate = "" if file.lfo_hz is None else f"\0{file.lfo_hz!r}"
    return f"{file.file}\0{file.sha256}\0{file.f0_hz!r}\0{file.group}{rate}\n"


def _summary(n_found: int, files: list[ScannedFile], issues: list[DataIssue]) -> dict[str, Any]:
    """Facts about the folder for reports."""
    return {
        "kind": "audio_folder",
        "n_found": n_found,
        "n_usable": len(files),
        "n_skipped": n_found - len(files),
        "n_remarked": len({issue.source for issue in issues if not issue.skipped}),
        "n_groups": len({file.group for file in files}),
        "pitch_source": dict(sorted(Counter(file.pitch_source for file in files).items())),
        "n_lfo_rates": sum(file.lfo_hz is not None for file in files),
        "min_f0_hz": min(file.f0_hz for file in files),
        "max_f0_hz": max(file.f0_hz for file in files),
    }


def _too_few_message(
    folder: Path, n_found: int, files: list[ScannedFile], issues: list[DataIssue], config: AudioFolderConfig
) -> str:
    reasons = Counter(issue.problem.partition(":")[0] for issue in issues if issue.skipped)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "nothing was skipped"
    hint = "add sounds or lower data.min_files"
    if reasons["no pitch"]:
        hint += ", give pitches in metadata.csv or file names, or set data.unpitched=assume"
    return (
        f"data.min_files requires {config.min_files} usable sounds; {printable(folder)} has {len(files)} of {n_found} "
        f"({why}); {hint}"
    )
