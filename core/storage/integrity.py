"""Checks of stored files against the size and sha256 that the record of their attempt has of them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.storage.records import StoredFile


@dataclass(frozen=True, slots=True)
class _Hashed:
    """A file on this machine when it was hashed."""

    state: tuple[int, int, int]
    """Size, time of the last change, and number of the file."""
    sha256: str


_hashed: dict[Path, _Hashed] = {}
"""Files that this process has hashed, so that each is hashed once while it does not change."""


def stored_file(data: bytes) -> StoredFile:
    """Size and hash of the content of a file."""
    return StoredFile(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def problem_of_content(data: bytes, expected: StoredFile) -> str | None:
    """What is wrong with the content of a file; None if it is as it was written."""
    if problem := problem_of_size(len(data), expected):
        return problem
    return None if stored_file(data) == expected else _other_content(expected)


def problem_of_size(size: int | None, expected: StoredFile) -> str | None:
    """What is wrong with the size of a file in bytes, which is None if there is no file; None if nothing is."""
    if size is None:
        return "it is missing"
    return None if size == expected.size else f"it has {size} bytes, and was written with {expected.size}"


def problem_of_file(path: Path, expected: StoredFile, *, again: bool = False) -> str | None:
    """What is wrong with a file on this machine; None if it is as it was written.

    The file is read once, and again only if its size or the time of its last change differs from then.

    Args:
        path: The file.
        expected: Its size and hash when it was written.
        again: Whether it is read in any case.

    Raises:
        OSError: it cannot be read.
    """
    state = path.stat()
    if problem := problem_of_size(state.st_size, expected):
        return problem
    key = (state.st_size, state.st_mtime_ns, state.st_ino)
    known = _hashed.get(path)
    if again or known is None or known.state != key:
        with path.open("rb") as stream:
            known = _hashed[path] = _Hashed(key, hashlib.file_digest(stream, "sha256").hexdigest())
    return None if known.sha256 == expected.sha256 else _other_content(expected)


def _other_content(expected: StoredFile) -> str:
    return f"its content is not that with the sha256 {expected.sha256[:12]}... which was written"
