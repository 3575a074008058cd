"""The queue of a study as a search algorithm of Ray Tune, which asks it for a trial whenever a worker is free."""

from typing import Any

from ray.tune.search import Searcher

from core.storage.store import Store
from search_spaces.early_stopping import EarlyStoppingConfig
from study.execution.outcomes import RunningTrial
from study.execution.trial_queue import Idle, TrialQueue
from study.execution.worker import task_text
from study.planning.resources import Resources


class QueueSearcher(Searcher):
    """Suggests the trials of a queue to Ray Tune, at most `max_trials` of them.

    Ray Tune calls `suggest` again soon after it has answered that there is no trial now, so a round that waits for its
    last trial goes on within 0.1 s. Nothing of it is saved, because modstudy resumes from the records in the store.
    """

    def __init__(
        self,
        queue: TrialQueue,
        store: Store,
        resources: Resources,
        early_stopping: EarlyStoppingConfig | None,
        max_trials: int,
    ) -> None:
        super().__init__()
        self.running: dict[str, RunningTrial] = {}
        """Trials that have been suggested and have not ended, by the id that Ray Tune gives them."""
        self._queue = queue
        self._store = store
        self._resources = resources
        self._stages = early_stopping.stages if early_stopping else ()
        self._left = max_trials

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Ray Tune pickles its settings to restore them."""
        return {}

    def suggest(self, trial_id: str) -> Any:
        """The next trial as text, None if there is none now, or `FINISHED`."""
        if self._left <= 0:
            return self.FINISHED
        trial = self._queue.take()
        if isinstance(trial, Idle):
            return self.FINISHED if trial is Idle.DONE else None
        self._left -= 1
        self.running[trial_id] = RunningTrial(trial, earlier=self._store.committed(trial.digest))
        # As text, because Ray Tune would search nested dictionaries for parameters to vary.
        task = task_text(
            trial,
            self._queue.plan.config_of(trial),
            threads=self._resources.of(trial.arm).threads,
            has_rungs=trial.stage in self._stages,
        )
        return {"task": task}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Do nothing: the end of a trial is handled with its record, see `TrialEvents`."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""
