"""The command line with real workers: launch, type twice, interrupt, kill, resume."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.storage.store import Store

pytestmark = pytest.mark.slow

STUDY = """
question = "Does it run?"
seeds = [0, 1]
[config]
device = "cpu"
data = { kind = "synthetic", n_train = 8, n_validation = 4, n_test = 4 }
encoder = { width = 4, dilations = [1, 2], n_mels = 16, head_hidden = 4 }
trainer = { max_steps = 4, batch_size = 2, validate_every = 2, checkpoint_every = 2, n_audio_clips = 1 }
[[arms]]
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
[[arms]]
name = "constant"
config = { parameterization = { kind = "constant" } }
"""
LONG = "trainer.max_steps=60", "trainer.checkpoint_every=5"
PATIENCE_S = 240


def command(*arguments):
    return [sys.executable, "-m", "study.cli", *arguments]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny.toml").write_text(STUDY)
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def begin(folder, *arguments):
    """Start a command in a session of its own, so that it and all of Ray can be found and ended together."""
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            command(*arguments), cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
    return found


def checkpoints(folder, name):
    return list((folder / "runs" / name / "trials").glob("*/*/checkpoint-*.pt"))


def session_of(leader):
    """Processes of the session that a process led."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def command_line(pid):
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def results(folder, name):
    """Everything that must not depend on how often a study was interrupted."""
    store = Store(folder / "runs" / name)
    return {
        record.digest: (record.arm, record.seed, record.outcome, record.steps, record.best_step, record.metrics)
        for record in store.ledger()
    }


def test_a_study_runs_whole_and_can_be_typed_twice(folder):
    first = run(folder, "launch", "tiny.toml")
    assert first.returncode == 0, first.stderr
    assert "4 of 4 trials done, 0 running, 0 failed" in first.stdout
    assert "Report: runs/tiny/report/index.html" in first.stdout
    assert "Front over audio.mss" in first.stdout
    summary = json.loads((folder / "runs/tiny/summary.json").read_text())
    assert (summary["counts"]["planned"], summary["counts"]["finished"]) == (4, 4)
    assert (folder / "runs/tiny/report/index.html").stat().st_size > 10_000
    assert (folder / "runs/mlflow.db").exists()
    before = results(folder, "tiny")
    second = run(folder, "launch", "tiny.toml")
    assert second.returncode == 0, second.stderr
    assert "All 4 trials of tiny are done; reporting anew." in second.stdout
    assert results(folder, "tiny") == before
    assert "4 planned: 4 finished" in run(folder, "status", "tiny").stdout
    assert run(folder, "report", "tiny").returncode == 0
    other = run(folder, "launch", "tiny.toml", *sets("trainer.max_steps=5"))
    assert other.returncode == 2
    assert "exists under runs with another plan (trainer.max_steps 4 against 5)" in other.stderr


def test_after_a_kill_of_driver_and_workers_a_resume_gives_what_an_undisturbed_run_gives(folder):
    driver = begin(folder, "launch", "tiny.toml", "--name", "killed", *sets(*LONG))
    wait_for(lambda: checkpoints(folder, "killed"), "a checkpoint")
    for process in session_of(driver.pid):
        os.kill(process, signal.SIGKILL)
    driver.wait()
    assert len(results(folder, "killed")) < 4
    resumed = run(folder, "resume", "killed")
    assert resumed.returncode == 0, resumed.stderr
    undisturbed = run(folder, "launch", "tiny.toml", "--name", "whole", *sets(*LONG))
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert results(folder, "killed") == results(folder, "whole")
    assert len(results(folder, "whole")) == 4


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_cleanly_and_says_how_to_go_on(folder, end):
    driver = begin(folder, "launch", "tiny.toml", *sets("trainer.max_steps=100000"))
    wait_for(lambda: checkpoints(folder, "tiny"), "a checkpoint")
    os.kill(driver.pid, end)
    assert driver.wait(timeout=60) == 130
    output = (folder / "output.txt").read_text()
    assert "modstudy resume tiny" in output
    assert "Traceback" not in output
    wait_for(lambda: not session_of(driver.pid), "the workers to be gone")
    assert "checkpoint at step" in run(folder, "status", "tiny").stdout


def test_a_worker_that_is_killed_is_started_again(folder):
    driver = begin(folder, "launch", "tiny.toml", *sets(*LONG), "--trials-at-once", "1")
    wait_for(lambda: checkpoints(folder, "tiny"), "a checkpoint")
    worker = next(pid for pid in session_of(driver.pid) if b"ImplicitFunc" in command_line(pid))
    os.kill(worker, signal.SIGKILL)
    assert driver.wait(timeout=PATIENCE_S) == 0, (folder / "output.txt").read_text()
    assert {outcome for _, _, outcome, *_ in results(folder, "tiny").values()} == {"finished"}
    assert len(results(folder, "tiny")) == 4


def test_one_trial_trains_without_ray_and_mlflow(folder):
    (folder / "trial.toml").write_text(
        'device = "cpu"\n' + STUDY.partition("[config]")[2].partition("[[arms]]")[0].replace('device = "cpu"', "")
    )
    done = run(folder, "train", "trial.toml", "--out", "mine")
    assert done.returncode == 0, done.stderr
    assert "finished after 4 steps" in done.stdout
    assert not (folder / "runs").exists()
    (record,) = Store(folder / "mine").ledger()
    assert (record.outcome, record.arm) == ("finished", "trial")
