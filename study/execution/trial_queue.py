"""Queue of the trials of a study: it hands out planned trials in order, and grows by what the strategies propose.

The queue knows neither Ray nor the store. It asks for more trials when none is left to start, and again whenever a
trial has ended since; whether a strategy then proposes or waits for the running trials is up to the strategy.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from core.errors import StudyError
from core.storage.records import RERUN_ON_RESUME, Outcome, PlannedTrial, StudyPlan
from core.storage.store import Store

MAX_RETURNS = 2
"""Maximum number of times that a trial is handed out again."""
Grow = Callable[[StudyPlan, frozenset[str]], tuple[StudyPlan, Sequence[PlannedTrial]] | None]
"""Returns the plan with one more segment, and those of its trials that must run; None if nothing is proposed now.

The arguments are the plan so far, and the digests of the running trials.
"""


class Idle(Enum):
    """Why a queue hands out no trial."""

    WAIT = "wait"
    """More trials may follow when a running one has ended."""
    DONE = "done"
    """No trial follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a session, after which no further trial starts."""

    max_seconds: float | None = None
    """Wall time from the start of the session; None for no limit."""
    max_trials: int | None = None
    """Number of trials that the session starts; None for no limit."""

    def __post_init__(self) -> None:
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise StudyError(f"--max-hours must be above 0; got {self.max_seconds / 3600:g}")
        if self.max_trials is not None and self.max_trials < 1:
            raise StudyError(f"--max-trials must be 1 or more; got {self.max_trials}")


class TrialQueue:
    """The trials of a study that are left to start, those that run, and the plan that they belong to."""

    def __init__(
        self,
        plan: StudyPlan,
        trials: Sequence[PlannedTrial],
        grow: Grow,
        *,
        budget: Budget | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Make a queue.

        Args:
            plan: The plan so far.
            trials: Those trials of the plan that must run.
            grow: Asks the strategies of the study for more trials.
            budget: Limits of the session, counted from now; by default none.
            stop: Set, also by other threads, when no further trial shall start.
        """
        self.plan = plan
        self.n_started = 0
        """Number of trials handed out so far."""
        self.is_done = False
        """Whether no trial follows those that were handed out."""
        self._waiting = deque(trials)
        self._running: set[str] = set()
        self._returns: Counter[str] = Counter()
        self._grow = grow
        self._budget = budget or Budget()
        self._stop = stop or threading.Event()
        self._created = time.monotonic()
        self._may_ask = True

    @property
    def ends_early(self) -> bool:
        """Whether the budget is spent or the study was told to stop, so that no further trial starts."""
        return self._stop.is_set() or self.is_out_of_budget

    @property
    def is_out_of_budget(self) -> bool:
        """Whether the budget is spent."""
        budget = self._budget
        if budget.max_trials is not None and self.n_started >= budget.max_trials:
            return True
        return budget.max_seconds is not None and time.monotonic() - self._created >= budget.max_seconds

    @property
    def n_waiting(self) -> int:
        """Number of planned trials that have not been handed out."""
        return len(self._waiting)

    def peek(self) -> PlannedTrial | Idle:
        """The trial that `take` would hand out; the strategies are asked if no planned trial is left."""
        if self.is_done or self.ends_early:
            self.is_done = True
            return Idle.DONE
        while not self._waiting:
            more = None
            if self._may_ask:
                more = self._grow(self.plan, frozenset(self._running))
            if more is None:
                self._may_ask = False
                self.is_done = not self._running
                return Idle.WAIT if self._running else Idle.DONE
            self.plan, trials = more
            self._waiting.extend(trials)
        return self._waiting[0]

    def take(self) -> PlannedTrial | Idle:
        """The next trial to start, which counts as running until `end`; a reason if there is none now."""
        trial = self.peek()
        if isinstance(trial, PlannedTrial):
            self._waiting.popleft()
            self._running.add(trial.digest)
            self.n_started += 1
        return trial

    def put_back(self, trial: PlannedTrial) -> bool:
        """Hand out a running trial again, before all others; returns False if that was done too often before."""
        if self._returns[trial.digest] >= MAX_RETURNS:
            return False
        self._returns[trial.digest] += 1
        self._running.discard(trial.digest)
        self._waiting.appendleft(trial)
        self.n_started -= 1
        self.is_done = False
        return True

    def end(self, digest: str) -> None:
        """Say that a running trial has ended, after its record was stored."""
        self._running.discard(digest)
        self._may_ask = True


def open_trials(store: Store, plan: StudyPlan, *, retry: frozenset[Outcome] = frozenset()) -> list[PlannedTrial]:
    """The planned trials that have no record or were lost or cancelled, in the order of the plan.

    Args:
        store: Store of the study.
        plan: Plan of the study.
        retry: Further outcomes of trials that are included.
    """
    outcomes, reruns = store.outcomes(), RERUN_ON_RESUME | retry
    return [trial for trial in plan.trials if outcomes.get(trial.digest) in (None, *reruns)]
