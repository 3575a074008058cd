"""Runs Ray on this machine for a block of code, and shuts it down at the end, even after an error or a signal."""

import logging
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ray

from core.errors import StudyError
from study.execution.interrupts import handle_interrupts, interrupts, killed_at_once
from study.execution.ray_token import own_token
from study.execution.temporary_folder import temporary_folder
from study.planning.resources import Machine

OBJECT_STORE_BYTES = 100 * 2**20
"""Size of the object store of Ray, which contains only small objects."""
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # verbose=0 silences only the old output of Ray Tune.
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # The driver handles Ctrl-C, because the handler of Ray Tune would wait for the trials to end.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # Only the reports that a rule for early stopping may see have its metric.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # The record of a trial has its error.
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # Studies resume from the records in the store, so the state of Ray Tune need not be saved.
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
}
"""Environment variables for the processes of Ray."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that limit the number of threads of a trial."""


@contextmanager
def ray_session(machine: Machine, threads: int) -> Iterator[Path]:
    """Run Ray on this machine until the block ends; yields a temporary folder, which is then removed.

    Ray listens on the loopback interface only, and wants a token that is in that folder, so that other users of the
    machine cannot use it. In the block, SIGTERM raises KeyboardInterrupt like Ctrl-C.

    Args:
        machine: Resources that Ray may use.
        threads: Number of threads of each trial.

    Raises:
        StudyError: Ray could not be started.
    """
    with (
        ray_environment(threads),
        temporary_folder() as folder,
        own_token(folder),
        interrupts(),
        killed_at_once(_kill_ray),
        _loopback_only(),
        _own_process_group(),
        _few_processes(),
    ):
        try:
            try:
                ray.init(
                    address="local",
                    num_cpus=int(machine.cpus),
                    num_gpus=int(machine.gpus),
                    _memory=None if math.isinf(machine.memory_gib) else int(machine.memory_gib * 2**30),
                    object_store_memory=OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                    _temp_dir=str(folder / "ray"),
                )
            except Exception as error:  # Ray raises bare ones
                raise StudyError(
                    f"Ray could not be started on this machine: {error} Run the command again; if that does not help, "
                    "look whether memory or disk is exhausted"
                ) from error
            handle_interrupts()  # ray.init has replaced the handler of SIGTERM
            yield folder
        finally:
            ray.shutdown()


def _kill_ray() -> None:
    """Kill the processes of the Ray that this process has started, and their workers, without waiting for them."""
    from ray._private import worker

    node = worker._global_node
    if node is None:
        return
    started = [info.process.pid for infos in node.all_processes.values() for info in infos]
    # The workers are found first: those of a dead parent are no longer its children.
    for pid in [*_descendants(started), *started]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(parents: list[int]) -> list[int]:
    """Processes that some processes and their descendants have started; none where the system has no /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parent = int(path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = list(parents)
    for pid in found:
        found += children.get(pid, [])
    return found[len(parents) :]


def seconds_to_start(machine: Machine) -> float:
    """Start Ray on this machine, shut it down again, and return the seconds that the start took."""
    started = time.monotonic()
    with ray_session(machine, threads=1):
        return time.monotonic() - started


def variables_of_workers(threads: int) -> dict[str, str]:
    """Environment variables of processes that run trials with a number of threads."""
    return RAY_ENVIRONMENT | dict.fromkeys(THREAD_VARIABLES, str(threads))


@contextmanager
def ray_environment(threads: int) -> Iterator[None]:
    """Set the environment variables of Ray's processes until the block ends."""
    variables = variables_of_workers(threads)
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
def _loopback_only() -> Iterator[None]:
    """Let a Ray that is started in the block listen on the loopback interface only.

    Ray does so on systems where it does not support clusters; `_node_ip_address="127.0.0.1"` is replaced by Ray.
    """
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _own_process_group() -> Iterator[None]:
    """Let the processes of a Ray that is started in the block get no signals that are for this one.

    A terminal that closes, and programs such as `timeout`, send theirs to the whole process group. Without its own
    processes Ray would end this one in native code, before the running trials are recorded as cancelled.
    """
    from ray._private import services

    with patch.object(services, "ConsolePopen", partial(services.ConsolePopen, process_group=0)):
        yield


@contextmanager
def _few_processes() -> Iterator[None]:
    """Let a Ray that is started in the block do without the processes that only clusters and dashboards need.

    These are the autoscaler, the server of the dashboard, which Ray starts and waits for even if there is no dashboard,
    and the reader of log files for a driver that prints them. Together they take over 1.5 s of CPU time.
    """
    from ray._private.node import Node

    def start_nothing(*_: Any, **__: Any) -> None:
        """Take the place of a method that starts a process."""

    with patch.multiple(
        Node, start_monitor=start_nothing, start_api_server=start_nothing, start_log_monitor=start_nothing
    ):
        yield
