"""A running study is delivered from a thread, and a dead tracker costs the study nothing."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.planning.plan import more_seeds
from study.tracking.tracker import Tracker, default_tracker
from tests.support.mlflow_runs import runs_of
from tests.support.tiny_study import commit

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def tracker_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests here: making it takes seconds."""
    return default_tracker(tmp_path_factory.mktemp("mlflow"), "x")[0]


def test_the_thread_delivers_what_is_committed_and_planned_while_it_runs(
    store: Store, plan: StudyPlan, tracker_uri: str, tmp_path: Path
) -> None:
    tracker = Tracker(store, tracker_uri, (tmp_path / "artifacts").as_uri())
    tracker.start()
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
        tracker.notify()
    extension = more_seeds(plan, (2,))
    assert extension is not None
    store.append_segment(extension)
    for minute, trial in enumerate(extension.trials, start=10):
        commit(store, trial, minute)
        tracker.notify()
    assert tracker.finish("FINISHED") is None
    assert set(runs_of(MlflowClient(tracking_uri=tracker_uri), store)) == {
        "tiny",
        *(arm.name for arm in plan.arms),
        *(f"{arm.name} seed {seed}" for arm in plan.arms for seed in (0, 1, 2)),
    }


def test_a_dead_tracker_is_a_remark_and_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")):
        monkeypatch.setenv(name, value)
    tracker = Tracker(store, "http://127.0.0.1:9", None)
    tracker.start()
    tracker.notify()
    assert "MLflow at http://127.0.0.1:9 could not be updated" in (tracker.finish("FINISHED") or "")


def test_the_usual_tracker_is_a_database_beside_the_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uri, artifacts = default_tracker(Path("runs"), "tiny")
    assert uri == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert artifacts == f"file://{tmp_path}/runs/mlflow-artifacts/tiny"
