"""Studies that begin at the same moment share a new tracker, and a server may be restarted while a study runs."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import StudyPlan
from core.storage.store import Store
from study.tracking.tracker import Tracker, default_tracker
from tests.support.mlflow_runs import n_delivered, runs_of
from tests.support.processes import wait_until
from tests.support.servers import MlflowServer
from tests.support.tiny_study import commit, create_study

# MLflow's own use of SQLAlchemy.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PATIENCE_S = 120
DELIVER = """
import sys
from core.storage.store import Store
from study.tracking.tracker import Tracker
root, uri = sys.argv[1:]
with Tracker(Store(root), uri, None) as tracker:
    sys.stdin.readline()
    sys.exit(tracker.finish("FINISHED", 120.0))
"""
"""Delivers a study as soon as a line arrives; an error message becomes the exit code 1."""


def complete_study(root: Path, plan: StudyPlan) -> Store:
    store = create_study(root, plan)
    for minute, trial in enumerate(plan.trials):
        commit(store, trial, minute)
    return store


def deliver_at_once(stores: list[Store], uri: str) -> list[str]:
    """Deliver studies by as many drivers, begun at the same moment; their error messages."""
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", DELIVER, store.root, uri], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for store in stores
    ]
    return [driver.communicate("\n", timeout=PATIENCE_S)[1] for driver in drivers]


def assert_complete(client: MlflowClient, store: Store, plan: StudyPlan) -> None:
    runs = runs_of(client, store)
    assert set(runs) == {
        "tiny",
        *(arm.name for arm in plan.arms),
        *(f"{trial.arm} seed {trial.seed}" for trial in plan.trials),
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    steps = [row.step for row in client.get_metric_history(runs["tiny"].info.run_id, "front.size")]
    assert steps == list(range(1, 1 + len(plan.trials)))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("attempt", range(3))
def test_two_studies_that_begin_at_once_in_a_new_root_are_both_delivered(
    plan: StudyPlan, tmp_path: Path, attempt: int
) -> None:
    """MLflow's migrations of one new database by two processes fail, and can leave it broken."""
    del attempt
    uri = default_tracker(tmp_path, "x")[0]
    stores = [complete_study(tmp_path / name, plan) for name in ("first", "second")]
    assert deliver_at_once(stores, uri) == ["", ""]
    for store in stores:
        assert_complete(MlflowClient(tracking_uri=uri), store, plan)


def test_two_studies_that_begin_at_once_on_a_server_are_both_delivered(
    plan: StudyPlan, tmp_path: Path, server: MlflowServer
) -> None:
    """Both create an experiment of the same name."""
    stores = [complete_study(tmp_path / name, plan) for name in ("first", "second")]
    assert deliver_at_once(stores, server.url) == ["", ""]
    for store in stores:
        assert_complete(MlflowClient(tracking_uri=server.url), store, plan)


def test_a_server_that_is_restarted_while_a_study_runs_gets_everything(
    store: Store, plan: StudyPlan, server: MlflowServer
) -> None:
    client = MlflowClient(tracking_uri=server.url)
    with Tracker(store, server.url, None) as tracker:
        commit(store, plan.trials[0])
        tracker.notify(plan.trials[0].digest)
        wait_until(lambda: n_delivered(client, store) == 1, "a trial", patience_s=PATIENCE_S)
        server.stop(signal.SIGKILL)
        for minute, trial in enumerate(plan.trials[1:4], start=1):
            commit(store, trial, minute)
            tracker.notify(trial.digest)
        server.start()
        for minute, trial in enumerate(plan.trials[4:], start=4):
            commit(store, trial, minute)
            tracker.notify(trial.digest)
        assert tracker.finish("FINISHED", PATIENCE_S) is None
    assert_complete(client, store, plan)
