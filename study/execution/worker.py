"""Execution of one trial in a Ray worker."""

import gc
import json
import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.settings.loading import from_settings
from core.storage.records import PlannedTrial
from core.storage.store import Store
from core.storage.values import is_disk_full
from study.execution.data_folders import fetch_folder
from study.execution.disk_space import fullest_disk

if TYPE_CHECKING:
    from core.training.trainer import Progress


REPORT_EVERY_S = 1.0
"""Minimum time between progress reports, each of which delays the trial: Ray handles reports one at a time."""
RUNG_STEP, RUNG_LOSS = "rung_step", "rung_loss"
"""Names in a report of the step and the loss of a validation that an early-stopping rule may see.

Other reports, and that of the last validation of a trial, lack them, and rules ignore such reports.
"""
DISK_FULL = "disk_full"
"""Name in the last report of a trial that could not go on for want of disk space: which disk is full."""
SLOW_COLLECTION_S = 0.01
"""Duration of a garbage collection above which its survivors are excluded from later ones."""


def run_planned_trial(config: dict[str, Any], *, root: str, study: str, timeout_s: float | None = None) -> None:
    """Run one planned trial and report its progress to Ray Tune.

    Args:
        config: Parameters from Ray Tune; `task` is the text from `task_text`.
        root: Root of the store of the study.
        study: Name of the study.
        timeout_s: Seconds that the trial may take; None for no limit.
    """
    from ray import tune

    from core.training.trial import run_trial

    task = json.loads(config["task"])
    store = Store(root)
    clean_start(task["threads"])
    trial = PlannedTrial(**task["trial"])
    reports = _Reports(has_rungs=task["has_rungs"])

    def report(progress: "Progress") -> None:
        if content := reports.content(progress):
            tune.report(content)

    try:
        fetch_folder(store, task["config"]["data"])
        record = run_trial(
            from_settings(task["config"]),
            store=store,
            study=study,
            arm=trial.arm,
            stage=trial.stage,
            splits=trial.splits,
            on_progress=report,
            timeout_s=timeout_s,
        )
    except Exception as error:
        if not is_disk_full(error):
            raise
        tune.report({"step": 0, DISK_FULL: fullest_disk(store)})
        return
    tune.report({"step": record.steps, "outcome": record.outcome})


def task_text(trial: PlannedTrial, config: dict[str, Any], *, threads: int, has_rungs: bool) -> str:
    """What a worker needs to run a trial, as JSON.

    Args:
        trial: The trial.
        config: Nested settings of its resolved config.
        threads: Number of threads of the trial.
        has_rungs: Whether an early-stopping rule may stop it.
    """
    return json.dumps({"trial": asdict(trial), "config": config, "threads": threads, "has_rungs": has_rungs})


def arm_of_task(task: str) -> str:
    """Name of the arm of the trial in the text from `task_text`."""
    return str(json.loads(task)["trial"]["arm"])


class _Reports:
    """Chooses what a trial reports: its progress from time to time, and all validations that can stop it early."""

    def __init__(self, *, has_rungs: bool) -> None:
        """Make it; `has_rungs` says whether an early-stopping rule may stop the trial."""
        self._has_rungs = has_rungs
        self._n_reported = 0
        self._first_step: int | None = None
        self._last_s = time.monotonic()

    def content(self, progress: "Progress") -> dict[str, Any] | None:
        """What to report now; None for nothing."""
        from core.training.trainer import PROGRESS_EVERY

        if self._first_step is None:
            self._first_step = max(0, progress.step - PROGRESS_EVERY)
        now = time.monotonic()
        has_rung = self._has_rungs and self._n_reported < len(progress.history)
        if not has_rung and now - self._last_s < REPORT_EVERY_S:
            return None
        self._last_s = now
        content: dict[str, Any] = {
            "step": progress.step,
            "train_loss": progress.train_loss,
            "first_step": self._first_step,
        }
        if has_rung:
            content |= {"n_before": self._n_reported, "history": list(progress.history[self._n_reported :])}
            self._n_reported = len(progress.history)
            # A trial that has come to its end is not stopped.
            if progress.step < progress.max_steps:
                content |= {RUNG_STEP: progress.step, RUNG_LOSS: progress.validation_loss}
        return content


def clean_start(threads: int) -> None:
    """Reset threads, random state and torch defaults, and free memory, to remove effects of earlier trials."""
    import numpy as np
    import torch

    collect_garbage()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries may use the global generator
    torch.manual_seed(0)


def collect_garbage() -> None:
    """Free what earlier trials have left in reference cycles.

    The hundreds of thousands of objects of imported libraries, which never become garbage, make a collection slow. What
    has survived a slow one is therefore excluded from later ones, which then take less than a millisecond.
    """
    started = time.perf_counter()
    gc.collect()
    if time.perf_counter() - started > SLOW_COLLECTION_S:
        gc.freeze()
