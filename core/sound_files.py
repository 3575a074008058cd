"""Find sound files, name them safely, and fit sounds to the sample rate and length of a clip."""

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torchaudio.functional
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.errors import DataError
from core.settings.value_rules import printable

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".aiff", ".aif")
"""File name endings of sound files, in lower case."""
MAX_SOUNDS = 100_000
"""Most sound files in a folder."""
MAX_ENTRIES = 500_000
"""Most files and folders that are looked at in search of sounds, some seconds."""
MAX_RESAMPLING_TAPS = 2**22
"""Largest product of the reduced terms of a ratio of sample rates.

The filter that resamples by up / down has at least up * down taps: at most 32 MiB in float64. All ratios of common
rates stay far below (44.1 to 48 kHz: 160 * 147; 11.025 to 192 kHz: 2560 * 147; 47.952 to 48 kHz: 1000 * 999), while
16 kHz from 44,101 Hz would need a filter of 706 million taps.
"""


def find_sounds(folder: Path) -> list[Path]:
    """Everything with the name of a sound file in a folder and its subfolders, sorted by path.

    Hidden files and folders are skipped, and links to folders are not followed. A path may be that of a folder, pipe or
    dead link with such a name, and a subfolder that cannot be read is listed itself, so that its reader says so.

    Raises:
        DataError: there are more than `MAX_SOUNDS`, or more than `MAX_ENTRIES` files and folders.
    """
    found, waiting, n_entries = list[Path](), [folder], 0
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    n_entries += 1
                    if n_entries > MAX_ENTRIES:
                        raise DataError(
                            f"a folder of sounds has at most {MAX_ENTRIES} files and folders; {printable(folder)} has "
                            "more; name a smaller one"
                        )
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(place / entry.name)
                    if os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122
                        found.append(place / entry.name)
        except OSError:
            if place not in found:
                found.append(place)
        if len(found) > MAX_SOUNDS:
            raise DataError(
                f"a folder has at most {MAX_SOUNDS} sound files; {printable(folder)} has more; name a smaller one"
            )
    return sorted(found)


def name_in(folder: Path, path: Path) -> str:
    """The printable name of a file below a folder, with forward slashes."""
    return printable(path.relative_to(folder).as_posix())


def resampling_problem(sample_rate: int, to_sample_rate: int) -> str | None:
    """Why a sound cannot be resampled, as a category, a colon and the rule; None if it can."""
    divisor = math.gcd(sample_rate, to_sample_rate)
    up, down = to_sample_rate // divisor, sample_rate // divisor
    if up * down <= MAX_RESAMPLING_TAPS:
        return None
    return (
        f"odd sample rate: {sample_rate} to {to_sample_rate} Hz is {up} / {down}, whose product exceeds "
        f"{MAX_RESAMPLING_TAPS}; resample the file, or choose another audio.sample_rate"
    )


def fit_clip(
    audio: Float[ndarray, " _"], sample_rate: int, *, to_sample_rate: int, n_samples: int
) -> Float[Tensor, " sample"]:
    """Resample a sound, then cut it or append zeros to a length of `n_samples`, in float32.

    Raises:
        DataError: the filter of the resampling would be too long.
    """
    clip = torch.from_numpy(audio.astype(np.float32))
    if sample_rate != to_sample_rate:
        if problem := resampling_problem(sample_rate, to_sample_rate):
            raise DataError(problem)
        clip = torchaudio.functional.resample(clip, sample_rate, to_sample_rate)
    clip = clip[:n_samples]
    return torch.nn.functional.pad(clip, (0, n_samples - clip.numel()))


def clip_ids(names: Iterable[str]) -> tuple[str, ...]:
    """A readable id per name, valid in file names on every system; duplicates, ignoring case, are numbered."""
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    ids = []
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", name.removesuffix(Path(name).suffix)).strip("._-")[-80:] or "clip"
        clip_id, number = stem, numbers.get(stem.casefold(), 2)
        while clip_id.casefold() in taken:
            clip_id, number = f"{stem}-{number}", number + 1
        numbers[stem.casefold()] = number
        taken.add(clip_id.casefold())
        ids.append(clip_id)
    return tuple(ids)
