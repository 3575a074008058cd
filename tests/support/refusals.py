"""What a command must do with invalid input or damage: one clear line, the right exit code, nothing written or lost."""

import hashlib
import os
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from typer.testing import Result

from study.commands.options import BAD_INPUT
from tests.support.command_line import Command, flat

MAX_CHARACTERS = 1200
"""Longest error message that is still one clear line."""
MAX_SECONDS = 20
"""Longest time that a refusal may take on a busy machine; a command that takes longer hangs."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that change the direction of writing, which could disguise a message."""


def assert_refused(
    modstudy: Command, *arguments: object, folder: Path, says: str = "", exit_code: int = BAD_INPUT
) -> str:
    """Run a command that must refuse, and check that it does so in one line, in time, without writing anything.

    Args:
        modstudy: The command line.
        arguments: Arguments of the command.
        folder: Folder whose content must not change.
        says: A part of the message, in which runs of blanks count as one blank.
        exit_code: The exit code.

    Returns:
        The message.
    """
    before = snapshot(folder)
    with time_limit(MAX_SECONDS):
        result = modstudy(*arguments)
    message = clear_line(result, exit_code)
    assert " ".join(says.split()) in message, message
    assert snapshot(folder) == before
    return message


def clear_line(result: Result, exit_code: int = BAD_INPUT) -> str:
    """The only error message of a command that ended with an exit code; fails if it is not one clear line."""
    text = flat(result)
    assert result.exit_code == exit_code, f"exit code {result.exit_code}: {text} {result.exception!r}"
    assert "Traceback" not in text, text
    assert text.count("error: ") == 1, text
    message = text.partition("error: ")[2]
    assert 0 < len(message) <= MAX_CHARACTERS, f"{len(message)} characters: {message}"
    assert not _UNPRINTABLE.search(message), repr(message)
    return message


def snapshot(folder: Path) -> dict[str, str]:
    """Hash or kind of every file and folder below a folder, by path."""
    return dict(_entries(folder))


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and hash or kind of everything below a folder; only regular files are read."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                content = "link" if stat.S_ISLNK(mode) else stat.filemode(mode)[0]
            yield os.fsdecode(path.relative_to(folder)), content


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer; code outside Python is interrupted when it returns only."""

    def fail(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"it takes longer than {seconds:g} s: it hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
