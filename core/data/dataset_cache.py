"""Cache of data sets on disk: rendered or decoded once, then memory-mapped by every trial.

`data/<name>/` in the user's cache folder contains the float32 values of each split's arrays, one file per array, and
`index.json` with ids, shapes and the sha256 of each array, after a line with the sha256 of the index itself. Each
process verifies what it maps for the first time. The name is a hash of everything that affects the values: settings,
content of the source, code, library versions and CPU instruction set. An entry is written to a temporary folder,
renamed when complete, and never modified. A missing or damaged entry is built again; without write access to the cache
each trial holds the data in its own memory.
"""

import hashlib
import logging
import math
import os
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
import torch
from filelock import FileLock
from pydantic import TypeAdapter
from torch import Tensor

from core.cache_folder import cache_folder, sealed, unsealed
from core.clips import Clips, Dataset
from core.data.base import DataSource
from core.data.build import build_source
from core.regular_files import open_regular, read_regular
from core.settings.digest import settings_sha256
from core.settings.trial import TrialConfig
from core.storage.atomic_write import sync_to_disk, write_atomically
from core.storage.code_version import code_version
from core.wavetables.turns import with_wavetable_of_seed

MAX_BYTES = 4 * 10**9
"""Limit on the size of all entries; beyond it the least recently used ones are removed."""
_LOG = logging.getLogger(__name__)
_VERSION = 4
"""Incremented when the format of an entry changes."""
_INDEX = "index.json"
"""Name of the index of an entry."""
_DTYPE = np.dtype("<f4")
"""Type of all stored values."""
_MAX_INDEX_BYTES = 2**26
"""Largest index: that of 100,000 clips with names of 80 characters has 0.2 of that."""
_VERIFIED = set[tuple[int, int, int, int, str]]()
"""Files that this process has verified, by device, inode, times of modification and status change, and hash."""
_SPLITS = tuple(field.name for field in fields(Dataset))
_ARRAYS = {"audio": 2, "f0_hz": 1, "q": 1, "modulation": 3, "lfo_hz": 1}
"""Fields of `Clips` that are stored as arrays, and their numbers of dimensions, of which the first is that of clips."""


@dataclass(frozen=True, slots=True)
class _SplitIndex:
    """Ids, modulations and array shapes of one split, an item of `index.json`."""

    ids: tuple[str, ...]
    modulation_names: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    """By name of the array; arrays that are unknown are left out."""
    sha256: dict[str, str]
    """Hash of the bytes of each array by its name."""


_INDEX_ADAPTER: TypeAdapter[dict[str, _SplitIndex]] = TypeAdapter(dict[str, _SplitIndex])


def cached_dataset(config: TrialConfig) -> Dataset:
    """The data set of a config, memory-mapped from the cache and bit-identical to `DataSource.load`.

    The first process to request a data set builds it, and the others wait. All processes of a machine share the mapped
    memory; writes to a tensor are private to the process.

    Raises:
        ConfigError, DataError: as for `DataSource.load`, also if the cache has the data but their source has changed.
    """
    config = with_wavetable_of_seed(config)
    source = build_source(config.data, config.audio)
    name = _entry_name(config, source)
    folder = cache_folder() / "data"
    entry = folder / name
    if (dataset := _read_entry(entry)) is not None:
        return dataset
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / f".{name}.lock"))
        except OSError as error:
            _LOG.warning("data cannot be cached in %s: %s", folder, error)
            return source.load()
        if (dataset := _read_entry(entry)) is not None:
            return dataset
        _LOG.info("preparing data: %s", entry)
        dataset = source.load()
        if _entry_name(config, source) != name:  # the source changed while it was read
            return dataset
        try:
            if entry.is_symlink() or entry.exists():
                _LOG.warning("data in %s were damaged and have been rebuilt", entry)
                _remove_entry(entry)
            _write_entry(entry, dataset)
            _remove_least_recently_used(folder, entry)
        except OSError as error:
            _LOG.warning("data cannot be cached in %s: %s", folder, error)
        return _read_entry(entry) or dataset


def _entry_name(config: TrialConfig, source: DataSource) -> str:
    """Hash of everything that affects the values of the data set."""
    scan = source.scan()
    source.check_unchanged(scan)
    libraries = (torch.__version__, np.__version__, soundfile.__libsndfile_version__)
    instructions = torch.backends.cpu.get_cpu_capability()
    environment = (_VERSION, code_version(), *libraries, instructions)
    return settings_sha256((config.data, config.audio, scan.sha256, environment))[:32]


def _read_entry(entry: Path) -> Dataset | None:
    """The data set of an entry, which is marked as used; None if the entry is missing or damaged."""
    try:
        index = _INDEX_ADAPTER.validate_json(unsealed(read_regular(entry / _INDEX, _MAX_INDEX_BYTES)))
        dataset = Dataset(**{split: _read_clips(entry, split, index[split]) for split in _SPLITS})
    except (OSError, ValueError, KeyError) as error:
        _LOG.debug("no data in %s: %s", entry, error)
        return None
    with suppress(OSError):
        os.utime(entry / _INDEX)
    return dataset


def _read_clips(entry: Path, split: str, index: _SplitIndex) -> Clips:
    """The clips of one split of an entry.

    Raises:
        ValueError, KeyError, OSError: a file is missing or does not match the index, or the index itself is wrong.
    """
    for name, shape in index.shapes.items():
        if len(shape) != _ARRAYS[name] or shape[0] != len(index.ids):
            raise ValueError(f"{name} of {len(index.ids)} clips cannot have the shape {shape}")
    arrays = {
        name: _memory_map(_array_path(entry, split, name), shape, index.sha256[name])
        for name, shape in index.shapes.items()
    }
    return Clips(
        ids=index.ids,
        audio=arrays["audio"],
        f0_hz=arrays["f0_hz"],
        q=arrays["q"],
        modulation=arrays.get("modulation"),
        modulation_names=index.modulation_names,
        lfo_hz=arrays.get("lfo_hz"),
    )


def _memory_map(path: Path, shape: tuple[int, ...], sha256: str) -> Tensor:
    """The values in a file as a tensor.

    Raises:
        ValueError: size or hash of the file do not match.
        OSError: the file is missing or unreadable, or no regular file.
    """
    expected_bytes = math.prod(shape) * _DTYPE.itemsize
    with open_regular(path, expected_bytes) as file:
        status = os.fstat(file.fileno())
        if status.st_size != expected_bytes:
            raise ValueError(f"{path} must have {expected_bytes} bytes; it has {status.st_size}")
        state = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, sha256)
        if state not in _VERIFIED:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise ValueError(f"{path} has other content than was written")
            _VERIFIED.add(state)
        # Mode c is copy on write: the file is never modified, and torch accepts the array as writable.
        return torch.from_numpy(np.memmap(file, _DTYPE, mode="c", shape=shape))


def _write_entry(entry: Path, dataset: Dataset) -> None:
    """Write an entry to a temporary folder and rename it when complete."""
    temporary = entry.with_name(f".{entry.name}.part")
    _remove_entry(temporary)
    try:
        temporary.mkdir()
        index: dict[str, _SplitIndex] = {}
        for split in _SPLITS:
            clips: Clips = getattr(dataset, split)
            arrays = {name: array for name in _ARRAYS if (array := getattr(clips, name)) is not None}
            hashes = {}
            for name, array in arrays.items():
                values = np.ascontiguousarray(array.numpy(), _DTYPE)
                hashes[name] = hashlib.sha256(values.data).hexdigest()
                values.tofile(_array_path(temporary, split, name))
                sync_to_disk(_array_path(temporary, split, name))
            shapes = {name: tuple(array.shape) for name, array in arrays.items()}
            index[split] = _SplitIndex(clips.ids, clips.modulation_names, shapes, hashes)
        write_atomically(temporary / _INDEX, sealed(_INDEX_ADAPTER.dump_json(index)))
        temporary.rename(entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _array_path(entry: Path, split: str, array: str) -> Path:
    return entry / f"{split}.{array}.f32"


def _remove_least_recently_used(folder: Path, current: Path) -> None:
    """Remove entries until all together fit in `MAX_BYTES`, except the current one."""
    entries = []
    for entry in folder.iterdir():
        # Lock files are not folders, and other processes may be removing entries at the same time.
        with suppress(OSError):
            n_bytes = sum(file.stat().st_size for file in entry.iterdir())
            used_at = (entry / _INDEX if (entry / _INDEX).exists() else entry).stat().st_mtime_ns
            entries.append((used_at, entry, n_bytes))
    total = sum(n_bytes for *_, n_bytes in entries)
    for _, entry, n_bytes in sorted(entries):
        if total > MAX_BYTES and entry != current:
            _LOG.info("removing least recently used data: %s", entry)
            _remove_entry(entry)
            total -= n_bytes


def _remove_entry(entry: Path) -> None:
    """Remove an entry, its index first: without it no process reads the rest; existing memory maps stay valid.

    Raises:
        OSError: something else is in the place of the entry, and cannot be removed.
    """
    if entry.is_symlink() or not entry.is_dir():
        entry.unlink(missing_ok=True)
        return
    with suppress(OSError):
        (entry / _INDEX).unlink()
    shutil.rmtree(entry, ignore_errors=True)
