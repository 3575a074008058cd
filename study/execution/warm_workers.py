"""Worker processes that have imported what trials need before the first trial asks for one.

Ray starts a worker for each of its CPUs ahead of time, and these can import modules at once, while the driver prepares
data and kernels. Ray Tune asks for workers with environment variables of their own, and would not be given them; but
workers on the machine of the driver have these variables anyway.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from study.planning.resources import Machine, Resources

PRELOADED = "core.training.trial,ray.tune"
"""Modules that workers import when they start."""
PRELOAD_VARIABLE = "RAY_preload_python_modules"
"""Environment variable of Ray with the modules that its workers import when they start."""


@contextmanager
def preloaded_workers(machine: Machine, resources: Resources) -> Iterator[None]:
    """Let the workers of a Ray that is started in the block import torch and the trainer when they start.

    Nothing happens if most of these workers would be of no use, because there are far fewer trials than CPUs.
    """
    if machine.cpus > 2 * resources.trials_at_once:
        yield
        return
    with patch.dict(os.environ, {PRELOAD_VARIABLE: PRELOADED}):
        yield


@contextmanager
def use_preloaded_workers() -> Iterator[None]:
    """Let Ray Tune run trials in preloaded workers, if there are some, until the block ends."""
    from ray.tune.execution import class_cache

    if PRELOAD_VARIABLE not in os.environ:
        yield
        return
    with (
        patch.dict(class_cache.DEFAULT_ENV_VARS, clear=True),
        patch.object(class_cache, "ENV_VARS_TO_PROPAGATE", frozenset()),
    ):
        yield
