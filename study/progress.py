"""Progress of a running study, shown live on a terminal and as lines elsewhere."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from core.storage.records import Outcome, PlannedTrial, TrialRecord

LINE_EVERY_S = 10.0


@dataclass(slots=True)
class Running:
    """A running trial."""

    trial: PlannedTrial
    started: float
    step: int = 0
    first_step: int | None = None
    """The first step that this process reported."""
    loss: float | None = None
    retries: int = 0

    @property
    def max_steps(self) -> int:
        return int(self.trial.config["trainer"]["max_steps"])

    @property
    def label(self) -> str:
        return f"{self.trial.arm} · seed {self.trial.seed}"


@dataclass(slots=True)
class StudyProgress:
    """Trials done, running and waiting, and the time that is left; safe to use from several threads."""

    planned: int
    trials_at_once: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    waiting: dict[str, PlannedTrial] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    """Trials whose worker died too often, with the last error."""
    _spent: list[tuple[int, float]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def plan_more(self, trials: Sequence[PlannedTrial]) -> None:
        """Add trials that a later stage planned."""
        with self._lock:
            self.planned += len(trials)
            self.waiting |= {trial.digest: trial for trial in trials}

    def start(self, digest: str) -> None:
        with self._lock:
            if trial := self.waiting.pop(digest, None):
                self.running[digest] = Running(trial, time.monotonic())

    def step(self, digest: str, step: int, loss: float | None) -> None:
        with self._lock:
            if running := self.running.get(digest):
                running.first_step = step if running.first_step is None else running.first_step
                running.step = step
                running.loss = loss if loss is not None else running.loss

    def retry(self, digest: str) -> None:
        with self._lock:
            if running := self.running.get(digest):
                running.retries += 1

    def finish(self, record: TrialRecord) -> None:
        with self._lock:
            self.waiting.pop(record.digest, None)
            if running := self.running.pop(record.digest, None):
                self._spent.append((record.steps, time.monotonic() - running.started))
            self.outcomes[record.digest] = record.outcome

    def lose(self, digest: str, error: str) -> None:
        with self._lock:
            self.waiting.pop(digest, None)
            self.running.pop(digest, None)
            self.lost[digest] = error

    def count(self, outcome: Outcome) -> int:
        return sum(found == outcome for found in self.outcomes.values())

    @property
    def failed(self) -> int:
        return self.count("failed") + self.count("diverged") + len(self.lost)

    def seconds_left(self) -> float | None:
        """Estimated seconds until all trials are done, from the seconds per step so far; None before any step."""
        with self._lock:
            now = time.monotonic()
            spent = [(steps, seconds) for steps, seconds in self._spent if steps]
            spent += [(r.step - (r.first_step or 0), now - r.started) for r in self.running.values() if r.step > 9]
            steps = sum(steps for steps, _ in spent)
            if steps <= 0:
                return None
            pace = sum(seconds for _, seconds in spent) / steps
            rest = [running.max_steps - running.step for running in self.running.values()]
            rest += [int(trial.config["trainer"]["max_steps"]) for trial in self.waiting.values()]
            return max(max(rest, default=0), sum(rest) / self.trials_at_once) * pace

    def headline(self) -> str:
        with self._lock:
            parts = [
                f"{len(self.outcomes) + len(self.lost)} of {self.planned} trials done",
                f"{len(self.running)} running",
                f"{self.failed} failed",
            ]
            left = self.seconds_left()
            if left is not None and (self.running or self.waiting):
                parts.append(f"about {duration(left)} left")
            return ", ".join(parts)

    def lines(self) -> list[str]:
        with self._lock:
            return [
                f"{running.label}: step {running.step} of {running.max_steps}, loss {number(running.loss)}"
                for running in self.running.values()
            ]


@contextmanager
def shown(progress: StudyProgress, console: Console) -> Iterator[None]:
    """Show a study's progress until the block ends: live on a terminal, a line at intervals elsewhere."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True, get_renderable=lambda: _picture(progress)):
            yield
        return
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(LINE_EVERY_S):
            console.print("; ".join([progress.headline(), *progress.lines()]), soft_wrap=True, highlight=False)

    thread = threading.Thread(target=write, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def duration(seconds: float) -> str:
    """Seconds in words: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def number(value: float | None) -> str:
    return "not known yet" if value is None else f"{value:.4g}"


def _picture(progress: StudyProgress) -> RenderableType:
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
