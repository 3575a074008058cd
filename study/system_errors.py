"""Errors of the operating system as sentences: what happened, where, and what to do."""

import errno
import os
from pathlib import Path

NO_FOLDER = "the current folder does not exist any more: change to another one"
"""Error without a current folder, in which torch, among others, cannot be imported."""


def system_error_text(error: OSError) -> str:
    """A sentence on an error of the operating system, with a remedy."""
    from core.storage.values import remedy_for

    if error.errno == errno.ENOENT and not has_working_folder():
        return NO_FOLDER
    where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}; {remedy_for(error)}"


def has_working_folder() -> bool:
    """Whether the current folder exists."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True
