"""Drivers at the same moment: one per study, any number per root, and one database for all of them."""

import threading
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.store import Store
from study.commands.options import BAD_INPUT, OK
from study.execution import lease as lease_module
from study.execution.lease import Lease, StudyRunningError, latest_lease
from tests.support.killed_study import Command
from tests.support.mlflow_runs import runs_of
from tests.support.processes import wait_until
from tests.support.trained_study import CONSTANT, LOW_PASS, study_text

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PATIENCE_S = 300


def test_two_studies_in_a_new_root_and_a_third_launch_of_one_of_them(tmp_path: Path) -> None:
    for name, arm in (("first", LOW_PASS), ("second", CONSTANT)):
        (tmp_path / f"{name}.toml").write_text(study_text(arm))
    words = [("first", "first.toml"), ("second", "second.toml"), ("again", "first.toml")]
    launches = {mark: Command(["launch", study], tmp_path, mark, tmp_path) for mark, study in words}
    try:
        wait_until(
            lambda: all(launch.exit_code() is not None for launch in launches.values()),
            "the end of all launches",
            patience_s=PATIENCE_S,
        )
    finally:
        for launch in launches.values():
            launch.end()
    codes = {mark: launch.exit_code() for mark, launch in launches.items()}
    output = {mark: " ".join(launch.output.split()) for mark, launch in launches.items()}
    assert codes["second"] == OK, output["second"]
    assert sorted([codes["first"] or 0, codes["again"] or 0]) == [OK, BAD_INPUT], output
    loser, winner = ("first", "again") if codes["first"] else ("again", "first")
    assert output[loser].count("error: ") == 1
    assert "first is running on" in output[loser]
    assert f"(process {launches[winner].process.pid}, user" in output[loser]
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs/mlflow.db")
    for name in ("first", "second"):
        store = Store(tmp_path / "runs" / name)
        assert set(store.outcomes().values()) == {"finished"}
        assert "deliver them by" not in output[name if name == "second" else winner]
        runs = runs_of(client, store)
        assert len(runs) == 1 + 1 + 2
        assert {run.info.status for run in runs.values()} == {"FINISHED"}


def start_at_once(store: Store, n_drivers: int) -> tuple[list[Lease], list[StudyRunningError]]:
    """Let drivers ask for the lease of a study at the same moment; those that have it, and the errors of the others."""
    barrier, taken, refused = threading.Barrier(n_drivers), list[Lease](), list[StudyRunningError]()

    def start() -> None:
        barrier.wait()
        try:
            taken.append(lease_module._acquire(store))
        except StudyRunningError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(n_drivers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, refused


@pytest.mark.parametrize("n_drivers", [2, 8, 32])
@pytest.mark.parametrize("before", ["new", "ended", "dead"])
def test_one_of_many_drivers_gets_a_study(tmp_path: Path, n_drivers: int, before: str) -> None:
    store = Store(tmp_path / "tiny")
    if before != "new":
        lease = lease_module._acquire(store)
        if before == "ended":
            lease.release()
        else:
            key = lease.key("holder")
            store.put(key, store.get(key).replace(b'"pid": ', b'"pid": 99999'))
    taken, refused = start_at_once(store, n_drivers)
    assert (len(taken), len(refused)) == (1, n_drivers - 1)
    latest = latest_lease(store)
    assert latest is not None
    assert taken[0].epoch == latest.epoch == (1 if before == "new" else 2)
    for error in refused:
        assert "a study has one driver at a time" in str(error)


def test_a_driver_that_starts_while_another_looks_is_not_overtaken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look for a running driver and the choice of the epoch must see the same state."""
    store = Store(tmp_path / "tiny")
    look = lease_module.running_lease

    def look_and_be_overtaken(store: Store) -> object:
        found = look(store)
        monkeypatch.setattr(lease_module, "running_lease", look)
        lease_module._acquire(store)
        return found

    monkeypatch.setattr(lease_module, "running_lease", look_and_be_overtaken)
    with pytest.raises(StudyRunningError):
        lease_module._acquire(store)
    assert store.names("lease") == ["000001"]
