"""Wavetables from files: a wav file with consecutive cycles, or a folder with one cycle per file.

The cycle length of a wav file is given by its `clm ` chunk (convention of Xfer Serum: the text `<!>2048 ...`). Without
this chunk it is 2048 if that divides the file into whole cycles, else the largest power of two from 256 to 4096 that
does.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core.errors import ConfigError, DataError
from core.settings.oscillators import IN_TURN
from core.settings.user_paths import user_path
from core.settings.value_rules import printable, shown_text, shown_value
from core.sound_decoding import SoundFileError, blocks, chunks, decoder, open_sound, truncation
from core.sound_files import find_sounds
from core.wavetables.builtin import BUILTIN_WAVETABLES, builtin_wavetable

MIN_CYCLE, MAX_CYCLE = 256, 4096
"""Shortest and longest cycle in a wav file, in samples."""
MAX_ROWS = 4096
"""Most cycles of a wavetable; Serum and Vital have 256."""
_MIN_SINGLE_CYCLE = 8
"""Shortest single cycle in a folder, in samples."""


def load_wavetable(name_or_path: str) -> Float[Tensor, "position sample"]:
    """A built-in table by its name, or a table from a wav file or a folder of single cycles.

    Rows from files are shifted to zero mean, and the table is scaled to a largest magnitude of 1. Single cycles are
    sorted by file name. If their lengths differ, all are resampled in the Fourier domain, which preserves periodicity,
    to the smallest power of two that is at least 256 and at least the longest length.

    Raises:
        ConfigError: no built-in table, file or folder has this name.
        DataError: the file or folder does not contain a wavetable.
    """
    if name_or_path in BUILTIN_WAVETABLES:
        return builtin_wavetable(name_or_path).clone()
    path = user_path(name_or_path, "a wavetable") if name_or_path else Path()
    if name_or_path and path.exists():
        rows = _single_cycles(path) if path.is_dir() else _cycles_of_file(path)
    else:
        raise ConfigError(
            "a wavetable is a built-in name, a wavetable .wav or a folder of single cycles; got "
            f"{shown_value(name_or_path)}, which is none; built in are {', '.join(BUILTIN_WAVETABLES)}"
        )
    if not 2 <= len(rows) <= MAX_ROWS:
        raise DataError(
            f"a wavetable has 2 to {MAX_ROWS} cycles to move between; {shown_text(path)} has {len(rows)}; "
            f"{'add more' if len(rows) < 2 else 'leave some out'}"
        )
    rows = rows - rows.mean(axis=1, keepdims=True)
    peak = np.abs(rows).max()
    if not np.isfinite(peak) or peak < 1e-6:
        raise DataError(f"a wavetable must hold finite sound; {printable(path)} is silent or broken; choose another")
    return torch.from_numpy((rows / peak).astype(np.float32))


def wavetable_sha256(name_or_path: str) -> str:
    """Hash of the shape and values of a table, independent of its name or path; `in_turn` has that of all tables."""
    if name_or_path == IN_TURN:
        return hashlib.sha256("".join(map(wavetable_sha256, BUILTIN_WAVETABLES)).encode()).hexdigest()
    if name_or_path in BUILTIN_WAVETABLES:
        return _builtin_sha256(name_or_path)
    return _sha256(load_wavetable(name_or_path))


@cache
def _builtin_sha256(name: str) -> str:
    """Hash of a built-in table, cached."""
    return _sha256(builtin_wavetable(name))


def _sha256(table: Float[Tensor, "position sample"]) -> str:
    values = table.numpy().astype("<f4")
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()


def _cycles_of_file(path: Path) -> Float[ndarray, "position sample"]:
    """The consecutive cycles of a wav file."""
    audio = _read_sound(path)
    length = _length_in_clm_chunk(path)
    if length is None:
        length = _default_length(path, len(audio))
    if not MIN_CYCLE <= length <= MAX_CYCLE or len(audio) % length:
        raise DataError(
            f"a wavetable wav holds whole cycles of {MIN_CYCLE} to {MAX_CYCLE} samples; {printable(path)} has "
            f"{len(audio)} samples and its clm chunk says {length} a cycle; export it again"
        )
    return audio.reshape(-1, length)


def _length_in_clm_chunk(path: Path) -> int | None:
    """The cycle length in the `clm ` chunk of a RIFF file; None if there is no such chunk."""
    try:
        with open_sound(path) as file:
            for name, start, size in chunks(file):
                if name == b"clm ":
                    file.seek(start)
                    match = re.match(rb"<!>(\d{1,9})", file.read(min(size, 100)))
                    return int(match[1]) if match else None
    except SoundFileError as error:
        raise _unreadable(path, error) from error
    return None


def _default_length(path: Path, n_samples: int) -> int:
    """Cycle length of a wav file without a `clm ` chunk."""
    for length in (2048, 4096, 1024, 512, 256):
        if n_samples and n_samples % length == 0:
            return length
    raise DataError(
        f"without a clm chunk a wavetable wav must divide into whole cycles of 256, 512, 1024, 2048 or 4096 samples; "
        f"{printable(path)} has {n_samples}; cut it to a multiple, or put single cycles into a folder"
    )


def _single_cycles(folder: Path) -> Float[ndarray, "position sample"]:
    """The cycles of a folder, one per file."""
    files = find_sounds(folder)
    if not 0 < len(files) <= MAX_ROWS:
        raise DataError(
            f"a folder of single cycles must hold sound files, at most {MAX_ROWS}; {printable(folder)} has "
            f"{len(files) or 'none'}"
        )
    cycles = [_read_sound(file) for file in files]
    for file, cycle in zip(files, cycles, strict=True):
        if not _MIN_SINGLE_CYCLE <= len(cycle) <= MAX_CYCLE:
            raise DataError(
                f"a single cycle has {_MIN_SINGLE_CYCLE} to {MAX_CYCLE} samples; {printable(file)} has {len(cycle)}; "
                "leave only single cycles in the folder"
            )
    return _stack_cycles(cycles)


def _stack_cycles(cycles: Sequence[Float[ndarray, " _"]]) -> Float[ndarray, "position sample"]:
    """Cycles as rows of a table, resampled if their lengths differ."""
    lengths = {len(cycle) for cycle in cycles}
    if len(lengths) == 1:
        return np.stack(cycles)
    # Importing scipy.signal takes a second and is needed only here.
    from scipy.signal import resample

    length = max(MIN_CYCLE, 1 << (max(lengths) - 1).bit_length())
    return np.stack([resample(cycle, length) for cycle in cycles])


def _read_sound(path: Path) -> Float[ndarray, " sample"]:
    """The samples of a sound file in mono.

    Raises:
        DataError: the file is no sound, cut short, or too long.
    """
    try:
        with open_sound(path) as file:
            if problem := truncation(file):
                raise SoundFileError(problem)
            with decoder(file) as sound:
                if sound.frames > MAX_ROWS * MAX_CYCLE:
                    raise SoundFileError(
                        f"too long: a wavetable has at most {MAX_ROWS} cycles of {MAX_CYCLE} samples; "
                        f"this file announces {sound.frames} samples"
                    )
                mono = [block.mean(axis=1) for block in blocks(sound, sound.frames)]
                audio = np.concatenate([np.zeros(0), *mono])
                if len(audio) < sound.frames:
                    raise SoundFileError(f"truncated: it announces {sound.frames} samples, and {len(audio)} are there")
                return audio
    except SoundFileError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: SoundFileError) -> DataError:
    return DataError(f"cannot read the wavetable {printable(path)}: {error}; give a wav, flac or aiff file")


def _exists(path: Path) -> bool:
    """Whether there is something at a path; never fails."""
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False
