"""Errors of the operating system as sentences: what happened, where, and what to do."""

import errno
import os
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a used quota."""
_REMEDIES = {
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "change the permissions, or choose another folder",
    errno.EPERM: "change the permissions, or choose another folder",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
    errno.EEXIST: "something else has this name: choose another folder",
    errno.ELOOP: "the link leads to itself: remove it, or choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.EIO: "look whether the disk is damaged",
}
"""What to do, by error number."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is the cause of an error, however many errors were made from that."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def system_error_text(error: OSError) -> str:
    """A sentence on an error of the operating system, with a remedy."""
    if error.errno == errno.ENOENT and not _has_working_folder():
        return "the current folder does not exist any more: change to another folder"
    where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    what = error.strerror or str(error)
    if error.errno in FULL:
        return f"{where}{what}: free space on the disk, or choose another folder, and run the command again"
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{what}" + (f"; {remedy}" if remedy else "")


def _has_working_folder() -> bool:
    """Whether the current folder exists."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True
