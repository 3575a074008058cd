"""Sounds of a real synth as clips with their true curves: a folder made by `modstudy render`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from jaxtyping import Float
from torch import Tensor

from core.config import RendersConfig, SignalConfig
from core.data.clips import Clips, Dataset
from core.data.manifest import MANIFEST_NAME, RenderedFile, read_manifest
from core.data.sound_files import clip_ids, fit_clip, read_mono
from core.data.splits import Splits, split_by_group
from core.errors import ConfigError, DataError
from core.results import DataNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class RendersScan:
    """What a folder of renders holds, for a trial and for a reader."""

    files: tuple[RenderedFile, ...]
    notices: tuple[DataNotice, ...]
    sha256: str
    """Over the names, contents, pitches, patches and curves of the usable files."""
    summary: dict[str, Any]


def scan_renders(config: RendersConfig, signal: SignalConfig) -> RendersScan:
    """Check every sound of a manifest: there, and the one that was rendered.

    Raises:
        ConfigError: no folder is set, or clips are longer than the renders.
        DataError: the manifest is missing or damaged, or fewer than `min_files` sounds are as it says.
    """
    folder = _folder(config)
    rows = read_manifest(folder / MANIFEST_NAME)
    files: list[RenderedFile] = []
    notices: list[DataNotice] = []
    for row in rows:
        problem = _problem(folder / row.file, row)
        if problem is None:
            files.append(row)
        else:
            notices.append(DataNotice(source=row.file, problem=problem, skipped=True))
    if len(files) < config.min_files:
        raise DataError(
            f"data.min_files asks for {config.min_files} usable sounds; {folder} has {len(files)} of {len(rows)} "
            "(the others are missing or altered); render more or lower data.min_files"
        )
    shortest = min(file.duration_s for file in files)
    if signal.duration_s > shortest + 0.5 / signal.sample_rate:
        raise ConfigError(
            f"signal.duration_s must not exceed the renders, whose curves end with them: {signal.duration_s:g} s "
            f"against {shortest:g} s in {folder}; set signal.duration_s={shortest:g} or render longer sounds"
        )
    _splits(config, files)
    return RendersScan(
        files=tuple(files), notices=tuple(notices), sha256=_sha256(files), summary=_summary(len(rows), files)
    )


def scan_planned_renders(config: RendersConfig, signal: SignalConfig) -> RendersScan:
    """
    Raises:
        ConfigError, DataError: as `scan_renders`, or the renders are not what the resolved config was made from.
    """
    scan = scan_renders(config, signal)
    if config.manifest_sha256 not in (None, scan.sha256):
        raise DataError(
            f"the renders in {config.folder} are not those the trial was planned with; "
            "bring them back, or plan a new study on the folder as it is"
        )
    return scan


def load_renders(config: RendersConfig, signal: SignalConfig) -> Dataset:
    """The renders in three splits, dealt by patch.

    Sounds are mixed to mono, resampled and cut to the clip length, at their own loudness: the envelope's truth is
    absolute. Curves are cut likewise, read at the frame times k * hop_length / sample_rate by linear interpolation.

    Raises:
        ConfigError, DataError: as `scan_planned_renders`.
    """
    scan = scan_planned_renders(config, signal)
    audio = []
    for file in scan.files:
        sound, sample_rate = read_mono(_folder(config) / file.file)
        audio.append(fit_clip(sound, sample_rate, to_sample_rate=signal.sample_rate, n_samples=signal.n_samples))
    everything = Clips(
        ids=clip_ids(file.file for file in scan.files),
        audio=torch.stack(audio),
        f0_hz=torch.tensor([file.f0_hz for file in scan.files], dtype=torch.float32),
        q=torch.zeros(len(audio)),
        modulation=torch.stack([_curves_at_frames(file, signal) for file in scan.files]),
    )
    splits = _splits(config, scan.files)
    return Dataset(
        train=everything[torch.tensor(splits.train)],
        validation=everything[torch.tensor(splits.validation)],
        test=everything[torch.tensor(splits.test)],
    )


# ---------------------------------------------------------------------------------------------------------------------


def _folder(config: RendersConfig) -> Path:
    if not config.folder:
        raise ConfigError("data.folder is not set; name a folder of renders, as in --set data.folder=DIR")
    return Path(config.folder).expanduser()


def _problem(path: Path, row: RenderedFile) -> str | None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != row.sha256:
            return "altered: not the sound that was rendered"
        soundfile.info(path)
    except (OSError, soundfile.LibsndfileError):
        return "missing or unreadable"
    return None


def _curves_at_frames(file: RenderedFile, signal: SignalConfig) -> Float[Tensor, "modulation frame"]:
    known_at = np.arange(file.curves.shape[1]) / file.frame_rate
    wanted_at = np.arange(signal.n_frames) / signal.frame_rate
    curves = np.stack([np.interp(wanted_at, known_at, curve) for curve in file.curves])
    return torch.from_numpy(curves.astype(np.float32))


def _splits(config: RendersConfig, files: tuple[RenderedFile, ...] | list[RenderedFile]) -> Splits:
    return split_by_group(
        [file.patch for file in files],
        validation_share=config.validation_share,
        test_share=config.test_share,
        seed=config.seed,
    )


def _sha256(files: list[RenderedFile]) -> str:
    whole = hashlib.sha256()
    for file in files:
        facts = (file.file, file.sha256, file.patch, file.f0_hz, file.duration_s, file.frame_rate)
        whole.update("\0".join(map(str, facts)).encode())
        whole.update(file.curves.astype("<f4").tobytes())
    return whole.hexdigest()


def _summary(n_found: int, files: list[RenderedFile]) -> dict[str, Any]:
    return {
        "kind": "renders",
        "n_found": n_found,
        "n_usable": len(files),
        "n_skipped": n_found - len(files),
        "n_remarked": 0,
        "n_groups": len({file.patch for file in files}),
        "pitch_source": {"manifest": len(files)},
        "min_f0_hz": min(file.f0_hz for file in files),
        "max_f0_hz": max(file.f0_hz for file in files),
    }
