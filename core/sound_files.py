"""Find sound files, read them as mono, and fit them to the sample rate and length of a clip."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".aiff", ".aif")
"""File name endings of sound files, in lower case."""


def find_sounds(folder: Path) -> list[Path]:
    """The sound files in a folder and its subfolders, sorted by path; hidden files and folders are skipped."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_mono(path: Path, duration_s: float | None = None) -> tuple[Float[ndarray, " sample"], int]:
    """The mean of a file's channels and its sample rate in Hz.

    Args:
        path: A file that libsndfile can read.
        duration_s: Seconds to read from the start; None reads the whole file.
    """
    with soundfile.SoundFile(path) as file:
        frames = -1 if duration_s is None else round(duration_s * file.samplerate)
        audio = file.read(frames, dtype="float64", always_2d=True)
        return np.asarray(audio.mean(axis=1)), int(file.samplerate)


def fit_clip(
    audio: Float[ndarray, " _"], sample_rate: int, *, to_sample_rate: int, n_samples: int
) -> Float[Tensor, " sample"]:
    """Resample a sound, then cut it or append zeros to a length of `n_samples`, in float32."""
    clip = torch.from_numpy(audio.astype(np.float32))
    if sample_rate != to_sample_rate:
        clip = torchaudio.functional.resample(clip, sample_rate, to_sample_rate)
    clip = clip[:n_samples]
    return torch.nn.functional.pad(clip, (0, n_samples - clip.numel()))


def clip_ids(names: Iterable[str]) -> tuple[str, ...]:
    """A readable id per name, valid in file names on every system; duplicates, ignoring case, are numbered."""
    taken: set[str] = set()
    ids = []
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", name.removesuffix(Path(name).suffix)).strip("._-")[-80:] or "clip"
        clip_id, number = stem, 2
        while clip_id.casefold() in taken:
            clip_id, number = f"{stem}-{number}", number + 1
        taken.add(clip_id.casefold())
        ids.append(clip_id)
    return tuple(ids)
