"""Schedulers of Ray Tune, which keep workers alive between rounds, and end trials early where a study asks for it."""

# ruff: noqa: ARG002 - Ray Tune passes more arguments than are needed here.

from typing import Any, assert_never

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

from search_spaces.early_stopping import AshaConfig, EarlyStoppingConfig, MedianConfig
from study.execution.worker import RUNG_LOSS, RUNG_STEP

MAX_ENDED = 20
"""Number of ended trials from which Ray Tune is made to forget them."""


class _KeepsWorkers(FIFOScheduler):
    """Keeps idle workers alive, so that those of one round run the trials of the next one.

    By default Ray Tune keeps at most one worker for which no trial is waiting, and stops the others, whose successors
    then spend seconds on imports.
    """

    def __init__(self, workers: int, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._workers = workers
        self._controller: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Ray Tune pickles its settings to restore them, but modstudy resumes from the records."""
        return {}

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Raise the number of idle workers that are kept, before the worker of the first trial becomes idle."""
        if tune_controller is not self._controller:
            self._controller = tune_controller
            # No public setting of Ray Tune has this effect.
            tune_controller._actor_cache.increase_max(trial.placement_group_factory, self._workers)
        _forget_ended(tune_controller)
        super().on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """A trial that waits for a worker; only trials that have not ended are looked through, unlike by default."""
        return next((trial for trial in tune_controller.get_live_trials() if trial.status == "PENDING"), None)


def _forget_ended(controller: Any) -> None:
    """Let Ray Tune forget most trials that have ended, of which it keeps 40 kB each to the end; they have records."""
    ended = controller._stopped_trials | controller._failed_trials
    if len(ended) <= MAX_ENDED:
        return
    ended -= controller._trial_to_actor.keys()
    for kept in (controller._stopped_trials, controller._failed_trials, controller._trials_to_cache):
        kept -= ended
    # The same list, which others refer to. At its end Ray Tune wants to see a trial.
    controller._trials[:] = [trial for trial in controller._trials[:-1] if trial not in ended] + controller._trials[-1:]


class _InOrder(_KeepsWorkers):
    """Trains all trials to their end."""


class _Asha(_KeepsWorkers, ASHAScheduler):
    """Asynchronous successive halving."""


class _Median(_KeepsWorkers, MedianStoppingRule):
    """Median stopping rule."""


def build_scheduler(settings: EarlyStoppingConfig | None, *, workers: int, max_steps: int) -> FIFOScheduler:
    """The scheduler of a study.

    Args:
        settings: Rule that ends trials early; None for none.
        workers: Number of trials that run at once.
        max_steps: Largest number of training steps of a trial.
    """
    if settings is None:
        return _InOrder(workers)
    common = {"time_attr": RUNG_STEP, "metric": RUNG_LOSS, "mode": "min", "grace_period": settings.grace_steps}
    match settings:
        case AshaConfig():
            return _Asha(
                workers,
                max_t=max(max_steps, settings.grace_steps),
                reduction_factor=settings.reduction_factor,
                stop_last_trials=False,
                **common,
            )
        case MedianConfig():
            # Without a minimum time slice, the rule pauses trials while others wait for a worker.
            return _Median(
                workers, min_samples_required=settings.min_trials, min_time_slice=float("inf"), hard_stop=True, **common
            )
        case _:
            assert_never(settings)
