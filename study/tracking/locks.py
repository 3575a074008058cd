"""Locks that keep processes from delivering to MLflow at the same time where that loses or doubles something."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from core.errors import StudyError
from core.storage.roots import shown
from core.storage.store import Store

STUDY_WAIT_S = 5.0
"""Maximum time to wait for another process that delivers the same study."""
DATABASE_WAIT_S = 60.0
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
    """
    uri = urlsplit(tracking_uri)
    if uri.scheme.partition("+")[0] != "sqlite" or uri.path in ("", "/", "/:memory:"):
        yield
        return
    # sqlite:///relative.db, sqlite:////absolute.db
    path = Path(uri.path[1:]).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=DATABASE_WAIT_S):
        yield
