"""Folders for temporary files of drivers; those of drivers that were killed are removed by the next one.

A driver holds a lock in its folder, which the system releases when the driver ends, however it ends.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LONGEST_TEMP_DIR = 40
"""Maximum length of the path of a folder for temporary files.

Ray adds about 60 characters for its sockets, whose paths are limited to 107 characters.
"""
PREFIX = "modstudy-"
LOCK_NAME = "driver.lock"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder with a short path, removed when the block ends."""
    system = tempfile.gettempdir()
    base = Path(system if len(system) <= LONGEST_TEMP_DIR else "/tmp")
    remove_abandoned(base)
    folder, lock = _locked_folder(base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def remove_abandoned(base: Path) -> int:
    """Remove the folders of this user's drivers that have ended without removing them, and return their number."""
    n_removed = 0
    for path in base.glob(f"{PREFIX}*/{LOCK_NAME}"):
        try:
            if path.parent.stat().st_uid != os.getuid():
                continue
            with FileLock(path, timeout=0):
                _remove(path.parent)
        except (Timeout, OSError):
            continue  # its driver runs, or another process removes it
        n_removed += not path.exists()
    return n_removed


def _remove(folder: Path) -> None:
    """Remove a folder; its lock goes last, so that it is tried again later if a process still writes in the folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK_NAME:
            path.unlink()
    if [path.name for path in folder.iterdir()] == [LOCK_NAME]:
        shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(base: Path) -> tuple[Path, FileLock]:
    """A new folder, and the lock in it that this process holds."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        lock = FileLock(folder / LOCK_NAME)
        lock.acquire()
        # Another driver may have removed the folder before it was locked.
        if (folder / LOCK_NAME).exists():
            return folder, lock
        lock.release()
