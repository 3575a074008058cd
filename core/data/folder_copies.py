"""Copies of data folders in the cache, for machines on which the folder itself is not there.

A copy lies in `sources/<sha256>/` in the user's cache folder, named by the hash of the content that the scan of the
folder found. It is used where `data.folder` does not exist, and scanned like the folder itself.
"""

import io
import re
import secrets
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from core.cache_folder import cache_folder
from core.errors import ConfigError, DataError


def copy_of(sha256: str) -> Path:
    """Path of the copy of the folder with this content; it may not exist.

    Raises:
        ConfigError: the hash is no sha256, and might thus name another folder.
    """
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ConfigError(f"the hash of a folder is 64 hexadecimal digits; got {sha256[:100]!r}; leave it out")
    return cache_folder() / "sources" / sha256


def folder_bytes(folder: Path) -> int:
    """Size in bytes of all files in a folder that `pack` would pack."""
    return sum(path.stat().st_size for path in _files(folder))


def pack(folder: Path) -> bytes:
    """All files of a folder, without hidden ones, as an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in _files(folder):
            archive.add(path, arcname=path.relative_to(folder), recursive=False)
    return buffer.getvalue()


def unpack(sha256: str, archive: bytes) -> None:
    """Write the copy of a folder from its archive, if it does not exist; it appears only when complete.

    Raises:
        DataError: the archive is damaged, or has anything but files inside the folder.
    """
    target = copy_of(sha256)
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{sha256}.{secrets.token_hex(4)}")
    try:
        _extract(archive, temporary)
        try:
            temporary.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_copy(sha256: str) -> None:
    """Remove the copy of a folder, if it exists."""
    shutil.rmtree(copy_of(sha256), ignore_errors=True)


def _extract(archive: bytes, folder: Path) -> None:
    """Write the files of an archive into a new folder.

    Raises:
        DataError: the archive is damaged, compressed, or has links, devices, or files outside the folder.
    """
    folder.mkdir()
    try:
        # Not compressed: the files are as large as the archive at most.
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as files:
            members = files.getmembers()
            for member in members:
                if not member.isreg() or member.issparse() or {"/", ".."} & set(PurePosixPath(member.name).parts):
                    raise DataError(
                        f"an archive of a data folder has only files, and inside the folder; got {member.name[:200]!r}"
                    )
            if sum(member.size for member in members) > len(archive):
                raise DataError("an archive of a data folder ends before its files do; remove it from the store")
            files.extractall(folder, members, filter="data")
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise DataError(f"an archive of a data folder cannot be unpacked: {error}; remove it from the store") from error


def _files(folder: Path) -> list[Path]:
    """All files below a folder, sorted, without those that are hidden or in hidden folders."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
