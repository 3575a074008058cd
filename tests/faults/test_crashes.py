"""Workers that die by a signal: the trial is tried again, or recorded as crashed, and the study goes on."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.storage.records import TrialRecord
from core.storage.store import Store
from tests.support.command_process import PATIENCE_S, begin, kill, run, study_at, succeed
from tests.support.processes import command_line_of, session_of, wait_until
from tests.support.trained_study import study_text

SIGNALS: Mapping[str, Sequence[signal.Signals]] = {
    "crashes": (signal.SIGSEGV, signal.SIGSEGV),
    "crashes after a kill": (signal.SIGKILL, signal.SIGBUS, signal.SIGABRT),
    "crashes once": (signal.SIGILL,),
    "is killed twice": (signal.SIGKILL, signal.SIGKILL),
    "is left alone": (),
}
"""Signals by which the workers of an arm's only trial die, one after the other, by name of the arm."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A study whose workers died."""

    folder: Path
    exit_code: int
    output: str

    @property
    def store(self) -> Store:
        return study_at(self.folder, "dying")

    def record(self, arm: str) -> TrialRecord:
        """The record of the only trial of an arm."""
        (record,) = (record for record in self.store.ledger() if record.arm == arm)
        return record


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """The study, run once with all its deaths."""
    folder = tmp_path_factory.mktemp("dying")
    table = '[[arms]]\nname = "{}"\nconfig = {{ parameterization = {{ kind = "low_pass", cutoff_hz = {}.0 }} }}\n'
    arms = "".join(table.format(name, 8 + i) for i, name in enumerate(SIGNALS))
    (folder / "dying.toml").write_text(study_text(arms, seeds=[0], max_steps=60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path.cwd()))
        driver = begin(folder, "launch", "dying.toml", "--trials-at-once", "1")
        try:
            for trial in study_when_planned(folder).plan().trials:
                for number, fatal in enumerate(SIGNALS[trial.arm], start=1):
                    end_worker(driver.pid, folder / "runs" / "dying" / "trials" / trial.digest, number, fatal)
            code = driver.wait(timeout=PATIENCE_S)
        finally:
            kill(driver)
        yield Ended(folder, code, (folder / "output.txt").read_text())


def study_when_planned(folder: Path) -> Store:
    store = study_at(folder, "dying")
    wait_until(lambda: store.has_study and store.plan().trials, "the plan", patience_s=PATIENCE_S)
    return store


def end_worker(leader: int, trial: Path, number: int, fatal: signal.Signals) -> None:
    """Send a signal to the worker of a trial when it has written a checkpoint in its attempt of this number."""

    def worker() -> int | None:
        attempts = {path.parent for path in trial.glob("*/checkpoint-*.pt")}
        workers = [process for process in session_of(leader) if b"ImplicitFunc" in command_line_of(process)]
        return workers[0] if len(attempts) >= number and workers else None

    found = wait_until(worker, f"a checkpoint of attempt {number}", patience_s=PATIENCE_S, every_s=0.02)
    assert found is not None
    os.kill(found, fatal)
    wait_until(lambda: not command_line_of(found), "the end of the worker", patience_s=PATIENCE_S)


def test_the_study_goes_on_and_says_that_trials_failed(ended: Ended) -> None:
    assert ended.exit_code == 1, ended.output
    assert "Traceback" not in ended.output
    assert "5 of 5 trials done, 0 running, 2 failed" in ended.output
    assert (ended.store.address("report/index.html")).startswith("/")
    assert (ended.folder / "runs" / "dying" / "report" / "index.html").exists()


@pytest.mark.parametrize(
    ("arm", "error"),
    [
        ("crashes", "its worker was ended by SIGSEGV in "),
        ("crashes after a kill", "its worker was ended by SIGABRT in "),
    ],
)
def test_a_trial_whose_worker_crashes_again_has_crashed_by_the_named_signal(ended: Ended, arm: str, error: str) -> None:
    record = ended.record(arm)
    assert record.outcome == "crashed"
    assert record.error is not None
    assert record.error.startswith(error)
    assert f"{arm} seed 0 crashed: {error}" in ended.output


@pytest.mark.parametrize("arm", ["crashes once", "is killed twice", "is left alone"])
def test_a_trial_whose_worker_crashed_once_or_was_killed_twice_ends_well(ended: Ended, arm: str) -> None:
    record = ended.record(arm)
    assert (record.outcome, record.steps) == ("finished", 60)


def test_what_crashed_is_shown_and_run_again_on_request_only(ended: Ended) -> None:
    assert "3 finished, 2 crashed" in succeed(ended.folder, "status", "dying")
    assert run(ended.folder, "resume", "dying").returncode == 1
    assert ended.record("crashes").outcome == "crashed", "a resume does not run it again"
    assert "5 of 5 trials done, 0 running, 0 failed" in succeed(ended.folder, "retry", "dying", "--outcome", "crashed")
    assert {record.outcome for record in ended.store.ledger()} == {"finished"}
