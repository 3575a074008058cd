"""A trial's data out of the user's cache: rendered or decoded once, then mapped into the memory of every trial.

`data/<name>/` in the cache folder holds the bare float32 values of each split's arrays, a file each, and `index.json`
with ids and shapes. The name is a hash of all that decides the values: settings, contents of the sources, code,
libraries, the CPU's instructions. An entry appears whole, by renaming, and is never changed. One that is missing or
damaged costs the building, and a cache that cannot be written leaves the data in the memory of each trial.
"""

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

from core.clips import Clips, Dataset
from core.data.base import DataSource
from core.data.build import build_source
from core.settings.digest import settings_sha256
from core.settings.trial import TrialConfig
from core.storage.atomic_write import sync_to_disk, write_atomically
from core.storage.cache_folder import cache_folder
from core.storage.code_version import code_version

MAX_BYTES = 4 * 10**9
"""What all entries together may take; beyond it, those that were not used for longest are removed."""
_LOG = logging.getLogger(__name__)
_VERSION = 2  # raise it when the files of an entry change
_INDEX = "index.json"
_VALUE = np.dtype("<f4")
_SPLITS = tuple(field.name for field in fields(Dataset))
_ARRAYS = ("audio", "f0_hz", "q", "modulation")


@dataclass(frozen=True, slots=True)
class _Split:
    """The index of one split."""

    ids: tuple[str, ...]
    modulation_names: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    """By name of the array; those of unknown content are left out."""


_CONTENT: TypeAdapter[dict[str, _Split]] = TypeAdapter(dict[str, _Split])


def cached_dataset(config: TrialConfig) -> Dataset:
    """The clips that the config's data source loads, bit for bit, mapped from the cache.

    The process that needs them first builds them, others wait. All processes of a machine share the memory; what a
    process writes to a tensor is seen by itself alone.

    Raises:
        ConfigError, DataError: as `DataSource.load`, also where the cache has the data but their source has changed.
    """
    source = build_source(config.data, config.audio)
    name = _name(config, source)
    folder = cache_folder() / "data"
    entry = folder / name
    if (dataset := _read(entry)) is not None:
        return dataset
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(folder / f".{name}.lock"))
        except OSError as error:
            _LOG.warning("data cannot be cached in %s: %s", folder, error)
            return source.load()
        if (dataset := _read(entry)) is not None:
            return dataset
        _LOG.info("preparing data: %s", entry)
        dataset = source.load()
        if _name(config, source) != name:  # the source changed while it was read
            return dataset
        try:
            if entry.exists():
                _LOG.warning("data in %s are damaged and were made again", entry)
                _remove(entry)
            _write(entry, dataset)
            _remove_least_recently_used(folder, entry)
        except OSError as error:
            _LOG.warning("data cannot be cached in %s: %s", folder, error)
        return _read(entry) or dataset


# ---------------------------------------------------------------------------------------------------------------------


def _name(config: TrialConfig, source: DataSource) -> str:
    scan = source.scan()
    source.check_unchanged(scan)
    libraries = (torch.__version__, np.__version__, soundfile.__libsndfile_version__)
    instructions = torch.backends.cpu.get_cpu_capability()
    made_by = (_VERSION, code_version(), *libraries, instructions)
    return settings_sha256((config.data, config.audio, scan.sha256, made_by))[:32]


def _read(entry: Path) -> Dataset | None:
    """The dataset of an entry, marked as used; None without one, or where it is damaged."""
    try:
        index = _CONTENT.validate_json((entry / _INDEX).read_bytes())
        dataset = Dataset(**{split: _read_clips(entry, split, index[split]) for split in _SPLITS})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        _LOG.debug("no data in %s: %s", entry, error)
        return None
    with suppress(OSError):
        os.utime(entry / _INDEX)
    return dataset


def _read_clips(entry: Path, split: str, index: _Split) -> Clips:
    arrays = {name: _mapped(_file(entry, split, name), shape) for name, shape in index.shapes.items()}
    return Clips(
        ids=index.ids,
        audio=arrays["audio"],
        f0_hz=arrays["f0_hz"],
        q=arrays["q"],
        modulation=arrays.get("modulation"),
        modulation_names=index.modulation_names,
    )


def _mapped(path: Path, shape: tuple[int, ...]) -> Tensor:
    needed, found = math.prod(shape) * _VALUE.itemsize, path.stat().st_size
    if found != needed:
        raise ValueError(f"{path} must have {needed} bytes; it has {found}")
    # Mode c is copy on write: the file stays as it is, and torch takes the array for one that can be written.
    return torch.from_numpy(np.memmap(path, _VALUE, mode="c", shape=shape))


def _write(entry: Path, dataset: Dataset) -> None:
    part = entry.with_name(f".{entry.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        index: dict[str, _Split] = {}
        for split in _SPLITS:
            clips: Clips = getattr(dataset, split)
            arrays = {name: array for name in _ARRAYS if (array := getattr(clips, name)) is not None}
            for name, array in arrays.items():
                array.numpy().astype(_VALUE, copy=False).tofile(_file(part, split, name))
                sync_to_disk(_file(part, split, name))
            shapes = {name: tuple(array.shape) for name, array in arrays.items()}
            index[split] = _Split(clips.ids, clips.modulation_names, shapes)
        write_atomically(part / _INDEX, _CONTENT.dump_json(index))
        part.rename(entry)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _file(entry: Path, split: str, array: str) -> Path:
    return entry / f"{split}.{array}.f32"


def _remove_least_recently_used(folder: Path, keep: Path) -> None:
    entries = []
    for entry in folder.iterdir():
        # A lock is no folder, and another process may be removing the entry as well.
        with suppress(OSError):
            n_bytes = sum(file.stat().st_size for file in entry.iterdir())
            used_at = (entry / _INDEX if (entry / _INDEX).exists() else entry).stat().st_mtime_ns
            entries.append((used_at, entry, n_bytes))
    total = sum(n_bytes for *_, n_bytes in entries)
    for _, entry, n_bytes in sorted(entries):
        if total > MAX_BYTES and entry != keep:
            _LOG.info("removing data that were not used for longest: %s", entry)
            _remove(entry)
            total -= n_bytes


def _remove(entry: Path) -> None:
    """Remove an entry, its index first, so that nobody reads a half of it. Who has mapped it keeps its pages."""
    (entry / _INDEX).unlink(missing_ok=True)
    shutil.rmtree(entry, ignore_errors=True)
