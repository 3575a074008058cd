"""Locks of deliveries: one process per study, and one per database while it is made."""

from pathlib import Path

import pytest
from filelock import FileLock

from core.errors import StudyError
from core.storage.records import StudyPlan
from study.tracking import locks
from study.tracking.locks import database_lock, delivery_lock
from tests.support.stores import in_memory
from tests.support.tiny_study import create_study

MADE_NOW = "another process makes or migrates the database .*mlflow.db now; wait until it has ended"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STUDY_WAIT_S", "DATABASE_WAIT_S"):
        monkeypatch.setattr(locks, name, 0.05)


def test_one_process_delivers_a_study(plan: StudyPlan, tmp_path: Path) -> None:
    store, other = (create_study(tmp_path / name, plan) for name in ("tiny", "other"))
    with delivery_lock(store):
        with pytest.raises(StudyError, match="another process delivers the study in .*tiny to MLflow now; wait until"):
            delivery_lock(store).__enter__()
        with delivery_lock(other):
            pass
    with delivery_lock(store):
        pass


def test_a_study_on_a_remote_file_system_is_not_locked(tmp_path: Path) -> None:
    store = in_memory(tmp_path)
    with delivery_lock(store), delivery_lock(store):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["sqlite:///", "sqlite+pysqlite:///"])
def test_a_new_database_is_made_by_one_process(scheme: str, tmp_path: Path) -> None:
    uri = f"{scheme}{tmp_path}/new/mlflow.db"
    with database_lock(uri):
        assert [path.name for path in (tmp_path / "new").iterdir()] == [".mlflow.db.lock"]
        with pytest.raises(StudyError, match=MADE_NOW):
            database_lock(uri).__enter__()
        with database_lock(f"sqlite:///{tmp_path}/another.db"):
            pass
    FileLock(tmp_path / "new" / ".mlflow.db.lock").acquire(timeout=0).lock.release()


def test_the_path_of_a_database_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with database_lock("sqlite:///mlflow.db?timeout=3"), pytest.raises(StudyError, match=MADE_NOW):
        database_lock(f"sqlite:///{tmp_path}/mlflow.db").__enter__()


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "postgresql://me@host/mlflow", "sqlite://", "file:///tmp/x"])
def test_other_trackers_need_no_lock(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with database_lock(uri), database_lock(uri):
        assert list(tmp_path.iterdir()) == []
