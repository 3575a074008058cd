"""What a root of studies must be, looked at before any work starts: errors of single files would come late."""

import os
from pathlib import Path

from core.errors import StudyError
from core.storage.roots import is_uri


def check_root(root: str, *, writes: bool = False) -> None:
    """Check that a local root is a folder, or can be made; other roots are checked when they are used.

    Args:
        root: The root.
        writes: Whether the command writes to it.

    Raises:
        StudyError: it is no folder, or cannot be written.
    """
    if is_uri(root):
        return
    path = Path(os.path.abspath(root))  # noqa: PTH100  (a name that is too long must not raise)
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if there.is_symlink() and not there.exists():
        raise StudyError(
            f"--root names a folder; {there} is a link to {there.readlink()}, which does not exist: make that folder, "
            "or remove the link"
        )
    if not there.is_dir():
        raise StudyError(f"--root names a folder; {there} is none: choose another --root, or move it away")
    if writes and not os.access(there, os.W_OK | os.X_OK):
        reason = "its disk is read-only" if _is_read_only(there) else "this user lacks the permission"
        raise StudyError(f"{there} cannot be written: {reason}; choose another --root, or make the folder writable")


def _is_read_only(folder: Path) -> bool:
    """Whether the file system of a folder is mounted read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
