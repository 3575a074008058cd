"""`modstudy track` delivers a stored study to MLflow, and says what MLflow has then."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from study.tracking import locks
from study.tracking.environment import MLFLOW_ENVIRONMENT
from study.tracking.locks import delivery_lock
from tests.support.command_line import Command
from tests.support.mlflow_runs import runs_of
from tests.support.tiny_study import commit, create_study

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets these for its process, which is that of the tests here."""
    for name, value in MLFLOW_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_a_study_is_delivered_and_then_what_it_has_more(modstudy: Command, plan: StudyPlan, tmp_path: Path) -> None:
    store = create_study(tmp_path / "runs" / "tiny", plan)
    for minute, trial in enumerate(plan.trials[:4]):
        commit(store, trial, minute)
    first = modstudy("track", "tiny")
    assert first.exit_code == 0, first.output
    where = f"MLflow at sqlite:///{tmp_path}/runs/mlflow.db"
    assert first.stdout.strip() == f"tiny: 4 of 6 trials of 3 arms are in {where}, 4 of them new"
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs/mlflow.db")
    assert runs_of(client, store)["tiny"].info.status == "KILLED"
    for minute, trial in enumerate(plan.trials[4:], start=4):
        commit(store, trial, minute)
    assert "6 of 6 trials of 3 arms" in modstudy("track", "tiny").stdout
    assert modstudy("track", "tiny").stdout.strip().endswith("0 of them new")
    runs = runs_of(client, store)
    assert len(runs) == 1 + 3 + 6
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_a_dead_tracker_is_an_error_line(modstudy: Command, plan: StudyPlan, tmp_path: Path) -> None:
    create_study(tmp_path / "runs" / "tiny", plan)
    result = modstudy("track", "tiny", "--tracking-uri", "http://me:secret@127.0.0.1:9")
    assert result.exit_code == 2
    assert "error: MLflow at http://me:***@127.0.0.1:9 could not be updated (" in result.output
    assert "secret" not in result.output
    assert "Traceback" not in result.output


def test_a_study_that_another_process_delivers_is_left_to_it(
    modstudy: Command, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = create_study(tmp_path / "runs" / "tiny", plan)
    monkeypatch.setattr(locks, "STUDY_WAIT_S", 0.05)
    with delivery_lock(store):
        result = modstudy("track", "tiny")
    assert result.exit_code == 2
    assert "error: another process delivers the study in runs/tiny to MLflow now" in result.output
    assert not (tmp_path / "runs" / "mlflow.db").exists()


def test_a_study_that_is_not_there_is_an_error_line(modstudy: Command) -> None:
    result = modstudy("track", "none")
    assert result.exit_code == 2
    assert "there is no study 'none' under runs" in result.output
