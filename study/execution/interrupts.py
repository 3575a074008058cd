"""SIGTERM as an interrupt of the main thread, like Ctrl-C, so that a study that is stopped ends cleanly."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt in the main thread until the block ends."""
    before = signal.signal(signal.SIGTERM, raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def raise_interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  (the arguments of a signal handler)
    """Signal handler that raises KeyboardInterrupt."""
    raise KeyboardInterrupt
