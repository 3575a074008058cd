"""Values by key under one root, a local folder or a URI that `pyarrow.fs` supports, written atomically.

Errors of the file system, such as a full or read-only disk, become `StoreError` with what to do about them.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as fs

from core.errors import DamageError, MissingError, StoreError
from core.storage.atomic_write import write_atomically, write_new
from core.storage.keys import check_inside, check_key
from core.storage.roots import below, is_uri, shown
from core.storage.s3 import write_if_new

_MAX_BYTES = {".json": 2**28, ".arrow": 2**31}
"""Largest size of files that are read whole, by suffix; the plan or the ledger of 100,000 trials has less."""
_REMEDIES: dict[int, str] = {
    errno.ENOSPC: "the disk is full: free some space and run the command again; what is stored is safe",
    errno.EDQUOT: "the quota of the disk is used up: free some space and run the command again; what is stored is safe",
    errno.EROFS: "the file system is read-only: mount it for writing, or choose another --root",
    errno.EACCES: "this user lacks the permission: change the permissions of the folder, or choose another --root",
    errno.EPERM: "this user lacks the permission: change the permissions of the folder, or choose another --root",
    errno.ENOTDIR: "a file is where a folder belongs: move it away",
    errno.EEXIST: "a file is where a folder belongs, or the other way round: move it away",
    errno.EISDIR: "a folder is where a file belongs: move it away",
    errno.ENOTEMPTY: "a folder is where a file belongs: move it away",
    errno.ELOOP: "a symbolic link leads back to itself: remove it",
    errno.ENAMETOOLONG: "the path is too long for the file system: choose a shorter --root or --name",
    errno.EIO: "the disk reports an error: check it, and move the study to another disk",
    errno.ESTALE: "the shared folder has gone: mount it again",
    errno.EMFILE: "too many files are open: raise the limit by `ulimit -n`",
}
"""What to do about errors of a local file system."""
_IS_DAMAGE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.EINVAL, errno.ENXIO}
)
"""Errors of reading a single local file that other files need not have."""

_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk, or a used quota, is the cause of an error, however many errors were made from that one."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _IS_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def remedy_for(error: OSError) -> str:
    """What to do about an error of a local file system."""
    return _REMEDIES.get(error.errno or 0, "check the disk, or choose another --root")


class Values:
    """Bytes by key under one root."""

    def __init__(self, root: str | Path) -> None:
        """Open a root; nothing is written.

        Args:
            root: A local folder, created on the first write, or a URI such as `s3://bucket/prefix`; see
                `core.storage.roots`.

        Raises:
            StoreError: the URI is invalid.
        """
        self.root = str(root)
        if is_uri(self.root):
            try:
                self._fs, self._base = fs.FileSystem.from_uri(self.root)
            except (pa.ArrowInvalid, OSError) as error:
                raise StoreError(
                    f"a root is a folder or a URI such as s3://bucket/prefix; {shown(self.root)} cannot be opened: "
                    f"{error}"
                ) from error
        else:
            self._fs, self._base = fs.LocalFileSystem(), str(Path(self.root).absolute())

    @property
    def local_root(self) -> Path | None:
        """The root as a path; None if it is not a local folder."""
        return Path(self._base) if isinstance(self._fs, fs.LocalFileSystem) else None

    def address(self, key: str) -> str:
        """Path or URI of a key, to be shown."""
        return below(shown(self.root), key)

    def file(self, key: str) -> tuple[fs.FileSystem, str]:
        """File system of the root and the path of a key on it, for readers of pyarrow."""
        return self._fs, self._path(key)

    def _path(self, key: str) -> str:
        """Path of a key on the file system.

        Raises:
            StoreError: the key would lead out of the root.
        """
        if key:  # the root itself, for listings
            check_key(key)
        return f"{self._base}/{key}"

    def _path_to_write(self, key: str) -> str:
        """Path of a key that is about to be written or removed.

        Raises:
            StoreError: the key would lead out of the root, also by a symbolic link to a folder.
        """
        path = self._path(key)
        if self.local_root is not None:
            check_inside(Path(path), self.local_root)
        return path

    def put(self, key: str, data: bytes) -> None:
        """Write a value; it appears only when complete.

        Raises:
            StoreError: the root cannot be written, for example because the disk is full.
        """
        path = self._path_to_write(key)
        with self._reported_errors("written", key):
            if self.local_root is not None:
                write_atomically(Path(path), data)
                return
            with self._fs.open_output_stream(path) as stream:
                stream.write(data)

    def put_new(self, key: str, data: bytes) -> None:
        """Write a value under a new key.

        Of any number of concurrent writers of a key, in any processes on any machines, exactly one returns and all
        others raise: in a local or shared folder by a hard link, on S3 by a conditional write. The value is then
        complete and durable, and later reads by any process find it. On other remote file systems, writers that start
        within the same moment may all return; a value that is already there is never replaced.

        Raises:
            StoreError: the key exists already, or the root cannot be written.
        """
        if not self._write_if_new(key, data):
            raise StoreError(f"{shown(self.root)} already holds {key}; another process wrote it: run the command again")

    def _write_if_new(self, key: str, data: bytes) -> bool:
        """Write a value under a new key; returns whether it was written."""
        path = self._path_to_write(key)
        if self.local_root is not None:
            with self._reported_errors("written", key):
                try:
                    write_new(Path(path), data)
                except FileExistsError:
                    # A file in place of a folder above the key is another error.
                    if not Path(path).is_file():
                        raise
                    return False
            return True
        if isinstance(self._fs, fs.S3FileSystem):
            return write_if_new(self.root, self._fs.region, path, data)
        if self.has(key):
            return False
        self.put(key, data)
        return self.get(key) == data

    def get(self, key: str) -> bytes:
        """The value of a key.

        Raises:
            DamageError: it is there, but cannot be read.
            MissingError: there is no such key.
            StoreError: the root cannot be used.
        """
        try:
            with self._reported_errors("read", key):
                if self.local_root is not None:
                    return self._read_local(key)
                with self._fs.open_input_stream(self._path(key)) as stream:
                    return bytes(stream.read())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingError(f"{shown(self.root)} holds no {key}") from error

    def _read_local(self, key: str) -> bytes:
        """The content of a local file; what is no regular file is not read, because reading from a pipe never ends."""
        path = Path(self._path(key))
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            what = "a folder" if stat.S_ISDIR(state.st_mode) else "a pipe or a device"
            raise DamageError(f"{self.address(key)} is damaged: it is {what} and not a file", "move it away")
        limit = _MAX_BYTES.get(path.suffix)
        if limit is not None and state.st_size > limit:
            raise DamageError(
                f"{self.address(key)} is damaged: it has {state.st_size} bytes, and such files have at most {limit}",
                "move it away",
            )
        return path.read_bytes()

    def size(self, key: str) -> int | None:
        """Size in bytes of the value of a key; None if there is none.

        Raises:
            DamageError: it is there, but cannot be looked at.
        """
        with self._reported_errors("read", key):
            if self.local_root is not None:
                try:
                    state = Path(self._path(key)).stat()
                except (FileNotFoundError, NotADirectoryError):
                    return None
                return state.st_size if stat.S_ISREG(state.st_mode) else None
            info = self._fs.get_file_info(self._path(key))
        return int(info.size) if info.type == fs.FileType.File else None

    def drop(self, key: str) -> None:
        """Remove a key."""
        with self._reported_errors("removed", key):
            self._fs.delete_file(self._path_to_write(key))

    def move(self, key: str, to: str) -> None:
        """Move a value to another key, or a folder of a local root to another place under it.

        Raises:
            StoreError: the root cannot be written.
        """
        with self._reported_errors("moved", key):
            if self.local_root is not None:
                target = Path(self._path_to_write(to))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(self._path_to_write(key), target)
                return
            self._fs.move(self._path(key), self._path(to))

    def has(self, key: str) -> bool:
        """Whether the key exists."""
        path = self._path(key)
        if self.local_root is not None:
            try:
                return stat.S_ISREG(Path(path).stat().st_mode)
            except OSError:
                return False
        with self._reported_errors("read", key):
            return bool(self._fs.get_file_info(path).type == fs.FileType.File)

    def names(self, prefix: str) -> list[str]:
        """Sorted names directly below a prefix, without unfinished writes.

        Raises:
            DamageError: the folder cannot be read.
        """
        if self.local_root is not None:
            # pyarrow asks for the type and size of each file, which takes ten times as long.
            try:
                with self._reported_errors("read", prefix):
                    names = [path.name for path in Path(self._path(prefix)).iterdir()]
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(name for name in names if not name.startswith("."))
        selector = fs.FileSelector(self._path(prefix), allow_not_found=True)
        with self._reported_errors("read", prefix):
            infos = self._fs.get_file_info(selector)
        return sorted(info.base_name for info in infos if info.base_name[:1] != ".")

    def all_names(self, prefix: str) -> list[str]:
        """Sorted paths, relative to a prefix, of all values below it, without unfinished writes."""
        base = self._path(prefix).rstrip("/") + "/"
        if self.local_root is not None:
            # os.walk follows no links, which could lead back, and passes over what cannot be read.
            found = (Path(folder, name) for folder, _, names in os.walk(base) for name in names)
            return sorted(str(path.relative_to(base)) for path in found if not path.name.startswith("."))
        selector = fs.FileSelector(base, allow_not_found=True, recursive=True)
        with self._reported_errors("read", prefix):
            infos = [info for info in self._fs.get_file_info(selector) if info.type == fs.FileType.File]
        return sorted(info.path.removeprefix(base) for info in infos if info.base_name[:1] != ".")

    @contextmanager
    def _reported_errors(self, action: str, key: str) -> Iterator[None]:
        """Errors of the file system become StoreError, those of reading one local file DamageError.

        Args:
            action: What is done with the key, as in "cannot be read".
            key: The key.
        """
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            if action == "read":
                raise
            raise self._reported(error, action, key) from error
        except (OSError, pa.ArrowInvalid) as error:
            raise self._reported(error, action, key) from error

    def _reported(self, error: Exception, action: str, key: str) -> StoreError:
        """The error of a file system, with the key and what to do."""
        number = error.errno if isinstance(error, OSError) else None
        if self.local_root is None:
            return StoreError(f"{shown(self.root)} cannot be used: {error}")
        reason = os.strerror(number) if number else str(error)
        remedy = remedy_for(OSError(number, reason))
        problem = f"{self.address(key)} cannot be {action} ({reason})"
        if action == "read" and number in _IS_DAMAGE:
            return DamageError(problem, remedy)
        return StoreError(f"{problem}; {remedy}")
