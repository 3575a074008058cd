"""Standard output and standard error of the command line, whose loss does not end a study.

A reader may close the pipe (`modstudy status STUDY | head -1`), a terminal may be closed, and the disk of a file may be
full. A study that runs then goes on without output; `lost_output` says what happened, for the exit code.
"""

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class _Guarded:
    """A stream that drops what it cannot write, and remembers why."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write a text, unless an earlier one was lost."""
        if self.error is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        if self.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        """Let the stream lead nowhere, so that the interpreter, which writes what is buffered, can end in order."""
        self.error = error
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def guard_output() -> None:
    """Drop from now on what cannot be written to standard output and standard error."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It was closed, as by `>&-`: a file that took its number would get what libraries print.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is not None:
            setattr(sys, name, cast(TextIO, _Guarded(stream)))


def lost_output() -> str | None:
    """Why standard output is incomplete; None if it is not, or if its reader does not want more of it."""
    error = sys.stdout.error if isinstance(sys.stdout, _Guarded) else None
    if error is None or error.errno in (errno.EPIPE, errno.EIO):
        return None
    return os.strerror(error.errno or errno.EIO)
