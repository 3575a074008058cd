"""Reading of files from others: regular ones up to a size, so that no pipe or device blocks or fills the memory."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""Files that are not regular, in words."""


class IrregularFileError(OSError):
    """A path is not that of a regular file of allowed size; `strerror` is the reason, without the path."""


@contextmanager
def open_regular(path: Path, max_bytes: int | None = None) -> Iterator[BufferedReader]:
    """A regular file, open for reading; links are followed.

    Args:
        path: Its path.
        max_bytes: Largest size that it may have; None if the caller limits what is read.

    Raises:
        IrregularFileError: it is a folder, pipe, socket or device, or larger than `max_bytes`.
        OSError: it is missing or cannot be read.
    """
    try:
        # Without O_NONBLOCK, a pipe that nobody writes to would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise IrregularFileError(None, str(error)) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise IrregularFileError(
            None, f"it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no regular file')}, not a file"
        )
    with os.fdopen(descriptor, "rb") as file:
        if max_bytes is not None and status.st_size > max_bytes:
            raise IrregularFileError(None, f"it has {_mib(status.st_size)} MiB, and at most {_mib(max_bytes)} are read")
        yield file


def read_regular(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: as for `open_regular`.
    """
    with open_regular(path, max_bytes) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:  # it has grown, or its size is unknown
        raise IrregularFileError(None, f"it has more than {_mib(max_bytes)} MiB, the most that is read")
    return data


def is_regular_file(path: Path) -> bool:
    """Whether a path, after following links, is that of a regular file; never fails."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.4g}"
