"""Runs trials on Ray Tune.

The ledger in the store is the truth: Ray's own state lies in a temporary folder and may vanish at any time. A worker
that dies is started again, and resumes the trial from its newest checkpoint.
"""

# ruff: noqa: ARG002 - Ray Tune hands its callbacks more than is needed here.

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune

from core.storage.records import PlannedTrial, StudyPlan, TrialRecord
from core.storage.store import Store
from study.execution.objective import objective
from study.planning.resources import Resources
from study.progress import StudyProgress

MAX_WORKER_DEATHS = 2

_log = logging.getLogger(__name__)


def open_trials(store: Store, plan: StudyPlan, *, retry_failed: bool = False) -> list[PlannedTrial]:
    """The planned trials without a record, in the plan's order; with `retry_failed` also those that failed."""

    def is_open(trial: PlannedTrial) -> bool:
        record = store.record(trial.digest)
        return record is None or (retry_failed and record.outcome == "failed")

    return [trial for trial in plan.trials if is_open(trial)]


def run_trials(
    store: Store,
    study: str,
    trials: Sequence[PlannedTrial],
    resources: Resources,
    folder: Path,
    progress: StudyProgress,
    on_record: Callable[[TrialRecord], None],
) -> None:
    """Run trials until each has a record or its worker died too often. Ray must be running.

    Args:
        study: Name of the study, for labels.
        folder: For Ray Tune's own files, which are not read again.
        on_record: Called with each record that was committed.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; finished trials have their records.
    """
    local = store.local_root
    root = str(local) if local is not None else store.root
    trainable = tune.with_resources(
        tune.with_parameters(objective, root=root, study=study, threads=resources.threads),
        {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial},
    )
    tuner = tune.Tuner(
        trainable,
        # As text, in which Ray Tune looks for no search space of its own.
        param_space={"trial": tune.grid_search([json.dumps(asdict(trial)) for trial in trials])},
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=resources.trials_at_once),
        run_config=tune.RunConfig(
            name="study",
            storage_path=str(folder),
            failure_config=tune.FailureConfig(max_failures=MAX_WORKER_DEATHS),
            callbacks=[_Watch(store, progress, on_record)],
            verbose=0,
        ),
    )
    tuner.fit()


class _Watch(tune.Callback):
    """Updates the progress from Ray Tune's callbacks, and passes on each record that was committed."""

    def __init__(self, store: Store, progress: StudyProgress, on_record: Callable[[TrialRecord], None]) -> None:
        self._store = store
        self._progress = progress
        self._on_record = on_record

    def __getstate__(self) -> dict[str, Any]:
        """Ray Tune pickles its callbacks to restore its own state; modstudy resumes from the ledger instead."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Watch":
        return self

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._progress.start(_digest(trial))

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Any],
        trial: Any,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        self._progress.step(_digest(trial), int(result.get("step", 0)), result.get("train_loss"))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._progress.retry(_digest(trial))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._settle(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._settle(trial)

    def _settle(self, trial: Any) -> None:
        digest = _digest(trial)
        record = self._store.record(digest)
        if record is None:
            error = str(trial.get_error() or "its worker ended without a record").strip().splitlines()[-1]
            _log.warning("trial %s was given up: %s", digest, error)
            self._progress.lose(digest, error)
            return
        self._progress.finish(record)
        self._on_record(record)


def _digest(trial: Any) -> str:
    return str(json.loads(trial.config["trial"])["digest"])
