"""Where the machine code of kernels is cached: in the user's cache folder, by a hash of the sources of all operations.

Every copy of the same sources shares one cache, wherever it lies: a checkout, an installed package, or the folder to
which Ray unpacks it on a node of a cluster. numba's own folders depend on the path of the source, and its check for
changes covers only the file of the kernel itself. NUMBA_CACHE_DIR names another parent folder.

Each file contains its own sha256: one that is cut or altered is compiled again, where numba would fail or run it.
"""

import hashlib
import logging
import os
import pickle
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile, UserProvidedCacheLocator
from numba.core.serialize import dumps

from core.cache_folder import cache_folder, sealed, unsealed

UNUSED_DAYS = 30
"""Machine code of other sources is removed after this many days without use."""
_LOG = logging.getLogger(__name__)
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


def cache_kernel(compiled: Any, function: Callable[..., Any]) -> None:
    """Let numba cache the machine code of a function in `kernel_folder`.

    Args:
        compiled: The function as compiled by `numba.njit`, without `cache=True`.
        function: The function itself.
    """
    if _CONFIG.DISABLE_JIT:
        return
    before = _CONFIG.CACHE_LOCATOR_CLASSES
    _CONFIG.CACHE_LOCATOR_CLASSES = _LOCATORS
    try:
        compiled._cache = _VerifiedCache(function)
    finally:
        _CONFIG.CACHE_LOCATOR_CLASSES = before


class _VerifiedFiles(IndexDataCacheFile):
    """Files of numba with the sha256 of their content; a damaged one is as good as none."""

    def _load_index(self) -> dict[Any, str]:
        try:
            version, stamp, names = self._load(self._index_path)
        except OSError:
            return {}
        return names if (version, stamp) == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._save(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return self._load(self._path_of(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._save(self._path_of(name), data)

    def _path_of(self, name: str) -> str:
        return str(Path(self._cache_path) / name)

    def _load(self, path: str) -> Any:
        """The content of a file.

        Raises:
            OSError: it is missing, damaged or not of this format.
        """
        try:
            # The machine code of kernels is numba's: whoever can write it can run code anyway.
            return pickle.loads(unsealed(Path(path).read_bytes()))  # noqa: S301
        except ValueError as error:
            _LOG.warning("machine code in %s was damaged and is compiled again", path)
            raise OSError(None, str(error)) from error

    def _save(self, path: str, content: Any) -> None:
        with self._open_for_write(path) as file:
            file.write(sealed(dumps(content)))  # type: ignore[no-untyped-call]


class _VerifiedCache(FunctionCache):
    """Cache of a function in `_VerifiedFiles`, without which the function works too."""

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)  # type: ignore[no-untyped-call]
        locator = self._impl.locator
        self._cache_file: Any = _VerifiedFiles(  # type: ignore[no-untyped-call]
            self._cache_path, self._impl.filename_base, locator.get_source_stamp()
        )

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the machine code for a signature, if the disk admits it."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _LOG.warning("machine code cannot be cached in %s: %s", self._cache_path, error)


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
