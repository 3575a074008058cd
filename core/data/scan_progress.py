"""Progress of scans of sound folders, which the command line shows: a scan reports, whoever listens is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

OnProgress = Callable[[str, int, int], None]
"""Function of the folder and the numbers of finished and of all files."""
_LISTENER: ContextVar[OnProgress | None] = ContextVar("_LISTENER", default=None)


@contextmanager
def listen(on_progress: OnProgress) -> Iterator[None]:
    """Call a function whenever a scan in the block has inspected a file."""
    token = _LISTENER.set(on_progress)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def report(folder: str, n_done: int, n_files: int) -> None:
    """Report that a scan has inspected a file."""
    if (listener := _LISTENER.get()) is not None:
        listener(folder, n_done, n_files)
