"""SQLite databases of MLflow: what can be wrong with their files is found at once, where MLflow tries for a minute."""

import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

from core.errors import StudyError

LOCK_WAIT_S = 5.0
"""Maximum time to wait for a program that has locked the database."""
HEADER = b"SQLite format 3\0"
"""First bytes of the file of a database."""
_TABLES = {"alembic_version", "experiments"}
"""Tables of MLflow, of which its oldest databases have one and newer ones both."""


def database_path(tracking_uri: str) -> Path | None:
    """The file of a SQLite database; None for other trackers, and for a database in memory."""
    uri = urlsplit(tracking_uri)
    if uri.scheme.partition("+")[0] != "sqlite" or uri.path in ("", "/", "/:memory:"):
        return None
    # sqlite:///relative.db, sqlite:////absolute.db
    return Path(uri.path[1:]).absolute()


def check_database(path: Path) -> None:
    """Check that a file is a database of MLflow that can be written, or that it can be made.

    Raises:
        StudyError: it is something else, or is locked.
    """
    try:
        _check_file(path)
        if path.exists() and path.stat().st_size > 0:
            _check_content(path)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror or error}") from error


def remove_init_lock(tracking_uri: str) -> None:
    """Remove the file by which MLflow's processes exclude each other while one of them makes a database.

    MLflow leaves it in the folder for temporary files. Once the tables are there, a process that still waits for the
    file finds them, and makes none.
    """
    from sqlalchemy.engine import make_url

    name = hashlib.md5(str(make_url(tracking_uri)).encode(), usedforsecurity=False).hexdigest()
    Path(tempfile.gettempdir(), f"db_init_lock-{name}").unlink(missing_ok=True)


def _check_file(path: Path) -> None:
    """Check what kind of file it is.

    Raises:
        StudyError: it is none in which a database can be.
    """
    if path.is_symlink() and not path.exists() and not path.resolve().parent.is_dir():
        raise StudyError(f"{path} is a link to {path.readlink()}, whose folder does not exist; remove the link")
    if path.is_dir():
        raise StudyError(f"{path} is a folder where MLflow's database belongs; move it away")
    if path.exists() and not path.is_file():
        raise StudyError(f"{path} is no file, but MLflow's database belongs there; move it away")
    if path.is_file() and path.stat().st_size > 0:
        with path.open("rb") as file:
            if file.read(len(HEADER)) != HEADER:
                raise StudyError(f"{path} is no SQLite database; move it away, and MLflow makes a new one")


def _check_content(path: Path) -> None:
    """Check that a database is MLflow's, and can be written.

    Raises:
        StudyError: it is not, or cannot.
    """
    try:
        address = f"file:{quote(os.fspath(path))}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_S, isolation_level=None)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not tables & _TABLES:
                raise StudyError(
                    f"{path} is the database of another program, with the table {min(tables)!r}; move it away"
                )
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StudyError(f"{path} is locked by another program; end that, or wait for it") from error
        raise StudyError(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StudyError(f"{path} is damaged: {error}; move it away, and MLflow makes a new one") from error
