"""Every way in which a worker can end a trial, or fail to, leaves a record and is counted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from core.storage.checkpoint_files import latest_checkpoint_step
from core.storage.records import RERUN_ON_RESUME, Outcome, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from study.execution import trial_events, worker_deaths
from study.execution.outcomes import FAILURES, RunningTrial
from study.execution.trial_events import TrialEvents
from study.execution.trial_queue import MAX_RETURNS, Idle, TrialQueue, open_trials
from study.execution.worker_deaths import Crash
from study.progress import StudyProgress, max_steps
from tests.support.tiny_study import commit


@dataclass(eq=False)
class TuneTrial:
    """What a trial of Ray Tune is for its callbacks."""

    trial_id: str = "t0"
    last_result: dict[str, Any] = field(default_factory=dict)
    error_file: str | None = None
    pickled_error_file: str | None = None
    max_failures: int = 2
    temporary_state: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(ray_actor="its worker"))


class Run:
    """One trial of a plan that a worker runs."""

    def __init__(
        self, store: Store, plan: StudyPlan, timeout_s: float | None = None, *, has_begun: bool = True
    ) -> None:
        self.store, self.plan = store, plan
        self.queue = TrialQueue(plan, plan.trials[:1], lambda *_: None)
        trial = self.queue.take()
        assert isinstance(trial, PlannedTrial)
        self.trial, self.tune_trial = trial, TuneTrial()
        self.progress = StudyProgress(
            planned=1, trials_at_once=1, max_steps=max_steps(plan), waiting={trial.digest: trial}
        )
        self.reported: list[TrialRecord] = []
        self.running = {"t0": RunningTrial(trial, earlier=store.committed(trial.digest))}
        self.events = TrialEvents(store, self.queue, self.running, self.progress, self.reported.append, timeout_s)
        if has_begun:
            self.events.on_trial_start(0, [], self.tune_trial)

    def report(self, **result: Any) -> None:
        self.tune_trial.last_result = result
        self.events.on_trial_result(0, [], self.tune_trial, result)

    def complete(self) -> TrialRecord:
        self.events.on_trial_complete(0, [], self.tune_trial)
        return self.ended()

    def fail(self, folder: Path, text: str, error: Exception | None = None) -> TrialRecord:
        self.lose_worker(folder, text, error)
        return self.ended()

    def lose_worker(self, folder: Path, text: str, error: Exception | None = None) -> None:
        path = folder / "error.txt"
        path.write_text(f"Failure # 3 (occurred at noon)\n{text}\n")
        self.tune_trial.error_file = str(path)
        if error is not None:
            (folder / "error.pkl").write_bytes(ray.cloudpickle.dumps(error))  # type: ignore[no-untyped-call]
            self.tune_trial.pickled_error_file = str(folder / "error.pkl")
        self.events.on_trial_error(0, [], self.tune_trial)

    def ended(self) -> TrialRecord:
        """The record with which the trial has ended, everywhere."""
        record = self.recorded()
        assert self.progress.outcomes == {self.trial.digest: record.outcome}
        assert self.progress.running == {}
        assert self.queue.take() is Idle.DONE
        return record

    def recorded(self) -> TrialRecord:
        """The record that was reported, which is the one in the store."""
        (record,) = self.reported
        assert self.store.record(self.trial.digest) == record
        return record


def entries(*steps: int) -> Sequence[dict[str, float]]:
    return [{"step": float(step), "validation_loss": 2.0 - 0.1 * step} for step in steps]


def test_the_record_of_a_worker_is_reported(store: Store, plan: StudyPlan) -> None:
    run = Run(store, plan)
    record = commit(store, run.trial, outcome="nan", metrics={})
    run.report(step=3, outcome="nan")
    assert run.complete() == record


def test_a_trial_that_a_rule_stopped_has_its_history_and_no_metrics_and_no_checkpoints(
    store: Store, plan: StudyPlan
) -> None:
    run = Run(store, plan)
    attempt = store.begin(run.trial.digest)
    attempt.put("checkpoint-00000002.pt", b"")
    run.report(step=0, train_loss=None, n_before=0, history=entries(0))
    run.report(step=1, train_loss=0.5)
    run.report(step=2, train_loss=0.4, n_before=1, history=entries(2), rung_step=2, rung_loss=1.8)
    record = run.complete()
    assert (record.outcome, record.steps, record.best_step, record.metrics) == ("stopped", 2, 2, {})
    assert record.history == tuple(entries(0, 2))
    assert (record.arm, record.seed, record.stage) == (run.trial.arm, run.trial.seed, run.trial.stage)
    assert attempt.names() == []


def test_a_new_worker_that_goes_on_from_a_checkpoint_replaces_what_the_dead_one_reported(
    store: Store, plan: StudyPlan
) -> None:
    run = Run(store, plan)
    run.report(step=4, n_before=0, history=entries(0, 2, 4))
    run.events.on_trial_recover(0, [], run.tune_trial)
    assert run.progress.running[run.trial.digest].retries == 1
    run.events.on_trial_start(0, [], run.tune_trial)
    run.report(step=3, n_before=0, history=entries(0, 2, 3))
    assert run.complete().history == tuple(entries(0, 2, 3))


@pytest.mark.parametrize(
    ("text", "error", "outcome", "message"),
    [
        ("The actor is dead", ray.exceptions.ActorDiedError(), "lost", "died more than 2 times; at last: The actor is"),
        ("1 worker(s) were killed due to the node running low on memory.\nSee", None, "out_of_memory", "low on memory"),
        (
            "ray::train()\nOSError: disk full",
            ray.exceptions.RayTaskError(  # type: ignore[no-untyped-call]
                "train", "OSError: disk full", OSError("disk full")
            ),
            "failed",
            "OSError: disk full",
        ),
    ],
)
def test_a_trial_whose_worker_leaves_no_record_gets_one(
    store: Store, plan: StudyPlan, tmp_path: Path, text: str, error: Exception | None, outcome: Outcome, message: str
) -> None:
    record = Run(store, plan).fail(tmp_path, text, error)
    assert record.outcome == outcome
    assert record.outcome in FAILURES
    assert record.error is not None
    assert message in record.error.splitlines()[0]
    assert record.environment["code_version"]


def test_a_trial_that_was_given_to_a_dead_worker_is_given_to_another_one(
    store: Store, plan: StudyPlan, tmp_path: Path
) -> None:
    run = Run(store, plan, has_begun=False)
    for number in range(MAX_RETURNS):
        run.lose_worker(tmp_path, "The actor is dead")
        assert run.reported == []
        assert run.queue.take() == run.trial
        run.running["t0"] = RunningTrial(run.trial)
        assert run.queue.n_started == 1, number
    assert run.fail(tmp_path, "The actor is dead").outcome == "lost"


def test_a_trial_whose_worker_crashes_is_started_once_more_and_has_then_crashed(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_events, "crash_of_worker", lambda _: Crash(signal="SIGSEGV", place="render in a.py:7"))
    run = Run(store, plan)
    run.report(step=4, n_before=0, history=entries(0, 2, 4))
    run.events.on_trial_recover(0, [], run.tune_trial)
    assert run.tune_trial.max_failures == 1, "Ray Tune does not start it a second time"
    run.events.on_trial_start(0, [], run.tune_trial)
    record = run.fail(tmp_path, "The actor is dead")
    assert (record.outcome, record.steps) == ("crashed", 4)
    assert record.error is not None
    assert record.error.startswith(
        "its worker was ended by SIGSEGV in render in a.py:7, after it had died 1 time before"
    )
    assert "crashed" in FAILURES - RERUN_ON_RESUME


def test_a_trial_that_was_killed_twice_before_its_worker_crashed_has_crashed(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(store, plan)
    for _ in range(2):
        run.events.on_trial_recover(0, [], run.tune_trial)
        run.events.on_trial_start(0, [], run.tune_trial)
    assert run.tune_trial.max_failures == 2
    monkeypatch.setattr(trial_events, "crash_of_worker", lambda _: Crash(signal="SIGABRT"))
    record = run.fail(tmp_path, "The actor is dead")
    assert record.error is not None
    assert record.error.startswith("its worker was ended by SIGABRT, after it had died 2 times before")


def test_a_trial_that_is_killed_after_a_crash_is_lost(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(store, plan)
    with monkeypatch.context() as patch:
        patch.setattr(trial_events, "crash_of_worker", lambda _: Crash(signal="SIGSEGV"))
        run.events.on_trial_recover(0, [], run.tune_trial)
    run.events.on_trial_start(0, [], run.tune_trial)
    record = run.fail(tmp_path, "The actor is dead")
    assert (record.outcome, record.error) == ("lost", "its worker died again after a crash; at last: The actor is dead")


def test_a_worker_that_the_kernel_killed_for_lack_of_memory_is_out_of_memory(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter((3, 4))
    monkeypatch.setattr(worker_deaths, "n_oom_kills", lambda: next(counts))
    record = Run(store, plan).fail(tmp_path, "The actor is dead")
    assert record.outcome == "out_of_memory"
    assert record.error is not None
    assert "because memory was exhausted" in record.error


def test_a_record_of_an_earlier_session_does_not_count(store: Store, plan: StudyPlan, tmp_path: Path) -> None:
    earlier = commit(store, plan.trials[0], outcome="lost", error="then", metrics={})
    record = Run(store, plan).fail(tmp_path, "The actor is dead")
    assert record.attempt > earlier.attempt
    assert record.error != "then"


def test_a_worker_that_died_after_its_record_has_ended_its_trial(store: Store, plan: StudyPlan, tmp_path: Path) -> None:
    run = Run(store, plan)
    record = commit(store, run.trial)
    assert run.fail(tmp_path, "The actor is dead") == record


def test_a_worker_that_does_not_react_is_killed_once_and_its_trial_has_timed_out(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    killed: list[object] = []
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr("ray.kill", killed.append)
    run = Run(store, plan, timeout_s=60.0)
    run.report(step=7)
    now += 60.0 + trial_events.STUCK_AFTER_S
    run.events.on_step_begin(0, [])
    assert killed == []
    now += 1.0
    for _ in range(3):
        run.events.on_step_begin(0, [])
    assert killed == ["its worker"]
    assert run.tune_trial.max_failures == 0
    record = run.fail(tmp_path, "The actor is dead")
    assert (record.outcome, record.steps) == ("timed_out", 7)
    assert record.error == ("its worker did not react within 30 s after the trial had taken 60 s, and was killed")


def test_a_record_that_cannot_be_written_does_not_end_the_study(
    store: Store, plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    run = Run(store, plan)
    (tmp_path / "error.txt").write_text("Failure # 3 (occurred at noon)\nThe actor is dead\n")
    run.tune_trial.error_file = str(tmp_path / "error.txt")
    with monkeypatch.context() as patch:
        patch.setattr("core.storage.store.Attempt.commit", refuse)
        run.events.on_trial_error(0, [], run.tune_trial)
    assert [record.outcome for record in run.reported] == ["lost"]
    assert store.record(run.trial.digest) is None
    assert "cannot be written: disk full" in caplog.text


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The workers that were killed."""
    found: list[object] = []
    monkeypatch.setattr("ray.kill", found.append)
    return found


def test_a_trial_that_runs_when_the_study_is_stopped_is_cancelled_at_its_step(
    store: Store, plan: StudyPlan, killed: list[object]
) -> None:
    run = Run(store, plan)
    store.begin(run.trial.digest).put("checkpoint-00000002.pt", b"")
    run.report(step=0, train_loss=None, n_before=0, history=entries(0))
    run.report(step=3, train_loss=0.5)
    run.events.cancel()
    assert killed == ["its worker"]
    record = run.recorded()
    assert (record.outcome, record.steps, record.metrics) == ("cancelled", 3, {})
    assert record.history == tuple(entries(0))
    assert record.error == (
        "the study was stopped when the trial was at step 3 of 4; on resume it goes on from its checkpoint"
    )
    assert record.outcome not in FAILURES
    assert run.progress.outcomes == {}, "it is not done"
    assert latest_checkpoint_step(store, run.trial.digest) == 2
    assert open_trials(store, plan) == list(plan.trials)


def test_a_trial_that_is_cancelled_before_its_first_checkpoint_starts_again(
    store: Store, plan: StudyPlan, killed: list[object]
) -> None:
    run = Run(store, plan)
    run.events.cancel()
    assert killed == ["its worker"]
    assert run.recorded().error == (
        "the study was stopped when the trial was at step 0 of 4; on resume it has no checkpoint and starts again"
    )


def test_a_trial_whose_worker_was_just_being_replaced_is_cancelled(
    store: Store, plan: StudyPlan, killed: list[object]
) -> None:
    run = Run(store, plan)
    run.report(step=3)
    run.events.on_trial_recover(0, [], run.tune_trial)
    run.events.cancel()
    assert killed == []
    assert run.recorded().outcome == "cancelled"


def test_a_trial_that_ended_just_before_the_stop_keeps_its_record(
    store: Store, plan: StudyPlan, killed: list[object]
) -> None:
    run = Run(store, plan)
    record = commit(store, run.trial)
    run.events.cancel()
    assert run.ended() == record
    assert killed == ["its worker"]


def test_a_trial_that_no_worker_has_begun_stays_open_without_a_record(
    store: Store, plan: StudyPlan, killed: list[object]
) -> None:
    run = Run(store, plan)
    run.running["t1"] = RunningTrial(plan.trials[1])
    run.events.cancel()
    assert run.recorded().digest == run.trial.digest
    assert killed == ["its worker"]
    assert store.record(plan.trials[1].digest) is None


def test_a_worker_that_cannot_be_killed_does_not_hinder_the_others(
    store: Store, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ValueError("this worker is gone")

    monkeypatch.setattr("ray.kill", refuse)
    run = Run(store, plan)
    run.events.cancel()
    assert run.recorded().outcome == "cancelled"
