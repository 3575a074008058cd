"""Runs what a plan has and the ledger lacks, on Ray Tune.

The ledger in the store is the truth: Ray's own state lies in a temporary folder and may vanish at any time. A worker
that dies is started again, and goes on from the trial's newest checkpoint.
"""

# ruff: noqa: ARG002 - Ray Tune hands its callbacks more than is needed here.

import json
import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import tune

from core.loading import from_settings
from core.results import PlannedTrial, StudyPlan, TrialRecord
from core.store import Store
from study.objective import objective
from study.progress import Standing
from study.scheduling import Machine, Resources

MAX_WORKER_DEATHS = 2
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

_log = logging.getLogger(__name__)


def open_trials(store: Store, plan: StudyPlan, *, retry_failed: bool = False) -> list[PlannedTrial]:
    """What the plan has and the ledger lacks, in the plan's order; trials that failed too, if asked for."""

    def is_open(trial: PlannedTrial) -> bool:
        record = store.record(trial.digest)
        return record is None or (retry_failed and record.outcome == "failed")

    return [trial for trial in plan.trials if is_open(trial)]


def run_trials(
    store: Store,
    plan: StudyPlan,
    trials: Sequence[PlannedTrial],
    resources: Resources,
    machine: Machine,
    standing: Standing,
    on_record: Callable[[TrialRecord], None],
) -> None:
    """Run trials until each has a record or its worker died too often; Ray's processes end with this call, however.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; what has finished is kept.
    """
    local = store.local_root
    root = str(local) if local is not None else store.root
    with _ray(machine, resources.threads) as folder:
        prepare_data(trials[: resources.trials_at_once])
        prepare_kernels(trials)
        trainable = tune.with_resources(
            tune.with_parameters(objective, root=root, study=plan.name, threads=resources.threads),
            {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial},
        )
        tuner = tune.Tuner(
            trainable,
            param_space={"digest": tune.grid_search([trial.digest for trial in trials])},
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=resources.trials_at_once),
            run_config=tune.RunConfig(
                name="study",
                storage_path=str(folder / "tune"),
                failure_config=tune.FailureConfig(max_failures=MAX_WORKER_DEATHS),
                callbacks=[_Watch(store, standing, on_record)],
                verbose=0,
            ),
        )
        tuner.fit()


def prepare_data(trials: Sequence[PlannedTrial]) -> None:
    """Put the data of these trials into the cache, so that none of them waits for another's building."""
    from core.data.prepared import prepared_dataset

    different = {json.dumps([trial.config["data"], trial.config["signal"]]): trial for trial in trials}
    for trial in different.values():
        try:
            prepared_dataset(from_settings(trial.config))
        except Exception as error:  # noqa: BLE001  (the trials meet it themselves, and it is their outcome)
            _log.warning("the data of arm %s cannot be prepared: %s", trial.arm, error)


def prepare_kernels(trials: Sequence[PlannedTrial]) -> None:
    """Compile the kernels that these trials need on a CPU, once and for all workers; a second time costs little."""
    from core.rehearsal import rehearse

    configs = [from_settings(trial.config) for trial in trials]
    different = {
        (config.parameterization.kind, repr(config.synth)): config for config in configs if config.device == "cpu"
    }
    for config in different.values():
        try:
            rehearse(config)
        except Exception as error:  # noqa: BLE001  (the trials meet it themselves, and it is their outcome)
            _log.warning("a step of %s cannot be rehearsed: %s", config.parameterization.kind, error)


def seconds_to_start(machine: Machine) -> float:
    """How long Ray takes to start here, with its processes gone again afterwards."""
    started = time.monotonic()
    with _ray(machine, threads=1):
        return time.monotonic() - started


@contextmanager
def _ray(machine: Machine, threads: int) -> Iterator[Path]:
    """Ray on this machine until the block ends, however it ends; gives a folder that vanishes with it."""
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
            # Ray has just put its own handler for SIGTERM in place.
            signal.signal(signal.SIGTERM, _as_interrupt)
            yield folder
        finally:
            ray.shutdown()


class _Watch(tune.Callback):
    """Keeps the standing up to date from what Ray Tune sees, and hands on each record that was committed."""

    def __init__(self, store: Store, standing: Standing, on_record: Callable[[TrialRecord], None]) -> None:
        self._store = store
        self._standing = standing
        self._on_record = on_record

    def __getstate__(self) -> dict[str, Any]:
        """Ray Tune pickles its callbacks for a restore of its own state, which nobody here asks for."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Watch":
        return self

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._standing.start(trial.config["digest"])

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Any],
        trial: Any,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        self._standing.step(trial.config["digest"], int(result.get("step", 0)), result.get("train_loss"))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._standing.retry(trial.config["digest"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._settle(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._settle(trial)

    def _settle(self, trial: Any) -> None:
        digest = trial.config["digest"]
        record = self._store.record(digest)
        if record is None:
            error = str(trial.get_error() or "its worker ended without a record").strip().splitlines()[-1]
            _log.warning("trial %s was given up: %s", digest, error)
            self._standing.lose(digest, error)
            return
        self._standing.finish(record)
        self._on_record(record)


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """What Ray's processes inherit: no telemetry, and one thread per CPU that a trial is given."""
    wanted = RAY_ENVIRONMENT | dict.fromkeys(THREAD_VARIABLES, str(threads))
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
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
