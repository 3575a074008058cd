"""Trackers that hang, cannot be reached, or are none: a study does not wait for them, and says how to deliver."""

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow import MlflowClient

from core.errors import StudyError
from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from study.tracking import database, locks, tracker
from study.tracking.database import check_database, database_path
from study.tracking.delivery import Delivery
from study.tracking.reasons import reason_of
from study.tracking.tracker import Tracker, default_tracker
from tests.support.command_line import Command
from tests.support.killed_study import Command as Process
from tests.support.processes import wait_until
from tests.support.refusals import clear_line, snapshot, time_limit
from tests.support.servers import free_port
from tests.support.tiny_study import commit, create_study, tiny_plan
from tests.support.trained_study import CONSTANT, study_text

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PATIENCE_S = 240
BUSY_S = 20.0
"""Time by which imports may delay a command on a busy machine."""


class Root:
    """A root with a study that has run, and what must stay open while a test runs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.path, self.stack = folder, stack
        self.store = create_study(folder / "tiny", tiny_plan())
        for minute, trial in enumerate(self.store.plan().trials):
            commit(self.store, trial, minute)

    @property
    def database(self) -> Path:
        """Where the database belongs."""
        return self.path / "mlflow.db"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    with ExitStack() as stack:
        yield Root(tmp_path / "root", stack)


def a_folder(root: Root) -> None:
    root.database.mkdir()


def a_folder_with_files(root: Root) -> None:
    root.database.mkdir()
    (root.database / "notes.txt").write_text("mine")


def a_dead_link(root: Root) -> None:
    root.database.symlink_to("/nowhere/at/all.db")


def a_looping_link(root: Root) -> None:
    root.database.symlink_to("mlflow.db")


def a_pipe(root: Root) -> None:
    os.mkfifo(root.database)


def garbage(root: Root) -> None:
    root.database.write_bytes(bytes(range(256)) * 20)


def a_text(root: Root) -> None:
    root.database.write_text("to be done")


def half_a_header(root: Root) -> None:
    root.database.write_bytes(database.HEADER[:9])


def garbage_below_a_header(root: Root) -> None:
    root.database.write_bytes(database.HEADER + b"\xff" * 5000)


def anothers(root: Root) -> None:
    with closing(sqlite3.connect(root.database)) as made:
        made.execute("CREATE TABLE contacts (name TEXT)")
        made.commit()


def locked(root: Root) -> None:
    made = root.stack.enter_context(closing(sqlite3.connect(root.database, isolation_level=None)))
    made.execute("CREATE TABLE experiments (name TEXT)")
    made.execute("BEGIN EXCLUSIVE")


def being_made(root: Root) -> None:
    root.stack.enter_context(FileLock(root.path / ".mlflow.db.lock"))


DAMAGES = [
    (a_folder, "is a folder where MLflow's database belongs; move it away"),
    (a_folder_with_files, "is a folder where MLflow's database belongs; move it away"),
    (a_dead_link, "is a link to /nowhere/at/all.db, whose folder does not exist; remove the link"),
    (a_looping_link, ""),
    (a_pipe, "is no file, but MLflow's database belongs there; move it away"),
    (garbage, "is no SQLite database; move it away, and MLflow makes a new one"),
    (a_text, "is no SQLite database; move it away, and MLflow makes a new one"),
    (half_a_header, "is no SQLite database; move it away, and MLflow makes a new one"),
    (garbage_below_a_header, "is damaged: "),
    (anothers, "is the database of another program, with the table 'contacts'; move it away"),
    (locked, "is locked by another program; end that, or wait for it"),
    (being_made, "another process makes or migrates the database"),
]


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.2)
    monkeypatch.setattr(locks, "DATABASE_WAIT_S", 0.2)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


@pytest.mark.parametrize(("damage", "says"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_delivery_to_what_is_no_database_is_refused_by_one_line(
    modstudy: Command, root: Root, damage: Callable[[Root], None], says: str
) -> None:
    damage(root)
    before = snapshot(root.store.local_root or root.path)
    with time_limit(BUSY_S):
        message = clear_line(modstudy("track", "tiny", "--root", root.path), BAD_INPUT)
    assert message.startswith(f"MLflow at sqlite:///{root.database} could not be updated (")
    assert says in message
    after = snapshot(root.store.local_root or root.path)
    assert {path for path in after.keys() ^ before.keys() if not path.startswith((".", "mlflow-id"))} == set()


@pytest.fixture
def hanging(root: Root) -> str:
    """Address of a server that takes connections and never answers."""
    server = root.stack.enter_context(closing(socket.socket()))
    server.bind(("127.0.0.1", 0))
    server.listen(64)
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_delivery_to_a_server_that_hangs_is_refused_by_one_line(modstudy: Command, root: Root, hanging: str) -> None:
    with time_limit(BUSY_S):
        message = clear_line(modstudy("track", "tiny", "--root", root.path, "--tracking-uri", hanging), BAD_INPUT)
    assert message.startswith(
        f"MLflow at {hanging} could not be updated (it takes requests, but does not answer them within 1 s)"
    )


@pytest.mark.parametrize("uri", ["http://127.0.0.1:{port}", "http://me:secret@127.0.0.1:{port}"])
def test_a_delivery_to_no_server_is_refused_by_one_line(modstudy: Command, root: Root, uri: str) -> None:
    address = uri.format(port=free_port())
    with time_limit(BUSY_S):
        message = clear_line(modstudy("track", "tiny", "--root", root.path, "--tracking-uri", address), BAD_INPUT)
    assert "could not be updated (it cannot be reached: connection refused); try it again" in message
    assert "secret" not in message


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1", "nonsense", "postgresql://127.0.0.1:9/x"], ids=str)
def test_a_delivery_to_what_is_no_tracker_is_refused_by_one_line(modstudy: Command, root: Root, uri: str) -> None:
    with time_limit(BUSY_S):
        message = clear_line(modstudy("track", "tiny", "--root", root.path, "--tracking-uri", uri), BAD_INPUT)
    assert "could not be updated (" in message


@pytest.mark.parametrize("damage", [a_folder, garbage, anothers], ids=lambda value: value.__name__)
def test_the_end_of_a_study_does_not_wait_for_what_is_no_database(root: Root, damage: Callable[[Root], None]) -> None:
    damage(root)
    with Tracker(root.store, *default_tracker(root.path, "tiny")) as made:
        started = time.monotonic()
        error = made.finish("FINISHED")
        assert time.monotonic() - started < tracker.MAX_QUIET_S + BUSY_S
    assert error is not None
    assert "could not be updated (" in error


def test_the_end_of_a_study_waits_ten_seconds_for_a_tracker_that_hangs(
    root: Root, hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "100")
    monkeypatch.setattr(tracker, "MAX_QUIET_S", 3.0)
    with Tracker(root.store, hanging, None) as made:
        started = time.monotonic()
        error = made.finish("FINISHED")
        assert time.monotonic() - started < tracker.MAX_QUIET_S + BUSY_S
    assert error == f"MLflow at {hanging} did not answer for 3 s"


def test_a_study_goes_on_beside_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(CONSTANT))
    (tmp_path / "runs" / "mlflow.db").mkdir(parents=True)
    launch = Process(["launch", "tiny.toml"], tmp_path, "launch", tmp_path)
    try:
        wait_until(lambda: launch.exit_code() is not None, "the end of the study", patience_s=PATIENCE_S)
    finally:
        launch.end()
    output = " ".join(launch.output.split())
    assert launch.exit_code() == OK, output
    assert output.count("is a folder where MLflow's database belongs") == 1
    assert "The study has its results; deliver them by: modstudy track tiny" in output
    assert set(Store(tmp_path / "runs" / "tiny").outcomes().values()) == {"finished"}


def test_what_a_tracker_missed_is_delivered_later(root: Root) -> None:
    uri, artifacts = default_tracker(root.path, "tiny")
    root.database.mkdir()
    with pytest.raises(StudyError, match="is a folder"):
        Delivery(root.store, uri, artifacts)
    root.database.rmdir()
    delivery = Delivery(root.store, uri, artifacts)
    assert delivery.sync() == len(root.store.plan().trials)
    assert MlflowClient(tracking_uri=uri).get_experiment_by_name("tiny") is not None
    check_database(root.database)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:////there/mlflow.db", Path("/there/mlflow.db")),
        ("sqlite+pysqlite:////there/mlflow.db?timeout=3", Path("/there/mlflow.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("http://127.0.0.1:5000", None),
        ("postgresql://me@host/mlflow", None),
    ],
)
def test_only_sqlite_databases_are_files(uri: str, path: Path | None) -> None:
    assert database_path(uri) == path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "API request to http://h:1/api failed with exception HTTPConnectionPool(host='h', port=1): Max retries "
            "exceeded with url: /x (Caused by ReadTimeoutError(\"P(host='h'): Read timed out. (read timeout=8)\"))",
            "it takes requests, but does not answer them within 8 s",
        ),
        (
            "API request to http://h:1/api failed with exception HTTPConnectionPool(host='h', port=1): Max retries "
            'exceeded with url: /x (Caused by NewConnectionError("P: Failed: [Errno 111] Connection refused"))',
            "it cannot be reached: connection refused",
        ),
        (
            "API request to http://nix/api failed with exception HTTPConnectionPool(host='nix'): Max retries exceeded "
            'with url: /x (Caused by NameResolutionError("P: ([Errno -2] Name or service not known)"))',
            "it cannot be reached: name or service not known",
        ),
    ],
)
def test_reasons_of_a_server_are_short(text: str, reason: str) -> None:
    assert reason_of(ConnectionError(text)) == reason
