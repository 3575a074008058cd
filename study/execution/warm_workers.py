"""Starts of worker processes ahead of time: they import torch and the trainer while the driver does other things."""

import ray
from ray.tune.execution import class_cache

from study.planning.resources import Resources


def warm_workers(resources: Resources) -> None:
    """Start as many worker processes as trials run at once, and let them import what trials need; does not wait.

    Ray gives these processes to the trials, because they are asked for with the same environment.
    """
    # Ray Tune requests its workers with this environment; processes with another one would not be taken.
    environment = {"env_vars": dict(class_cache.DEFAULT_ENV_VARS)}
    task = ray.remote(num_cpus=resources.cpus_per_trial, max_retries=0, runtime_env=environment)(_import_trainer)
    for _ in range(resources.trials_at_once):
        task.remote()


def _import_trainer() -> None:
    """Import what a trial needs."""
    import ray.tune  # noqa: F401

    import core.training.trial  # noqa: F401
