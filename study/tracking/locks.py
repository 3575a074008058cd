"""Locks that keep processes from delivering to MLflow at the same time where that loses or doubles something."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from core.errors import StudyError
from core.storage.roots import shown
from core.storage.store import Store
from study.tracking.database import check_database, database_path, remove_init_lock

STUDY_WAIT_S = 5.0
"""Maximum time to wait for another process that delivers the same study."""
DATABASE_WAIT_S = 30.0
"""Maximum time to wait for another process that creates or migrates the same database."""


@contextmanager
def delivery_lock(store: Store) -> Iterator[None]:
    """Exclude other processes from the delivery of a study in a local folder: two at once would make runs twice.

    Raises:
        StudyError: another process is delivering the study.
    """
    if store.local_root is None:
        yield
        return
    lock = FileLock(store.local_root / ".mlflow.lock", timeout=STUDY_WAIT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise StudyError(
            f"another process delivers the study in {shown(store.root)} to MLflow now; wait until it has ended"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def database_lock(tracking_uri: str) -> Iterator[None]:
    """Exclude other processes from a SQLite database while it is created or migrated; other trackers need no lock.

    MLflow's migrations fail, and can leave the database broken, if two processes run them at once.

    Raises:
        StudyError: the file is no database of MLflow, or another process has not finished making it.
    """
    path = database_path(tracking_uri)
    if path is None:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=DATABASE_WAIT_S)
        lock.acquire()
    except Timeout as error:
        raise StudyError(
            f"another process makes or migrates the database {path} now; wait until it has ended"
        ) from error
    except OSError as error:
        raise StudyError(f"{path.parent} cannot be written ({error.strerror or error})") from error
    try:
        check_database(path)
        yield
        remove_init_lock(tracking_uri)
    finally:
        lock.release()
