"""Where the machine code of kernels is cached: in the user's cache folder, by a hash of the sources of all operations.

Every copy of the same sources shares one cache, wherever it lies: a checkout, an installed package, or the folder to
which Ray unpacks it on a node of a cluster. numba's own folders depend on the path of the source, and its check for
changes covers only the file of the kernel itself. NUMBA_CACHE_DIR names another parent folder.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import UserProvidedCacheLocator

from core.cache_folder import cache_folder

UNUSED_DAYS = 30
"""Machine code of other sources is removed after this many days without use."""
_CONFIG: Any = numba.config
_LOCATORS = f"{__name__}.KernelCacheLocator,InTreeCacheLocator,UserWideCacheLocator,IPythonCacheLocator"
"""Classes that numba tries in this order; those of numba are for machines where the cache folder is not writable."""


@cache
def kernel_folder() -> Path:
    """Folder with the machine code of the kernels of these sources; it may not exist yet."""
    content = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return _parent_folder() / content.hexdigest()[:16]


@contextmanager
def kernel_cache() -> Iterator[None]:
    """Functions that numba compiles with `cache=True`, if decorated in the block, are cached in `kernel_folder`."""
    before = _CONFIG.CACHE_LOCATOR_CLASSES
    _CONFIG.CACHE_LOCATOR_CLASSES = _LOCATORS
    try:
        yield
    finally:
        _CONFIG.CACHE_LOCATOR_CLASSES = before


class KernelCacheLocator(UserProvidedCacheLocator):
    """Tells numba to cache a function in `kernel_folder`."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno
        self._cache_path = str(kernel_folder())

    def ensure_cache_path(self) -> None:
        """Create the folder.

        Raises:
            OSError: the folder cannot be created, or is not writable.
        """
        _create_once()

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "KernelCacheLocator | None":
        """The locator of a function; None if the folder is not writable."""
        locator = cls(py_func, py_file)
        try:
            locator.ensure_cache_path()
        except OSError:
            return None
        return locator


def _parent_folder() -> Path:
    """Parent of the folders of different sources."""
    return Path(_CONFIG.CACHE_DIR) if _CONFIG.CACHE_DIR else cache_folder() / "kernels"


@cache
def _create_once() -> None:
    """Create the folder, mark it as used, and remove those of other sources that were not used for a long time.

    Raises:
        OSError: the folder cannot be created, or is not writable.
    """
    folder = kernel_folder()
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} is not writable")
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for other in folder.parent.iterdir():
        # Another process may be removing it at the same time; files of others, such as numba's own, have other names.
        with suppress(OSError):
            if len(other.name) == len(folder.name) and other.is_dir() and other.stat().st_mtime < oldest:
                shutil.rmtree(other, ignore_errors=True)
