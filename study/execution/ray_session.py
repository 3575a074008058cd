"""Ray on this machine: started for a block of code, and ended with it, however it ends."""

import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import ray

from study.planning.resources import Machine

OBJECT_STORE_BYTES = 100 * 2**20
LONGEST_TEMP_DIR = 40
"""Ray puts sockets some 60 characters below this folder, and a socket's path must stay below 108."""
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # The older output of Ray Tune is the one that verbose=0 silences.
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Ctrl-C is the driver's to handle: Ray's own handler would wait for the trials to end.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def ray_session(machine: Machine, threads: int) -> Iterator[Path]:
    """Ray on this machine until the block ends; gives a temporary folder that is removed with it.

    SIGTERM raises KeyboardInterrupt in the block, as Ctrl-C does.
    """
    with _environment(threads), _temporary_folder() as folder, _interruptible():
        try:
            ray.init(
                num_cpus=machine.cpus,
                num_gpus=machine.gpus,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                _temp_dir=str(folder / "ray"),
            )
            # Ray has just installed its own handler for SIGTERM.
            signal.signal(signal.SIGTERM, _as_interrupt)
            yield folder
        finally:
            ray.shutdown()


def seconds_to_start(machine: Machine) -> float:
    """How long Ray takes to start here, with its processes gone again afterwards."""
    started = time.monotonic()
    with ray_session(machine, threads=1):
        return time.monotonic() - started


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """The environment of Ray's processes: no telemetry, and one thread per CPU of a trial."""
    variables = RAY_ENVIRONMENT | dict.fromkeys(THREAD_VARIABLES, str(threads))
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    base = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="modstudy-", dir=base if len(base) <= LONGEST_TEMP_DIR else "/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a study as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
