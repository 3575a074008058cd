"""Data source: a folder of recordings of single notes, with their pitches and the reasons why files are skipped.

The pitch of a file comes from the folder's `metadata.csv` (columns `file`, `f0_hz` or `note`, optionally `group` and
`lfo_hz`), else from its name (core.data.file_names), else from the tracker (core.data.pitch). All files of a group are
in the same split: those of a group in the metadata, else of a patch by their names, and those with the same sound
(core.data.grouping). `lfo_hz` is the rate of the LFO that modulates the sound, against which the rates of recovered
curves are compared.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips, Dataset
from core.data.base import DataSource, SourceScan, existing_folder
from core.data.data_files import data_files, data_notes
from core.data.file_inspection import inspect_files
from core.data.splits import Splits, split_by_group
from core.data.usable_files import Choice, ScannedFile, choose_files
from core.errors import DataError
from core.settings.audio import AudioConfig
from core.settings.data import AudioFolderConfig
from core.settings.value_rules import printable
from core.sound_decoding import SoundFileError, read_mono
from core.sound_files import SUFFIXES, clip_ids, find_sounds, fit_clip
from core.storage.records import DataIssue

CLIP_PEAK = 0.9
"""Largest magnitude of each clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScan(SourceScan):
    """Scan of a folder of recordings; the hash covers names, contents, pitches, groups, LFO rates and clips."""

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
        inspections, issues = inspect_files(self._folder, paths, self._audio_config)
        choice = choose_files(inspections, config, self._audio_config)
        files = choice.files
        for inspection in inspections:
            if problem := choice.problems.get(inspection.file):
                issues.append(DataIssue(source=inspection.file, problem=problem, skipped=True))
            else:
                issues += [
                    DataIssue(source=inspection.file, problem=text, skipped=False) for text in inspection.remarks
                ]
        if len(files) < config.min_files:
            raise DataError(_too_few_message(self._folder, len(paths), len(files), issues, config))
        splits = self._splits(files)
        return FolderScan(
            files=files,
            issues=tuple(issues),
            sha256=_sha256(files),
            n_clips=splits.sizes,
            summary=_summary(len(paths), choice, issues),
            data_files=data_files(inspections, choice, splits),
            notes=data_notes(inspections, choice, self._audio_config.duration_s),
        )

    def load(self) -> Dataset:
        """The sounds in mono, resampled, cut or zero-padded at the end to the clip length, scaled to a peak of 0.9."""
        scan = self.scan()
        self.check_unchanged(scan)
        sounds, names = list[Float[Tensor, " sample"]](), list[str]()
        for file in scan.files:
            sounds += self._clips_of(file)
            stem, suffix = file.file.removesuffix(file.path.suffix), file.path.suffix
            starts_s = file.clip_starts_s
            names += [f"{stem} {start_s:g}s{suffix}" for start_s in starts_s] if len(starts_s) > 1 else [file.file]
        owners = [file for file in scan.files for _ in file.clip_starts_s]
        lfo_hz = [torch.nan if file.lfo_hz is None else file.lfo_hz for file in owners]
        all_clips = Clips(
            ids=clip_ids(names),
            audio=torch.stack(sounds),
            f0_hz=torch.tensor([file.f0_hz for file in owners]),
            q=torch.zeros(len(sounds)),
            modulation=None,
            lfo_hz=None if all(file.lfo_hz is None for file in owners) else torch.tensor(lfo_hz),
        )
        return self._splits(scan.files).of(all_clips)

    def _clips_of(self, file: ScannedFile) -> list[Float[Tensor, " sample"]]:
        """The clips of a file."""
        duration_s = self._audio_config.duration_s
        try:
            sound, sample_rate = read_mono(file.path, file.clip_starts_s[-1] + duration_s + 0.1)
        except SoundFileError as error:
            raise DataError(f"{file.file} has changed since it was inspected: {error}; start again") from error
        clips = []
        for start_s in file.clip_starts_s:
            start = round(start_s * sample_rate)
            clip = fit_clip(
                sound[start : start + round((duration_s + 0.1) * sample_rate)],
                sample_rate,
                to_sample_rate=self._audio_config.sample_rate,
                n_samples=self._audio_config.n_samples,
            )
            clips.append(clip * (CLIP_PEAK / clip.abs().max().clamp(min=1e-9)))
        return clips

    def _splits(self, files: Sequence[ScannedFile]) -> Splits:
        """Splits of the clips of the usable files by group."""
        return split_by_group(
            [file.group for file in files for _ in file.clip_starts_s],
            validation_share=self._config.validation_share,
            test_share=self._config.test_share,
            seed=self._config.seed,
        )


def _sha256(files: Sequence[ScannedFile]) -> str:
    """Hash of names, contents, pitches, groups, declared LFO rates and clips of the files."""
    return hashlib.sha256("".join(map(_line, files)).encode()).hexdigest()


def _line(file: ScannedFile) -> str:
    """What is hashed of a file; a rate that is not declared adds nothing, nor does a single clip at the start."""
    rate = "" if file.lfo_hz is None else f"\0{file.lfo_hz!r}"
    starts = "" if file.clip_starts_s == (0.0,) else f"\0at {file.clip_starts_s!r}"
    return f"{file.file}\0{file.sha256}\0{file.f0_hz!r}\0{file.group}{rate}{starts}\n"


def _summary(n_found: int, choice: Choice, issues: Sequence[DataIssue]) -> dict[str, Any]:
    """Facts about the folder for reports."""
    files = choice.files
    return {
        "kind": "audio_folder",
        "n_found": n_found,
        "n_usable": len(files),
        "n_clips": sum(len(file.clip_starts_s) for file in files),
        "n_skipped": n_found - len(files),
        "n_remarked": len({issue.source for issue in issues if not issue.skipped}),
        "n_groups": len({file.group for file in files}),
        "pitch_source": dict(sorted(Counter(file.pitch_source for file in files).items())),
        "n_lfo_rates": sum(file.lfo_hz is not None for file in files),
        "min_f0_hz": min(file.f0_hz for file in files),
        "max_f0_hz": max(file.f0_hz for file in files),
    }


def _too_few_message(
    folder: Path, n_found: int, n_usable: int, issues: Sequence[DataIssue], config: AudioFolderConfig
) -> str:
    """Why a folder has too few usable files."""
    reasons = Counter(issue.problem.partition(":")[0] for issue in issues if issue.skipped)
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "nothing was skipped"
    hint = "add sounds or lower data.min_files"
    if reasons["no pitch"]:
        hint += ", give pitches in metadata.csv or file names, or set data.unpitched=assume"
    return (
        f"data.min_files requires {config.min_files} usable sounds; {printable(folder)} has {n_usable} of {n_found} "
        f"({why}); {hint}"
    )
