"""Runs the trials of a queue with Ray Tune.

Only the records in the store decide which trials have ended; the state of Ray is temporary and not needed to resume. If
a worker dies, a new one resumes the trial from its newest checkpoint.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from ray import tune
from ray.air._internal import usage

from core.storage.records import TrialRecord
from core.storage.store import Store
from study.execution.outcomes import TrialLimits
from study.execution.schedulers import build_scheduler
from study.execution.searcher import QueueSearcher
from study.execution.trial_events import MAX_WORKER_DEATHS, NoProgress, TrialEvents
from study.execution.trial_queue import TrialQueue
from study.execution.warm_workers import use_preloaded_workers
from study.execution.worker import arm_of_task, run_planned_trial
from study.planning.resources import Resources
from study.progress import StudyProgress

TRIALS_PER_TUNER = 20_000
"""Number of trials after which another tuner takes over: one keeps some 1 kB of each trial, and leaves 6 threads."""


def run_trials(
    store: Store,
    queue: TrialQueue,
    resources: Resources,
    limits: TrialLimits,
    folder: Path,
    progress: StudyProgress,
    on_record: Callable[[TrialRecord], None],
    *,
    holds_study: Callable[[], bool] = lambda: True,
) -> None:
    """Run trials until the queue hands out no more and all have ended; Ray must have been started.

    Args:
        store: Store of the study.
        queue: The trials to run.
        resources: Resources of each trial, and the number of trials that run at once.
        limits: What ends trials early.
        folder: Folder for temporary files of Ray Tune.
        progress: Progress of the study, which is updated.
        on_record: Called with the record of each trial that has ended.
        holds_study: Whether no other driver has taken over the study, so that this one may record trials.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; trials that have ended have their records, and those that were running are
            recorded as cancelled, unless another driver has taken over the study.
    """
    local = store.local_root
    trainable = tune.with_resources(
        tune.with_parameters(
            run_planned_trial,
            root=str(local) if local is not None else store.root,
            study=queue.plan.name,
            timeout_s=limits.timeout_s,
        ),
        lambda config: tune.PlacementGroupFactory([resources.of(arm_of_task(config["task"])).request()]),
    )
    scheduler = build_scheduler(limits.early_stopping, workers=resources.trials_at_once, max_steps=limits.max_steps)
    # Says at its end once more which trials have failed.
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)
    n_tuners = 0
    while not queue.is_done:
        searcher = QueueSearcher(queue, store, resources, limits.early_stopping, TRIALS_PER_TUNER)
        events = TrialEvents(store, queue, searcher.running, progress, on_record, limits.timeout_s)
        n_tuners += 1
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=scheduler,
                num_samples=-1,
                # An idle worker holds its resources, and a trial that gets others could wait for them for ever.
                reuse_actors=resources.are_equal,
                max_concurrent_trials=resources.trials_at_once,
            ),
            run_config=tune.RunConfig(
                name=f"trials-{n_tuners}",
                storage_path=str(folder),
                failure_config=tune.FailureConfig(max_failures=MAX_WORKER_DEATHS),
                callbacks=[events, NoProgress()],
                verbose=0,
            ),
        )
        # To count which trackers are in use, Ray would import MLflow, which takes seconds, before the first trial.
        try:
            with use_preloaded_workers(), patch.object(usage, "tag_callbacks"):
                tuner.fit()
        except KeyboardInterrupt:
            if holds_study():
                events.cancel()
            raise
