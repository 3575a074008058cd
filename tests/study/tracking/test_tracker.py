"""A running study is delivered by a process of its own, and neither its end nor that of the tracker costs results."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.planning.plan import more_seeds
from study.tracking.tracker import Tracker, default_tracker
from tests.support.mlflow_runs import n_delivered, runs_of
from tests.support.processes import session_of, wait_until
from tests.support.tiny_study import commit

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PATIENCE_S = 120
DRIVER = """
import sys, time
from core.storage.store import Store
from study.tracking.tracker import Tracker
tracker = Tracker(Store(sys.argv[1]), sys.argv[2], None)
tracker.start()
print(tracker._process.pid, flush=True)
time.sleep(600)
"""
"""A study that goes on until it is killed."""


def process_of(tracker: Tracker) -> subprocess.Popen[bytes]:
    assert tracker._process is not None
    return tracker._process


@pytest.mark.slow
def test_the_process_delivers_what_is_committed_and_planned_while_it_runs(
    store: Store, plan: StudyPlan, tracker_uri: str, tmp_path: Path
) -> None:
    with Tracker(store, tracker_uri, (tmp_path / "artifacts").as_uri()) as tracker:
        for minute, trial in enumerate(plan.trials):
            commit(store, trial, minute)
            tracker.notify(trial.digest)
        extension = more_seeds(plan, (2,))
        assert extension is not None
        store.append_segment(extension)
        for minute, trial in enumerate(extension.trials, start=10):
            commit(store, trial, minute)
            tracker.notify(trial.digest)
        client = MlflowClient(tracking_uri=tracker_uri)
        wait_until(lambda: n_delivered(client, store) == 9, "all trials", patience_s=PATIENCE_S)
        assert tracker.finish("FINISHED", PATIENCE_S) is None
    runs = runs_of(client, store)
    assert set(runs) == {
        "tiny",
        *(arm.name for arm in plan.arms),
        *(f"{arm.name} seed {seed}" for arm in plan.arms for seed in (0, 1, 2)),
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


@pytest.mark.slow
def test_a_process_that_is_killed_is_started_again_and_continues(
    store: Store, plan: StudyPlan, tracker_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = MlflowClient(tracking_uri=tracker_uri)
    with caplog.at_level(logging.WARNING), Tracker(store, tracker_uri, None) as tracker:
        commit(store, plan.trials[0])
        tracker.notify(plan.trials[0].digest)
        wait_until(lambda: n_delivered(client, store) == 1, "the first trial", patience_s=PATIENCE_S)
        before = runs_of(client, store)["lpf-8 seed 0"].info.run_id
        process_of(tracker).kill()
        process_of(tracker).wait()
        for minute, trial in enumerate(plan.trials[1:], start=1):
            commit(store, trial, minute)
            tracker.notify(trial.digest)
        assert tracker.finish("FINISHED", PATIENCE_S) is None
    assert "has all results, although the process that delivers to it crashed once, with signal 9" in caplog.text
    runs = runs_of(client, store)
    assert len(runs) == 1 + 3 + 6
    assert runs["lpf-8 seed 0"].info.run_id == before


@pytest.mark.slow
def test_the_process_ends_with_the_study_that_is_killed(store: Store, plan: StudyPlan, tracker_uri: str) -> None:
    commit(store, plan.trials[0])
    command = [sys.executable, "-c", DRIVER, store.root, tracker_uri]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert driver.stdout is not None
        process = int(driver.stdout.readline())
        client = MlflowClient(tracking_uri=tracker_uri)
        wait_until(lambda: n_delivered(client, store) == 1, "the first trial", patience_s=PATIENCE_S)
        assert session_of(process) == [process]
    finally:
        driver.kill()
        driver.communicate()
    wait_until(lambda: session_of(process) == [], "the end of the delivery", patience_s=10)


@pytest.mark.slow
def test_a_dead_tracker_is_a_remark_and_nothing_more(store: Store) -> None:
    with Tracker(store, "http://user:secret@127.0.0.1:9", None) as tracker:
        tracker.notify("0" * 16)
        error = tracker.finish("FINISHED", PATIENCE_S)
    assert error is not None
    assert error.startswith("MLflow at http://user:***@127.0.0.1:9 could not be updated (")
    assert "secret" not in error


def test_a_tracker_that_takes_too_long_is_left_alone(store: Store, tracker_uri: str) -> None:
    with Tracker(store, tracker_uri, None) as tracker:
        process = process_of(tracker)
        os.kill(process.pid, signal.SIGSTOP)
        error = tracker.finish("FINISHED", 0.1)
    assert error == f"MLflow at {tracker_uri} did not take everything within 0.1 s"
    assert process.returncode in (-signal.SIGTERM, -signal.SIGKILL)


def test_a_process_that_cannot_start_is_given_up_and_its_last_words_are_told(
    store: Store, tracker_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "study"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('this code is broken')")
    monkeypatch.syspath_prepend(broken.parent)
    with Tracker(store, tracker_uri, None) as tracker:
        for _ in range(5):
            process_of(tracker).wait()
            tracker.notify("0" * 16)
        error = tracker.finish("FINISHED", PATIENCE_S)
    assert error is not None
    assert "(the process that delivers to it crashed 4 times, with exit code 1: " in error
    assert "this code is broken" in error


def test_the_usual_tracker_is_a_database_beside_the_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uri, artifacts = default_tracker(Path("runs"), "tiny")
    assert uri == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert artifacts == f"file://{tmp_path}/runs/mlflow-artifacts/tiny"
