"""Progress of a running study: a live display on a terminal, otherwise a line of text at intervals."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heapreplace
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from core.storage.records import Outcome, PlannedTrial, StudyPlan, TrialRecord
from dashboards.durations import duration

LINE_EVERY_S = 10.0
"""Interval between lines of progress if the output is not a terminal."""

FEW_STEPS = 9
"""Number of steps up to which a running trial says nothing about its pace."""


@dataclass(slots=True)
class RunningTrial:
    """Progress of a running trial."""

    trial: PlannedTrial
    max_steps: int
    """Number of training steps planned for the trial."""
    started: float
    """Value of `time.monotonic()` at the start."""
    step: int = 0
    """The latest reported training step."""
    first_step: int | None = None
    """About the step at which its first worker began, above 0 if the trial resumed; None before its first report."""
    loss: float | None = None
    """The latest training loss; None if none was reported yet."""
    retries: int = 0
    """How often the trial was started again after its worker died."""

    @property
    def label(self) -> str:
        """Arm and seed of the trial, for display."""
        return f"{self.trial.arm} · seed {self.trial.seed}"

    @property
    def n_steps(self) -> int:
        """Number of steps since the start, or since the checkpoint from which the trial resumed."""
        return self.step - (self.first_step or 0)

    @property
    def share_left(self) -> float:
        """Share of the steps that are left; 1 for a trial without steps."""
        return 1 - self.step / self.max_steps if self.max_steps else 1.0


@dataclass(slots=True)
class _Pace:
    """Seconds that trials of an arm took, and the share of their planned steps that they made in this time."""

    seconds: float = 0.0
    trials: float = 0.0
    """Number of whole trials; a part of a trial counts as a fraction."""

    def add(self, running: RunningTrial, *, has_ended: bool) -> None:
        """Count a trial. One that has ended is whole, however few steps it made: others of its arm may end so too."""
        last_step = running.max_steps if has_ended else running.step
        n_steps = last_step - (running.first_step or 0)
        if running.max_steps and n_steps <= 0:
            return
        self.seconds += time.monotonic() - running.started
        self.trials += n_steps / running.max_steps if running.max_steps else 1.0

    @property
    def trial_s(self) -> float:
        """Seconds of a whole trial."""
        return self.seconds / self.trials


@dataclass(slots=True)
class StudyProgress:
    """State of all trials of a study, and an estimate of the remaining time; thread-safe."""

    planned: int
    """Number of planned trials, including those of earlier sessions."""
    trials_at_once: int
    """Number of trials that run at once."""
    max_steps: dict[str, int] = field(default_factory=dict)
    """Number of training steps of the trials of each arm."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """Outcomes of the trials with a record, by digest."""
    waiting: dict[str, PlannedTrial] = field(default_factory=dict)
    """Trials that have not started, by digest."""
    running: dict[str, RunningTrial] = field(default_factory=dict)
    """Running trials, by digest."""
    _ended: dict[str, "_Pace"] = field(default_factory=dict)
    """Pace of the trials of each arm that have ended in this session."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def plan_more(self, trials: Sequence[PlannedTrial], plan: StudyPlan) -> None:
        """Add trials that a later stage of the study has planned."""
        with self._lock:
            self.planned += len(trials)
            self.max_steps |= max_steps(plan)
            self.waiting |= {trial.digest: trial for trial in trials}

    def start(self, digest: str) -> None:
        """Mark a waiting trial as running."""
        with self._lock:
            if trial := self.waiting.pop(digest, None):
                self.running[digest] = RunningTrial(trial, self.max_steps[trial.arm], time.monotonic())

    def step(self, digest: str, step: int, loss: float | None, first_step: int = 0) -> None:
        """Update step and loss of a running trial; a loss of None leaves the previous one.

        Args:
            digest: The trial.
            step: The latest step.
            loss: The training loss.
            first_step: About the step at which its worker began, above 0 if it resumed from a checkpoint.
        """
        with self._lock:
            if running := self.running.get(digest):
                running.first_step = first_step if running.first_step is None else running.first_step
                running.step = step
                running.loss = loss if loss is not None else running.loss

    def retry(self, digest: str) -> None:
        """Count a restart of a running trial whose worker died."""
        with self._lock:
            if running := self.running.get(digest):
                running.retries += 1

    def finish(self, record: TrialRecord) -> None:
        """Store the outcome of a trial that has ended with a record."""
        with self._lock:
            self.waiting.pop(record.digest, None)
            if running := self.running.pop(record.digest, None):
                self._ended.setdefault(running.trial.arm, _Pace()).add(running, has_ended=True)
            self.outcomes[record.digest] = record.outcome

    def count(self, outcome: Outcome) -> int:
        """Number of trials with the given outcome."""
        return sum(outcome_of_trial == outcome for outcome_of_trial in self.outcomes.values())

    @property
    def failed(self) -> int:
        """Number of trials that ended without results; those that a rule stopped early do not count."""
        n_well = self.count("finished") + self.count("stopped")
        return len(self.outcomes) - n_well

    def seconds_left(self) -> float | None:
        """Estimated seconds until all planned trials are done; None if unknown.

        The trials that wait are assigned in order to the workers as these become free. A trial takes as long as those
        of its arm that have ended. Without any, its arm has the pace of its running trials, or else the mean pace of
        the other arms: the trials that end first are those of fast arms, and say little about slow ones.
        """
        with self._lock:
            trial_s = self._seconds_of_trials()
            if trial_s is None:
                return None
            free_in_s = sorted(trial_s[r.trial.arm] * r.share_left for r in self.running.values())
            free_in_s = [0.0] * (self.trials_at_once - len(free_in_s)) + free_in_s
            for trial in self.waiting.values():
                heapreplace(free_in_s, free_in_s[0] + trial_s[trial.arm])
            return max(free_in_s)

    def _seconds_of_trials(self) -> dict[str, float] | None:
        """Estimated seconds of a trial of each arm; None if none has made progress."""
        paces = {arm: pace for arm, pace in self._ended.items() if pace.trials}
        for running in self.running.values():
            if running.trial.arm not in self._ended and running.n_steps > FEW_STEPS:
                paces.setdefault(running.trial.arm, _Pace()).add(running, has_ended=False)
        if not paces:
            return None
        steps_of = self.max_steps
        # Trials without steps, of untrained arms, take only the time of set-up and evaluation.
        untrained = [pace.trial_s for arm, pace in paces.items() if not steps_of[arm]]
        step_s = [pace.trial_s / steps_of[arm] for arm, pace in paces.items() if steps_of[arm]]
        seconds: dict[str, float] = {}
        for arm, n_steps in steps_of.items():
            if arm in paces:
                seconds[arm] = paces[arm].trial_s
            elif n_steps:
                seconds[arm] = n_steps * sum(step_s) / len(step_s) if step_s else max(untrained)
            else:
                seconds[arm] = sum(untrained) / len(untrained) if untrained else 0.0
        return seconds

    def snapshot(self) -> dict[str, Any]:
        """Numbers of trials, running trials with their steps, and seconds left, as plain values for other processes."""
        with self._lock:
            return {
                "planned": self.planned,
                "done": len(self.outcomes),
                "failed": self.failed,
                "seconds_left": self.seconds_left(),
                "running": [
                    {"label": running.label, "step": running.step, "max_steps": running.max_steps, "loss": running.loss}
                    for running in self.running.values()
                ],
            }

    def headline(self) -> str:
        """Numbers of trials done, running and failed, and the estimated remaining time, as one line."""
        with self._lock:
            parts = [
                f"{len(self.outcomes)} of {self.planned} trials done",
                f"{len(self.running)} running",
                f"{self.failed} failed",
            ]
            remaining = self.seconds_left()
            if remaining is not None and (self.running or self.waiting):
                parts.append(f"about {duration(remaining)} left")
            return ", ".join(parts)

    def lines(self) -> list[str]:
        """Step and loss of each running trial, one line per trial."""
        with self._lock:
            return [
                f"{running.label}: step {running.step} of {running.max_steps}, loss {number(running.loss)}"
                for running in self.running.values()
            ]


@contextmanager
def show_progress(progress: StudyProgress, console: Console) -> Iterator[None]:
    """Show the progress until the block ends: live on a terminal, otherwise as a line at intervals."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True, get_renderable=lambda: _live_view(progress)):
            yield
        return
    stop = threading.Event()

    def print_lines() -> None:
        """Print the state of the study from time to time, until it is stopped."""
        while not stop.wait(LINE_EVERY_S):
            console.print("; ".join([progress.headline(), *progress.lines()]), soft_wrap=True, highlight=False)

    thread = threading.Thread(target=print_lines, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def progress_of(
    plan: StudyPlan, remaining: Sequence[PlannedTrial], outcomes: Mapping[str, Outcome], trials_at_once: int
) -> StudyProgress:
    """Progress of a study before its open trials run.

    Args:
        plan: Plan of the study.
        remaining: The open trials.
        outcomes: Outcomes of the trials with a record, by digest.
        trials_at_once: Number of trials that run at once.
    """
    waiting = {trial.digest: trial for trial in remaining}
    ended = {
        trial.digest: outcomes[trial.digest]
        for trial in plan.trials
        if trial.digest not in waiting and trial.digest in outcomes
    }
    return StudyProgress(
        planned=len(plan.trials),
        trials_at_once=trials_at_once,
        max_steps=max_steps(plan),
        outcomes=ended,
        waiting=waiting,
    )


def max_steps(plan: StudyPlan) -> dict[str, int]:
    """Number of training steps of the trials of each arm."""
    return {arm.name: int(arm.config["trainer"]["max_steps"]) for arm in plan.arms}


def number(value: float | None) -> str:
    """A value with four significant digits; "not known yet" for None."""
    return "not known yet" if value is None else f"{value:.4g}"


def _live_view(progress: StudyProgress) -> RenderableType:
    """The headline, and a progress bar for each running trial."""
    table = Table.grid(padding=(0, 2))
    for running in list(progress.running.values()):
        table.add_row(
            running.label,
            ProgressBar(total=max(running.max_steps, 1), completed=running.step, width=30),
            f"step {running.step} of {running.max_steps}",
            f"loss {number(running.loss)}",
            f"retry {running.retries}" if running.retries else "",
        )
    return Group(Text(progress.headline(), style="bold"), table)
