"""The command line with real workers: launch, repeat, grow, interrupt, kill, resume, search, reuse."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from core.storage.records import TrialRecord
from core.storage.store import Store
from tests.support.mlflow_runs import runs_of
from tests.support.processes import command_line_of, session_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

QUESTION = 'question = "Does it run?"\n'
CONFIG = """
device = "cpu"
data = { kind = "synthetic", n_train = 8, n_validation = 4, n_test = 4 }
encoder = { width = 4, dilations = [1, 2], n_mels = 16, head_hidden = 4 }
trainer = { max_steps = 4, batch_size = 2, validate_every = 2, checkpoint_every = 2, n_audio_clips = 1 }
"""
LOW_PASS = """
[[arms]]
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
"""
CONSTANT = """
[[arms]]
name = "constant"
config = { parameterization = { kind = "constant" } }
"""
FRAME = """
[[arms]]
name = "frame"
config = { parameterization = { kind = "frame" } }
"""
SEARCH = """
[search]
arms_per_cell = 3
round_size = 2
sampler = { kind = "random" }
[[search.space]]
path = "optimizer.lr"
low = 1e-3
high = 1e-1
log = true
"""
STUDY = f"{QUESTION}seeds = [0, 1]\n[config]{CONFIG}{LOW_PASS}{CONSTANT}"
LONG = ("--set", "trainer.max_steps=60", "--set", "trainer.checkpoint_every=5")
PATIENCE_S = 240
Results = dict[str, tuple[object, ...]]
"""What a study found, by digest, without what depends on when and how often it ran."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "study.cli", *arguments]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(STUDY)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def succeed(folder: Path, *arguments: str) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def begin(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that it and all of Ray can be found and ended together."""
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            command(*arguments),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell ignores SIGINT in what it runs in the background, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def checkpoints(folder: Path, name: str) -> list[Path]:
    return list((folder / "runs" / name / "trials").glob("*/*/checkpoint-*.pt"))


def wait_for_a_checkpoint(folder: Path, name: str) -> None:
    wait_until(lambda: checkpoints(folder, name), f"a checkpoint of {name}", patience_s=PATIENCE_S)


def kill(driver: subprocess.Popen[bytes]) -> None:
    """Kill a command with everything that it started, so that nothing of it can tidy up."""
    for process in session_of(driver.pid):
        os.kill(process, signal.SIGKILL)
    driver.wait()


def study_at(folder: Path, name: str, root: str = "runs") -> Store:
    return Store(folder / root / name)


def records(store: Store) -> dict[str, TrialRecord]:
    return {record.digest: record for record in store.ledger()}


def results(store: Store) -> Results:
    return {
        record.digest: (record.arm, record.seed, record.outcome, record.steps, record.best_step, record.metrics)
        for record in store.ledger()
    }


def trial_files(store: Store) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file of every trial."""
    root = Path(store.root)
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (root / "trials").rglob("*")
        if path.is_file()
    }


# ----------------------------------------------------------------------------------------------- from launch to report


def test_a_study_runs_to_its_report_and_its_command_can_be_repeated(folder: Path) -> None:
    first = succeed(folder, "launch", "tiny.toml")
    store = study_at(folder, "tiny")
    assert "4 of 4 trials done, 0 running, 0 failed" in first
    assert "Report: runs/tiny/report/index.html" in first
    assert "Front over audio.mss" in first
    summary = json.loads((folder / "runs/tiny/summary.json").read_text())
    assert (summary["counts"]["planned"], summary["counts"]["finished"]) == (4, 4)
    assert (folder / "runs/tiny/report/index.html").stat().st_size > 10_000
    assert len(runs_of(MlflowClient(tracking_uri=f"sqlite:///{folder}/runs/mlflow.db"), store)) == 1 + 2 + 4
    before = trial_files(store)
    second = succeed(folder, "launch", "tiny.toml")
    assert "All 4 trials of tiny are done, and its report is up to date: " in second
    assert trial_files(store) == before
    assert "4 planned: 4 finished" in succeed(folder, "status", "tiny")
    assert "Does it run?" in succeed(folder, "status")
    succeed(folder, "report", "tiny")
    other = run(folder, "launch", "tiny.toml", "--set", "trainer.max_steps=5")
    assert other.returncode == 2
    assert "study 'tiny' exists with another plan (trainer.max_steps: 4 stored, 5 new)" in other.stderr


def test_a_search_runs_in_rounds_and_is_confirmed_to_its_report(folder: Path) -> None:
    (folder / "searched.toml").write_text(f"{QUESTION}seeds = [0]\n[config]{CONFIG}{CONSTANT}{SEARCH}")
    output = succeed(folder, "launch", "searched.toml")
    store = study_at(folder, "searched")
    plan = store.plan()
    *segments, confirmation = plan.segments
    assert [(segment.stage, len(segment.trials)) for segment in segments] == [
        ("design", 1),
        ("search", 4),
        ("search", 2),
    ]
    assert confirmation.stage == "confirm"
    confirmed = {trial.arm for trial in confirmation.trials}
    assert confirmed
    assert confirmed <= {f"search {number:03d}" for number in range(3)}
    assert {trial.seed for trial in confirmation.trials} == {0}
    assert {record.outcome for record in store.ledger()} == {"finished"}
    n_trials = len(plan.trials)
    assert len(records(store)) == n_trials == 7 + len(confirmed)
    assert f"{n_trials} of {n_trials} trials done, 0 running, 0 failed" in output
    for record in store.ledger():
        assert ("test" in record.metrics) == (record.stage != "search")
    page = (folder / "runs/searched/report/index.html").read_text()
    summary = json.loads((folder / "runs/searched/summary.json").read_text())
    assert (summary["counts"]["planned"], summary["counts"]["finished"]) == (n_trials, n_trials)
    runs = runs_of(MlflowClient(tracking_uri=f"sqlite:///{folder}/runs/mlflow.db"), store)
    for name in confirmed:
        assert name in page
        assert f"{name} seed 0" in runs
    before = trial_files(store)
    assert f"All {n_trials} trials of searched are done" in succeed(folder, "resume", "searched")
    assert trial_files(store) == before
    assert len(store.plan().segments) == 4


def test_a_race_runs_until_it_is_decided_and_takes_no_further_seeds(folder: Path) -> None:
    race = "[race]\nmin_seeds = 2\nmax_seeds = 3\ngive_up_below = 0.0\n"
    (folder / "raced.toml").write_text(f"{QUESTION}[config]{CONFIG}{LOW_PASS}{FRAME}{CONSTANT}{race}")
    succeed(folder, "launch", "raced.toml")
    store = study_at(folder, "raced")
    design, *rounds = store.plan().segments
    assert (design.stage, len(design.trials)) == ("design", 6)
    assert all(segment.stage == "race" for segment in rounds)
    assert {trial.arm for segment in rounds for trial in segment.trials} <= {"lpf-8", "frame"}
    assert {record.outcome for record in store.ledger()} == {"finished"}
    summary = json.loads((folder / "runs/raced/summary.json").read_text())
    assert summary["race"]["is_over"]
    assert summary["race"]["n_trials"] == 4 + sum(len(segment.trials) for segment in rounds)
    before = trial_files(store)
    succeed(folder, "launch", "raced.toml")
    assert trial_files(store) == before
    refused = run(folder, "extend", "raced", "--seeds", "4")
    assert refused.returncode == 2
    assert "a race decides by its results how many seeds an arm gets, here 2 to 3" in " ".join(refused.stderr.split())


# ---------------------------------------------------------------------------------------------------- growth and reuse


def test_more_seeds_train_the_missing_trials_only(folder: Path) -> None:
    succeed(folder, "launch", "tiny.toml")
    store = study_at(folder, "tiny")
    before = trial_files(store)
    output = succeed(folder, "launch", "tiny.toml", "--seeds", "3")
    assert "tiny: 2 trials to run, 4 done before" in output
    assert "6 of 6 trials done, 0 running, 0 failed" in output
    after = trial_files(store)
    assert before.items() <= after.items()
    assert {(record.arm, record.seed, record.outcome) for record in store.ledger()} == {
        (arm, seed, "finished") for arm in ("lpf-8", "constant") for seed in (0, 1, 2)
    }
    new = {record.digest for record in store.ledger() if record.seed == 2}
    assert {path.split("/")[1] for path in after.keys() - before.keys()} == new
    assert len(new) == 2
    assert "All 6 trials of tiny are done" in succeed(folder, "extend", "tiny", "--seeds", "3")
    assert "All 6 trials of tiny are done" in succeed(folder, "launch", "tiny.toml")
    assert trial_files(store) == after


def test_a_study_that_shares_trials_with_another_one_trains_its_own_only(folder: Path) -> None:
    succeed(folder, "launch", "tiny.toml")
    first = study_at(folder, "tiny")
    before = trial_files(first)
    renamed = LOW_PASS.replace("lpf-8", "smooth")
    (folder / "other.toml").write_text(f"{QUESTION}seeds = [0, 1]\n[config]{CONFIG}{renamed}{FRAME}")
    output = succeed(folder, "launch", "other.toml")
    assert "2 trials copied from study tiny: same digests, same code, not trained again" in output
    assert "other: 2 trials to run, 2 done before" in output
    assert "4 of 4 trials done, 0 running, 0 failed" in output
    second = study_at(folder, "other")
    assert {(record.arm, record.seed, record.copied_from) for record in second.ledger()} == {
        ("smooth", 0, "tiny"),
        ("smooth", 1, "tiny"),
        ("frame", 0, None),
        ("frame", 1, None),
    }
    trained = records(first)
    for record in second.ledger():
        if record.copied_from:
            assert record.metrics == trained[record.digest].metrics
            assert record.finished_at == trained[record.digest].finished_at
    assert "smooth" in (folder / "runs/other/report/index.html").read_text()
    assert trial_files(first) == before


# ---------------------------------------------------------------------------------------------- kills and interruptions


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
    (folder / "one.toml").write_text(f"{QUESTION}seeds = [0]\n[config]{CONFIG}{LOW_PASS}")
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
    (folder / "one.toml").write_text(f"{QUESTION}seeds = [0]\n[config]{CONFIG}{LOW_PASS}")
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


# ------------------------------------------------------------------------------------------------------------ one trial


def test_one_trial_trains_without_ray_and_mlflow(folder: Path) -> None:
    (folder / "trial.toml").write_text(CONFIG)
    output = succeed(folder, "train", "trial.toml", "--out", "mine")
    assert "finished after 4 steps" in output
    assert not (folder / "runs").exists()
    (record,) = Store(folder / "mine").ledger()
    assert (record.outcome, record.arm) == ("finished", "trial")
