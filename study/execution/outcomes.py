"""Outcomes of trials: those that only the driver knows, and what they mean for the exit code of a command.

A worker records how its trial ended (`core.training.trial`). The driver records a trial that was stopped by an
early-stopping rule, whose worker died too often or ran out of memory, that was stuck beyond its time, or that ran when
the user stopped the study (`cancelled`). A worker that died by the signal of a fatal error (`study.execution.
worker_deaths`) is given the trial once more, from its checkpoint; the second time the trial is `crashed`. A worker that
was killed (SIGKILL), or vanished with its node, says nothing about the trial, which is tried twice more and then
`lost`; if the kernel killed it for lack of memory, `out_of_memory`.

A command fails if a trial ended without saying anything about its arm: `failed`, `crashed`, `out_of_memory`,
`timed_out`, `lost`.
`diverged` and `nan` are findings about the arm, and `stopped` is what an early-stopping rule is for. A cancelled trial
has not ended: a resume continues it from its checkpoint, and until then no strategy takes it for a result.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.settings.dotted import flatten
from core.storage.code_version import code_version
from core.storage.records import Outcome, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Attempt
from search_spaces.early_stopping import EarlyStoppingConfig

FAILURES: frozenset[Outcome] = frozenset({"failed", "crashed", "out_of_memory", "timed_out", "lost"})
"""Outcomes that make a command fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLimits:
    """What ends trials before their last step."""

    timeout_s: float | None = None
    """Seconds that a trial may take; None for no limit."""
    early_stopping: EarlyStoppingConfig | None = None
    """Rule that stops trials whose validation loss lags behind; None for none."""
    max_steps: int = 0
    """Largest number of training steps of a trial that is planned so far."""


@dataclass(slots=True)
class RunningTrial:
    """What the driver knows about a trial that has been given to a worker."""

    trial: PlannedTrial
    earlier: Attempt | None = None
    """The committed attempt that the trial had before, such as one that was lost."""
    started_at: str = ""
    """Time (UTC) in ISO 8601 format when the trial was first started; empty if it was not."""
    started_s: float = 0.0
    """Value of `time.monotonic()` when its present worker began it."""
    step: int = 0
    """The latest reported training step."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Entries of the reported validations, see `TrialRecord.history`."""
    has_begun: bool = False
    """Whether its present worker has begun it."""
    n_deaths: int = 0
    """Number of times that its worker has died."""
    has_crashed: bool = False
    """Whether it died by the signal of a fatal error before."""
    is_stuck: bool = False
    """Whether its worker has been killed because the trial has exceeded its time by far."""

    def start(self) -> None:
        """Say that a worker begins the trial."""
        self.started_at = self.started_at or now()
        self.started_s = time.monotonic()
        self.has_begun = True

    def report(self, step: int, n_before: int, entries: Sequence[dict[str, float]]) -> None:
        """Take over what a worker reports: its step, and those entries of its history that follow the first ones."""
        self.step = step
        self.history[n_before:] = entries


def record_for_worker(
    plan: StudyPlan, running: RunningTrial, attempt: Attempt, outcome: Outcome, error: str | None
) -> TrialRecord:
    """The record of a trial whose worker does not write one, for a new attempt at the trial.

    Args:
        plan: Plan of the study.
        running: The trial, and what is known about it.
        attempt: The attempt that the record is to commit.
        outcome: How the trial ended.
        error: The reason; None if the outcome needs none.
    """
    trial = running.trial
    return TrialRecord(
        digest=trial.digest,
        study=plan.name,
        arm=trial.arm,
        seed=trial.seed,
        attempt=attempt.name,
        stage=trial.stage,
        outcome=outcome,
        error=error,
        is_baseline=plan.arm(trial.arm).is_baseline,
        config=flatten(plan.config_of(trial)),
        steps=running.step,
        best_step=best_step(running.history),
        history=tuple(running.history),
        environment={"code_version": code_version()},
        started_at=running.started_at,
        finished_at=now(),
    )


def best_step(history: Sequence[dict[str, float]]) -> int:
    """The step of the smallest validation loss; 0 without validations."""
    if not history:
        return 0
    return int(min(history, key=lambda entry: entry["validation_loss"])["step"])


def now() -> str:
    """The current time (UTC) in ISO 8601 format."""
    return datetime.now(UTC).isoformat(timespec="seconds")
