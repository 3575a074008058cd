"""What the driver does when a trial starts, reports, ends, loses its worker or takes too long."""

# ruff: noqa: ARG002 - Ray Tune passes more arguments to its callbacks than are needed here.

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.progress_reporter import TrialProgressCallback

from core.errors import ModstudyError
from core.storage.checkpoint_files import latest_checkpoint_step
from core.storage.records import Outcome, TrialRecord
from core.storage.store import Store
from core.storage.values import is_disk_full
from study.execution.disk_space import DiskFullInterrupt, fullest_disk
from study.execution.outcomes import RunningTrial, record_for_worker
from study.execution.trial_queue import TrialQueue
from study.execution.worker import DISK_FULL
from study.execution.worker_deaths import Crash, OomKills, crash_of_worker
from study.progress import StudyProgress

MAX_WORKER_DEATHS = 2
"""Maximum number of times that a trial is started again after its worker died.

After a crash it is started again once: such an error usually lies in the trial, and only sometimes in its machine.
"""
STUCK_AFTER_S = 30.0
"""Time beyond its own after which a worker that has not ended its trial is killed, in seconds.

A worker checks the time between training steps only.
"""
_log = logging.getLogger(__name__)


class TrialEvents(tune.Callback):
    """Callback of Ray Tune that updates the progress of the study, and sees to it that every trial gets a record."""

    def __init__(
        self,
        store: Store,
        queue: TrialQueue,
        running: dict[str, RunningTrial],
        progress: StudyProgress,
        on_record: Callable[[TrialRecord], None],
        timeout_s: float | None,
    ) -> None:
        self._store = store
        self._queue = queue
        self._running = running
        self._progress = progress
        self._on_record = on_record
        self._timeout_s = timeout_s
        self._tune_trials: dict[str, Any] = {}
        self._oom_kills = OomKills()

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Ray Tune pickles callbacks to restore them, but modstudy resumes from the records instead."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrialEvents":
        """The same object, because Ray Tune copies callbacks and the progress must be shared."""
        return self

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Kill the workers of trials that have exceeded their time by far."""
        self._oom_kills.look()
        if self._timeout_s is None:
            return
        now = time.monotonic()
        for trial_id, trial in self._tune_trials.items():
            running = self._running[trial_id]
            if now - running.started_s > self._timeout_s + STUCK_AFTER_S and not running.is_stuck:
                running.is_stuck = True
                # Ray Tune must not start it again.
                trial.max_failures = 0
                ray.kill(trial.temporary_state.ray_actor)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Mark the trial as running."""
        running = self._running[trial.trial_id]
        running.start()
        self._tune_trials[trial.trial_id] = trial
        self._progress.start(running.trial.digest)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Update step, loss and history of the trial."""
        running = self._running[trial.trial_id]
        history = result.get("history", ())
        running.report(int(result["step"]), int(result.get("n_before", len(running.history))), history)
        first_step = int(result.get("first_step", 0))
        self._progress.step(running.trial.digest, running.step, result.get("train_loss"), first_step)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Count the restart of the trial after its worker died; one that crashed is started again only once."""
        running = self._running[trial.trial_id]
        running.n_deaths += 1
        running.has_begun = False
        if crash := crash_of_worker(_last_failure(trial)):
            _log.warning("trial %s: its worker crashed by %s, and it is started again", running.trial.digest, crash)
            running.has_crashed = True
            trial.max_failures = min(trial.max_failures, running.n_deaths)
        self._progress.retry(running.trial.digest)
        self._tune_trials.pop(trial.trial_id, None)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report the record of a trial whose worker has ended it, or record that a rule has stopped it.

        Raises:
            DiskFullInterrupt: the worker had no space to go on; the trial has no record, and runs again on resume.
        """
        running = self._end(trial)
        if full := (trial.last_result or {}).get(DISK_FULL):
            raise DiskFullInterrupt(full)
        has_ended = "outcome" in (trial.last_result or {})
        record = self._record_of(running) if has_ended else self._recorded(running, "stopped", None)
        self._finish(record or self._recorded(running, "lost", "its worker ended without a record"))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report the record of a trial whose worker has died, or record why there is none."""
        running = self._end(trial)
        record = self._record_of(running)
        if record is None and running.is_stuck:
            error = (
                f"its worker did not react within {STUCK_AFTER_S:g} s after the trial had taken {self._timeout_s:g} s, "
                "and was killed"
            )
            record = self._recorded(running, "timed_out", error)
        if record is None and not running.has_begun and self._queue.put_back(running.trial):
            # Ray Tune gave it to a worker that had died after its last trial, and does not start such a trial again.
            self._progress.retry(running.trial.digest)
            return
        self._finish(record or self._recorded(running, *self._reason(running, trial)))

    def cancel(self) -> None:
        """End the workers of all running trials, and record these as cancelled.

        If a worker commits its record at the same moment, its trial may be recorded as cancelled nevertheless; it then
        runs once more, with the same result.
        """
        for trial in self._tune_trials.values():
            with suppress(Exception):  # such as a worker that has just died
                ray.kill(trial.temporary_state.ray_actor)
        for running in self._running.values():
            if not running.started_at:
                continue
            try:
                if (record := self._record_of(running)) is not None:
                    self._finish(record)
                else:
                    # It is not done: a resume runs it again.
                    self._on_record(self._recorded(running, "cancelled", self._where_cancelled(running)))
            except DiskFullInterrupt:
                continue  # without a record, too, a resume runs it again
            except (OSError, ModstudyError) as problem:
                _log.warning("trial %s is not recorded as cancelled: %s", running.trial.digest, problem)
        self._tune_trials.clear()
        self._running.clear()

    # ------------------------------------------------------------------------------------------------------------

    def _end(self, trial: Any) -> RunningTrial:
        """Forget a trial that runs no more."""
        self._tune_trials.pop(trial.trial_id, None)
        return self._running.pop(trial.trial_id)

    def _where_cancelled(self, running: RunningTrial) -> str:
        """At which step a trial was stopped, and where it goes on."""
        trial = running.trial
        checkpoint = latest_checkpoint_step(self._store, trial.digest)
        max_steps = self._queue.plan.arm(trial.arm).config["trainer"]["max_steps"]
        # A checkpoint may be newer than the latest report.
        step = max(running.step, checkpoint or 0)
        how = "has no checkpoint and starts again" if checkpoint is None else "goes on from its checkpoint"
        return f"the study was stopped when the trial was at step {step} of {max_steps}; on resume it {how}"

    def _reason(self, running: RunningTrial, trial: Any) -> tuple[Outcome, str]:
        """Outcome and error of a trial of Ray Tune that has no record.

        Ray Tune writes the latest error as text, and, if a task or a worker failed, also pickled.
        """
        text = _last_failure(trial)
        last_line = text.strip().splitlines()[-1]
        if reasons := [line for line in text.splitlines() if "low on memory" in line]:
            return "out_of_memory", f"Ray killed its worker because memory was exhausted: {reasons[0]}"
        if trial.pickled_error_file and isinstance(_unpickled(trial.pickled_error_file), RayTaskError):
            return "failed", f"{last_line}\n{text}"
        if crash := crash_of_worker(text):
            return "crashed", _crash_text(crash, running.n_deaths)
        if self._oom_kills.any_recent():
            return (
                "out_of_memory",
                "its worker was killed (SIGKILL) while the kernel killed processes because memory was exhausted; run "
                "fewer trials at once (--trials-at-once), or give each more (--memory-per-trial)",
            )
        times = "again after a crash" if running.has_crashed else f"more than {MAX_WORKER_DEATHS} times"
        return "lost", f"its worker died {times}; at last: {last_line}"

    def _record_of(self, running: RunningTrial) -> TrialRecord | None:
        """The record that the worker has committed; None if it has not."""
        record = self._store.record(running.trial.digest)
        if record is None or self._store.attempt_of(record) == running.earlier:
            return None
        return record

    def _recorded(self, running: RunningTrial, outcome: Outcome, error: str | None) -> TrialRecord:
        """A record of a trial whose worker has not written one, which is committed if possible.

        Raises:
            DiskFullInterrupt: there is no space for it.
        """
        attempt = self._store.begin(running.trial.digest)
        record = record_for_worker(self._queue.plan, running, attempt, outcome, error)
        try:
            record = attempt.commit(record)
            if outcome == "stopped":
                _drop_checkpoints(self._store, record.digest)
        except (OSError, ModstudyError) as problem:
            if is_disk_full(problem):
                raise DiskFullInterrupt(fullest_disk(self._store)) from problem
            _log.warning("the record of trial %s (%s) cannot be written: %s", record.digest, outcome, problem)
        return record

    def _finish(self, record: TrialRecord) -> None:
        """Report the record of a trial that has ended."""
        self._progress.finish(record)
        self._queue.end(record.digest)
        self._on_record(record)


class NoProgress(TrialProgressCallback):
    """Takes the place of Ray Tune's own progress, which is not shown but keeps all trials of a tuner in memory."""

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Do nothing."""

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Do nothing."""

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Do nothing."""


def _drop_checkpoints(store: Store, digest: str) -> None:
    """Remove the checkpoints of all attempts at a trial, from which it never goes on."""
    from core.training.checkpoint import drop_checkpoints

    for attempt in store.attempts(digest):
        drop_checkpoints(attempt)


def _crash_text(crash: Crash, n_before: int) -> str:
    """Error of a trial whose worker has crashed, after it had died some times before."""
    before = f", after it had died {n_before} time{'s' if n_before > 1 else ''} before" if n_before else ""
    return (
        f"its worker was ended by {crash}{before}: an error in native code, or of the machine; to run the trial once "
        "more: modstudy retry NAME --outcome crashed"
    )


def _last_failure(trial: Any) -> str:
    """Ray's message about the latest failure of a trial of Ray Tune."""
    return _text(trial.error_file) or "its worker ended without a record"


def _text(path: str | None) -> str:
    """The last entry of the file of errors of a trial; empty if there is none."""
    if not path or not Path(path).exists():
        return ""
    return Path(path).read_text(encoding="utf-8", errors="replace").rpartition("Failure # ")[2].partition("\n")[2]


def _unpickled(path: str) -> object:
    """The error that this process has pickled into a file of Ray Tune."""
    return ray.cloudpickle.loads(Path(path).read_bytes()) if Path(path).exists() else None
