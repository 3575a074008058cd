"""The command line with real workers: kills, interrupts, deadlines, budgets, and a second launch."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.store import Store
from tests.support.command_process import (
    PATIENCE_S,
    begin,
    checkpoints,
    command,
    kill,
    records,
    run,
    study_at,
    succeed,
    trial_files,
    wait_for_a_checkpoint,
)
from tests.support.mlflow_runs import runs_of
from tests.support.processes import command_line_of, session_of, wait_until
from tests.support.trained_study import LOW_PASS, study_text

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

LONG = ("--set", "trainer.max_steps=60", "--set", "trainer.checkpoint_every=5")


def results(store: Store) -> dict[str, tuple[object, ...]]:
    """What a study found, by digest, without what depends on when and how often it ran."""
    return {
        record.digest: (record.arm, record.seed, record.outcome, record.steps, record.best_step, record.metrics)
        for record in store.ledger()
    }


def test_after_a_kill_of_driver_and_workers_a_resume_gives_what_an_undisturbed_run_gives(folder: Path) -> None:
    driver = begin(folder, "launch", "tiny.toml", *LONG)
    wait_for_a_checkpoint(folder, "tiny")
    kill(driver)
    killed = study_at(folder, "tiny")
    assert len(results(killed)) < 4
    succeed(folder, "resume", "tiny")
    # Under a root of its own, so that nothing is copied.
    succeed(folder, "launch", "tiny.toml", "--root", "undisturbed", *LONG)
    undisturbed = study_at(folder, "tiny", "undisturbed")
    assert len(results(undisturbed)) == 4
    assert results(killed) == results(undisturbed)


def test_after_a_kill_an_extension_resumes_to_what_an_undisturbed_one_gives(folder: Path) -> None:
    succeed(folder, "launch", "tiny.toml", *LONG)
    store = study_at(folder, "tiny")
    before = trial_files(store)
    driver = begin(folder, "extend", "tiny", "--seeds", "4", "--trials-at-once", "1")
    wait_for_a_checkpoint(folder, "tiny")
    kill(driver)
    assert len(results(store)) < 8
    assert store.plan().seeds == (0, 1, 2, 3)
    output = succeed(folder, "resume", "tiny")
    assert "8 of 8 trials done, 0 running, 0 failed" in output
    assert before.items() <= trial_files(store).items()
    # Under a root of its own, so that nothing is copied.
    succeed(folder, "launch", "tiny.toml", "--root", "undisturbed", "--seeds", "4", *LONG)
    undisturbed = study_at(folder, "tiny", "undisturbed")
    assert len(results(undisturbed)) == 8
    assert results(store) == results(undisturbed)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, None], ids=["SIGINT", "SIGTERM", "stop"])
def test_an_interrupt_ends_cleanly_and_names_the_command_that_goes_on(folder: Path, end: signal.Signals | None) -> None:
    driver = begin(folder, "launch", "tiny.toml", "--set", "trainer.max_steps=100000")
    wait_for_a_checkpoint(folder, "tiny")
    if end is None:
        assert "tiny has stopped. Go on with: modstudy resume tiny" in succeed(folder, "stop", "tiny", "--now")
    else:
        os.kill(driver.pid, end)
    assert driver.wait(timeout=60) == 130
    output = (folder / "output.txt").read_text()
    assert "modstudy resume tiny" in output
    assert "Traceback" not in output
    wait_until(lambda: not session_of(driver.pid), "the workers to be gone", patience_s=PATIENCE_S)
    assert "cancelled" in {record.outcome for record in study_at(folder, "tiny").ledger()}
    assert "cancelled: checkpoint at step" in succeed(folder, "status", "tiny", "--trials")


def test_trials_that_an_interrupt_cancelled_end_like_those_of_an_undisturbed_run(folder: Path) -> None:
    driver = begin(folder, "launch", "tiny.toml", *LONG)
    wait_for_a_checkpoint(folder, "tiny")
    os.kill(driver.pid, signal.SIGINT)
    assert driver.wait(timeout=60) == 130
    stopped = study_at(folder, "tiny")
    cancelled = [record for record in stopped.ledger() if record.outcome == "cancelled"]
    assert cancelled
    for record in cancelled:
        assert re.search(
            r"was at step \d+ of 60; on resume it (goes on from its checkpoint|has no)", record.error or ""
        )
    n_open = 4 - len(results(stopped))
    assert f"{len(cancelled)} cancelled" + (f", {n_open} open" if n_open else "") in succeed(folder, "status", "tiny")
    tracker = MlflowClient(tracking_uri=f"sqlite:///{folder}/runs/mlflow.db")
    runs = runs_of(tracker, stopped)
    assert {runs[f"{record.arm} seed {record.seed}"].info.status for record in cancelled} == {"KILLED"}
    assert runs["tiny"].info.status == "KILLED"
    assert "4 of 4 trials done, 0 running, 0 failed" in succeed(folder, "resume", "tiny")
    # Under a root of its own, so that nothing is copied.
    succeed(folder, "launch", "tiny.toml", "--root", "undisturbed", *LONG)
    assert results(stopped) == results(study_at(folder, "tiny", "undisturbed"))
    assert {run.info.status for run in runs_of(tracker, stopped).values()} == {"FINISHED"}


def test_after_the_death_of_ray_the_driver_says_how_to_go_on(folder: Path) -> None:
    driver = begin(folder, "launch", "tiny.toml", *LONG)
    wait_for_a_checkpoint(folder, "tiny")
    raylet = next(process for process in session_of(driver.pid) if b"/raylet\0" in command_line_of(process))
    os.kill(raylet, signal.SIGKILL)
    assert driver.wait(timeout=60) == 1
    output = " ".join((folder / "output.txt").read_text().split())
    assert "error: Ray has ended: its process raylet on this machine has died." in output
    assert "of 4 trials have their results, which are safe. Resume with: modstudy resume tiny" in output
    assert "Traceback" not in output
    assert "not running" in succeed(folder, "status", "tiny")
    wait_until(lambda: not session_of(driver.pid), "the processes of Ray to be gone", patience_s=PATIENCE_S)
    assert "4 of 4 trials done, 0 running, 0 failed" in succeed(folder, "resume", "tiny")


def test_a_worker_that_is_killed_is_started_again(folder: Path) -> None:
    driver = begin(folder, "launch", "tiny.toml", *LONG, "--trials-at-once", "1")
    wait_for_a_checkpoint(folder, "tiny")
    worker = next(process for process in session_of(driver.pid) if b"ImplicitFunc" in command_line_of(process))
    os.kill(worker, signal.SIGKILL)
    assert driver.wait(timeout=PATIENCE_S) == 0, (folder / "output.txt").read_text()
    found = records(study_at(folder, "tiny"))
    assert {record.outcome for record in found.values()} == {"finished"}
    assert len(found) == 4


def test_a_trial_whose_worker_dies_again_and_again_is_lost_and_runs_again_on_resume(folder: Path) -> None:
    (folder / "one.toml").write_text(study_text(LOW_PASS, seeds=[0]))
    driver = begin(folder, "launch", "one.toml", "--set", "trainer.max_steps=60", "--set", "trainer.checkpoint_every=2")

    def kill_the_worker() -> bool:
        """Kill the worker once it has begun an attempt and written a checkpoint; whether there was one."""
        seen = {path.parent for path in checkpoints(folder, "one")}
        workers = [process for process in session_of(driver.pid) if b"ImplicitFunc" in command_line_of(process)]
        if len(seen) <= len(killed) or not workers:
            return False
        killed.append(workers[0])
        os.kill(workers[0], signal.SIGKILL)
        return True

    killed: list[int] = []
    for _ in range(3):
        wait_until(kill_the_worker, "a checkpoint of a new worker", patience_s=PATIENCE_S)
    assert driver.wait(timeout=PATIENCE_S) == 1
    output = (folder / "output.txt").read_text()
    assert "lpf-8 seed 0 lost: its worker died more than 2 times" in output
    assert "Traceback" not in output
    store = study_at(folder, "one")
    (lost,) = store.ledger()
    assert (lost.outcome, lost.metrics) == ("lost", {})
    assert "1 of 1 trials done, 0 running, 0 failed" in succeed(folder, "resume", "one")
    (record,) = store.ledger()
    assert (record.outcome, record.steps) == ("finished", 60)


def test_trials_that_take_too_long_time_out_and_go_on_with_more_time(folder: Path) -> None:
    (folder / "one.toml").write_text(study_text(LOW_PASS, seeds=[0]))
    done = run(folder, "launch", "one.toml", "--set", "trainer.max_steps=400", "--trial-timeout", "0.5")
    assert done.returncode == 1
    assert "lpf-8 seed 0 timed_out: it took longer than 0.5 s: step " in done.stdout
    store = study_at(folder, "one")
    (record,) = store.ledger()
    assert record.outcome == "timed_out"
    assert 0 < record.steps < 400
    assert checkpoints(folder, "one")
    succeed(folder, "retry", "one", "--outcome", "timed_out")
    (record,) = store.ledger()
    assert (record.outcome, record.steps) == ("finished", 400)


def test_a_session_ends_at_its_budget_and_names_the_command_that_goes_on(folder: Path) -> None:
    output = succeed(folder, "launch", "tiny.toml", "--max-trials", "3")
    assert "3 of 4 trials done, 0 running, 0 failed" in output
    assert (
        "The budget of this session is spent; 1 planned trials have not run. Continue with: modstudy resume" in output
    )
    assert (folder / "runs/tiny/report/index.html").exists()
    output = succeed(folder, "resume", "tiny", "--max-hours", "1")
    assert "4 of 4 trials done, 0 running, 0 failed" in output
    assert "budget" not in output
    refused = run(folder, "launch", "tiny.toml", "--max-trials", "0")
    assert refused.returncode == 2
    assert "--max-trials must be 1 or more; got 0" in refused.stderr


def test_of_two_launches_in_the_same_second_one_runs_and_the_other_says_where(folder: Path) -> None:
    launches = [
        subprocess.Popen(command("launch", "tiny.toml"), cwd=folder, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [launch.communicate(timeout=PATIENCE_S)[1] for launch in launches]
    codes = [launch.returncode for launch in launches]
    assert sorted(codes) == [0, 2], errors
    winner, other = codes.index(0), codes.index(2)
    assert f"(process {launches[winner].pid}, user" in errors[other]
    assert "a study has one driver at a time" in errors[other]
    assert {record.outcome for record in study_at(folder, "tiny").ledger()} == {"finished"}
    assert len(records(study_at(folder, "tiny"))) == 4
