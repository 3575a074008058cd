"""Empty stores of every kind: in a folder, at the URI of a folder, on S3, and on another remote file system."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.fs as fs
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from core.storage.store import Store
from tests.support.s3_server import new_bucket, s3_options


def in_folder(folder: Path) -> Store:
    return Store(folder / "study")


def at_uri(folder: Path) -> Store:
    return Store(f"file://{folder}/study")


def in_memory(folder: Path) -> Store:
    """A store that treats its file system as a remote one."""
    store = Store("remote")
    store._fs, store._base = fs.PyFileSystem(fs.FSSpecHandler(MemoryFileSystem())), f"{folder}/study"
    assert store.local_root is None
    return store


def on_s3(folder: Path) -> Store:
    return Store(f"{new_bucket()}/{folder.name}/study{s3_options()}")


STORES: dict[str, Callable[[Path], Store]] = {"folder": in_folder, "uri": at_uri, "s3": on_s3, "remote": in_memory}
"""By kind, a function from a test's own folder to the store."""
