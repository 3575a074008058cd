"""Signals that stop a study: the first one interrupts the main thread, so that the study ends in order.

SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal) raise KeyboardInterrupt once. A further SIGINT or SIGTERM ends
the process at once, with what it has started; nothing is lost then either, because records are committed one by one.
Programs that pass signals on, such as `timeout` and `make`, deliver one twice within a moment, which counts as one.
A signal that is ignored when the block begins, as SIGHUP is under nohup, stays ignored.

A thread sees the further signals: Python runs handlers in the main thread only, which may wait in native code of Ray.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that stop a study."""
SAME_S = 0.5
"""Time in seconds within which a further signal counts as the same one."""
INTERRUPTED = 130
"""Exit code of a command that was interrupted."""

_NO_SIGNAL = b"\0"
"""What ends the thread that watches signals."""

_has_come = False
"""Whether a signal has come in the present block."""
_to_kill: list[Callable[[], object]] = []
"""Functions that kill what this process has started, in the order in which it was started."""


@contextmanager
def interrupts() -> Iterator[None]:
    """Let signals interrupt the main thread until the block ends; blocks can be nested."""
    global _has_come
    before = {each: signal.getsignal(each) for each in SIGNALS}
    handle_interrupts()
    if raise_interrupt in before.values():
        yield
        return
    try:
        with _further_signals_end_at_once():
            yield
    finally:
        for each, handler in before.items():
            if handler is not None:
                signal.signal(each, handler)
        _has_come = False


def handle_interrupts() -> None:
    """Set the signal handlers, also those that a library has replaced."""
    for each in SIGNALS:
        if signal.getsignal(each) not in (signal.SIG_IGN, None):
            signal.signal(each, raise_interrupt)


def is_interrupted() -> bool:
    """Whether a signal has come in the present block."""
    return _has_come


@contextmanager
def killed_at_once(kill: Callable[[], object]) -> Iterator[None]:
    """Call a function if this process is ended at once within the block.

    Args:
        kill: Kills other processes; it must not wait for them.
    """
    _to_kill.append(kill)
    try:
        yield
    finally:
        _to_kill.remove(kill)


def raise_interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  (the arguments of a signal handler)
    """Signal handler: raises KeyboardInterrupt the first time."""
    global _has_come
    if not _has_come:
        _has_come = True
        raise KeyboardInterrupt


@contextmanager
def _further_signals_end_at_once() -> Iterator[None]:
    """Watch signals in a thread until the block ends: Python writes the number of each to a pipe when it comes."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch_signals, args=(reading,), name="signal watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.set_blocking(writing, True)
        os.write(writing, _NO_SIGNAL)
        thread.join()
        os.close(writing)
        os.close(reading)


def _watch_signals(reading: int) -> None:
    """End the process at the second of the signals whose numbers come through a pipe, unless it repeats the first."""
    first_s: float | None = None
    while (number := os.read(reading, 1)) != _NO_SIGNAL:
        (signum,) = number
        if signum not in SIGNALS:
            continue
        if first_s is None:
            first_s = time.monotonic()
        elif signum != signal.SIGHUP and time.monotonic() - first_s > SAME_S:
            _end_at_once()


def _end_at_once() -> NoReturn:
    """End this process and what it has started, without tidying up."""
    with suppress(OSError):
        os.write(2, b"\nstopped at once; trials that had ended have their results, `modstudy resume` runs the others\n")
    for kill in reversed(_to_kill):
        with suppress(Exception):  # whatever happens, the process ends
            kill()
    os._exit(INTERRUPTED)
