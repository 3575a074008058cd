"""Data source: a folder made by `modstudy render`, sounds of a real synth with their true modulation curves."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.clips import Clips, Dataset
from core.data.base import DataSource, SourceScan, existing_folder
from core.data.manifest import MANIFEST_NAME, RenderedFile, read_manifest
from core.data.splits import Splits, split_by_group
from core.errors import ConfigError, DataError
from core.modulations import modulation_names
from core.settings.audio import AudioConfig
from core.settings.data import RendersConfig
from core.settings.value_rules import printable
from core.sound_decoding import SoundFileError, blocks, decoder, n_decoded, open_sound, read_mono, reason
from core.sound_files import clip_ids, fit_clip, resampling_problem
from core.storage.records import DataIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class RendersScan(SourceScan):
    """Scan of a folder of renders; the hash covers names, contents, pitches, patches and curves of usable sounds."""

    files: tuple[RenderedFile, ...]


class Renders(DataSource):
    """Rendered sounds and their true modulation curves in a folder."""

    def __init__(self, config: RendersConfig, audio_config: AudioConfig) -> None:
        self._config = config
        self._audio_config = audio_config
        self._folder = existing_folder(config.folder, config.manifest_sha256)
        self.planned_sha256 = config.manifest_sha256
        self.description = f"the renders in {config.folder}"

    def scan(self) -> RendersScan:
        """Check that every sound of the manifest exists and is unchanged.

        Raises:
            ConfigError: the clips are longer than the renders.
            DataError: the manifest is missing or damaged, or fewer than `min_files` sounds are unchanged.
        """
        audio_config, rows = self._audio_config, read_manifest(self._folder / MANIFEST_NAME)
        files: list[RenderedFile] = []
        issues: list[DataIssue] = []
        for row in rows:
            problem = _problem(self._folder, row) or resampling_problem(row.sample_rate, audio_config.sample_rate)
            if problem is None:
                files.append(row)
            else:
                issues.append(DataIssue(source=row.file, problem=problem, skipped=True))
        if len(files) < self._config.min_files:
            raise DataError(
                f"data.min_files requires {self._config.min_files} usable sounds; {printable(self._folder)} has "
                f"{len(files)} of {len(rows)} ({_reasons(issues)}); render more or lower data.min_files"
            )
        shortest = min(file.duration_s for file in files)
        if audio_config.duration_s > shortest + 0.5 / audio_config.sample_rate:
            raise ConfigError(
                "audio.duration_s must not exceed the renders, whose curves end with them: "
                f"{audio_config.duration_s:g} s against {shortest:g} s in {printable(self._folder)}; "
                f"set audio.duration_s={shortest:g} or render longer sounds"
            )
        return RendersScan(
            files=tuple(files),
            issues=tuple(issues),
            sha256=_sha256(files),
            n_clips=self._splits(files).sizes,
            summary=_summary(len(rows), files),
        )

    def load(self) -> Dataset:
        """The sounds in mono, resampled and cut to the clip length, with their curves.

        The sounds are not normalised, because the true envelopes are absolute. Curves are interpolated linearly at the
        frame times k * hop_length / sample_rate. All sounds of a patch are in the same split.
        """
        scan, audio_config = self.scan(), self._audio_config
        self.check_unchanged(scan)
        sounds = []
        for file in scan.files:
            try:
                sound, sample_rate = read_mono(self._folder / file.file)
            except SoundFileError as error:
                raise DataError(f"{file.file} has changed since it was inspected: {error}; start again") from error
            sounds.append(
                fit_clip(sound, sample_rate, to_sample_rate=audio_config.sample_rate, n_samples=audio_config.n_samples)
            )
        all_clips = Clips(
            ids=clip_ids(file.file for file in scan.files),
            audio=torch.stack(sounds),
            f0_hz=torch.tensor([file.f0_hz for file in scan.files], dtype=torch.float32),
            q=torch.zeros(len(sounds)),
            modulation=torch.stack([_curves_at_frames(file, audio_config) for file in scan.files]),
            modulation_names=modulation_names(self._config.true_modulations),
        )
        return self._splits(scan.files).of(all_clips)

    def _splits(self, files: Sequence[RenderedFile]) -> Splits:
        """Splits of the usable sounds by patch."""
        return split_by_group(
            [file.patch for file in files],
            validation_share=self._config.validation_share,
            test_share=self._config.test_share,
            seed=self._config.seed,
        )


def _reasons(issues: list[DataIssue]) -> str:
    """How many sounds are skipped for which reason."""
    reasons = Counter(issue.problem.partition(":")[0] for issue in issues)
    return ", ".join(f"{count} {category}" for category, count in reasons.most_common()) or "nothing was skipped"


def _problem(folder: Path, row: RenderedFile) -> str | None:
    """Why a sound cannot be used, as a category, a colon and the reason; None if it can."""
    path = folder / row.file
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()):
            return "outside: it is a link to a file that is not in the folder"
        with open_sound(path) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != row.sha256:
                return "altered: not the sound that was rendered"
            with decoder(file) as sound:
                n_samples, sample_rate = sound.frames, sound.samplerate
                if sample_rate != row.sample_rate or abs(n_samples - row.duration_s * sample_rate) > 1:
                    return (
                        f"another length: the manifest says {row.duration_s:g} s at {row.sample_rate} Hz, and it has "
                        f"{n_samples} samples at {sample_rate} Hz"
                    )
                for _ in blocks(sound, n_decoded(sound)):
                    pass
    except SoundFileError as error:
        return str(error)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to each other
        return f"missing: {reason(error)}"
    return None


def _curves_at_frames(file: RenderedFile, audio_config: AudioConfig) -> Float[Tensor, "modulation frame"]:
    """The true curves at the modulation frames of a clip."""
    file_times = np.arange(file.curves.shape[1]) / file.frame_rate
    frame_times = np.arange(audio_config.n_frames) / audio_config.frame_rate
    curves = np.stack([np.interp(frame_times, file_times, curve) for curve in file.curves])
    return torch.from_numpy(curves.astype(np.float32))


def _sha256(files: list[RenderedFile]) -> str:
    """Hash of names, contents, pitches, patches and curves of the sounds."""
    content = hashlib.sha256()
    for file in files:
        fields = (file.file, file.sha256, file.patch, file.f0_hz, file.duration_s, file.frame_rate)
        content.update("\0".join(map(str, fields)).encode())
        content.update(file.curves.astype("<f4").tobytes())
    return content.hexdigest()


def _summary(n_found: int, files: list[RenderedFile]) -> dict[str, Any]:
    """Facts about the folder for reports."""
    return {
        "kind": "renders",
        "n_found": n_found,
        "n_usable": len(files),
        "n_clips": len(files),
        "n_skipped": n_found - len(files),
        "n_remarked": 0,
        "n_groups": len({file.patch for file in files}),
        "pitch_source": {"manifest": len(files)},
        "min_f0_hz": min(file.f0_hz for file in files),
        "max_f0_hz": max(file.f0_hz for file in files),
    }
