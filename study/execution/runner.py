"""Runs trials with Ray Tune.

Only the ledger in the store decides which trials have ended; the state of Ray is temporary and not needed to resume. If
a worker dies, a new one resumes the trial from its newest checkpoint.
"""

# ruff: noqa: ARG002 - Ray Tune passes more arguments to its callbacks than are needed here.

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune

from core.storage.records import RERUN_ON_RESUME, Outcome, PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from study.execution.worker import run_planned_trial
from study.planning.resources import Resources
from study.progress import StudyProgress

MAX_WORKER_DEATHS = 2
"""Maximum number of times that a trial is started again after its worker died."""

_log = logging.getLogger(__name__)


def open_trials(store: Store, plan: StudyPlan, *, retry: frozenset[Outcome] = frozenset()) -> list[PlannedTrial]:
    """The planned trials that have no record or were lost or cancelled, in the order of the plan.

    Args:
        store: Store of the study.
        plan: Plan of the study.
        retry: Further outcomes of trials that are included.
    """
    outcomes, reruns = store.outcomes(), RERUN_ON_RESUME | retry
    return [trial for trial in plan.trials if outcomes.get(trial.digest) in (None, *reruns)]


def run_trials(
    store: Store,
    plan: StudyPlan,
    trials: Sequence[PlannedTrial],
    resources: Resources,
    folder: Path,
    progress: StudyProgress,
    on_record: Callable[[TrialRecord], None],
) -> None:
    """Run trials until each has a record or its worker has died too often; Ray must have been started.

    Args:
        store: Store of the study.
        plan: Plan of the study.
        trials: The trials to run.
        resources: Resources of each trial, and the number of trials that run at once.
        folder: Folder for temporary files of Ray Tune.
        progress: Progress of the study, which is updated.
        on_record: Called with each committed record.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; trials that have ended have their records.
    """
    local = store.local_root
    root = str(local) if local is not None else store.root
    trainable = tune.with_resources(
        tune.with_parameters(run_planned_trial, root=root, study=plan.name),
        lambda config: tune.PlacementGroupFactory([resources.of(json.loads(config["task"])["trial"]["arm"]).request()]),
    )
    tuner = tune.Tuner(
        trainable,
        # As JSON, because Ray Tune would search nested dictionaries for parameters to vary.
        param_space={
            "task": tune.grid_search(
                [
                    json.dumps(
                        {
                            "trial": asdict(trial),
                            "config": plan.config_of(trial),
                            "threads": resources.of(trial.arm).threads,
                        }
                    )
                    for trial in trials
                ]
            )
        },
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=resources.trials_at_once),
        run_config=tune.RunConfig(
            name="study",
            storage_path=str(folder),
            failure_config=tune.FailureConfig(max_failures=MAX_WORKER_DEATHS),
            callbacks=[_ProgressCallback(store, progress, on_record)],
            verbose=0,
        ),
    )
    tuner.fit()


class _ProgressCallback(tune.Callback):
    """Callback of Ray Tune that updates the progress of the study and reports committed records."""

    def __init__(self, store: Store, progress: StudyProgress, on_record: Callable[[TrialRecord], None]) -> None:
        self._store = store
        self._progress = progress
        self._on_record = on_record

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Ray Tune pickles callbacks to restore them, but modstudy resumes from the ledger instead."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "_ProgressCallback":
        """The same object, because Ray Tune copies callbacks and the progress must be shared."""
        return self

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Mark the trial as running."""
        self._progress.start(_digest(trial))

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Any],
        trial: Any,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        """Update step and loss of the trial."""
        self._progress.step(_digest(trial), int(result.get("step", 0)), result.get("train_loss"))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Count the restart of the trial after its worker died."""
        self._progress.retry(_digest(trial))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report the record of the trial."""
        self._end_trial(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Report the record of the trial, or give the trial up if it has none."""
        self._end_trial(trial)

    def _end_trial(self, trial: Any) -> None:
        """Report the record of a trial that has ended, or give the trial up if it has none."""
        digest = _digest(trial)
        record = self._store.record(digest)
        if record is None:
            error = str(trial.get_error() or "its worker ended without a record").strip().splitlines()[-1]
            _log.warning("trial %s was given up: %s", digest, error)
            self._progress.give_up(digest, error)
            return
        self._progress.finish(record)
        self._on_record(record)


def _digest(trial: Any) -> str:
    """Digest of the planned trial that a trial of Ray Tune runs."""
    return str(json.loads(trial.config["task"])["trial"]["digest"])
