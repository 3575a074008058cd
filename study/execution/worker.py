"""Execution of one trial in a Ray worker."""

import gc
import json
import random
import time
from typing import TYPE_CHECKING, Any

from core.settings.loading import from_settings
from core.storage.records import PlannedTrial
from core.storage.store import Store
from study.execution.data_folders import fetch_folder

if TYPE_CHECKING:
    from core.training.trainer import Progress


REPORT_EVERY_S = 1.0
"""Minimum time between progress reports, each of which delays the trial: Ray handles reports one at a time."""


def run_planned_trial(config: dict[str, Any], *, root: str, study: str) -> None:
    """Run one planned trial and report its progress to Ray Tune.

    Args:
        config: Parameters from Ray Tune; `task` is the planned trial, its config and number of threads as JSON.
        root: Root of the store of the study.
        study: Name of the study.
    """
    from ray import tune

    from core.training.trial import run_trial

    task = json.loads(config["task"])
    store = Store(root)
    clean_start(task["threads"])
    trial = PlannedTrial(**task["trial"])
    last_report_s = -REPORT_EVERY_S

    def report(progress: "Progress") -> None:
        nonlocal last_report_s
        if (now := time.monotonic()) - last_report_s >= REPORT_EVERY_S:
            last_report_s = now
            tune.report(
                {
                    "step": progress.step,
                    "train_loss": progress.train_loss,
                    "validation_loss": progress.validation_loss,
                }
            )

    fetch_folder(store, task["config"]["data"])
    record = run_trial(
        from_settings(task["config"]),
        store=store,
        study=study,
        arm=trial.arm,
        stage=trial.stage,
        splits=trial.splits,
        on_progress=report,
    )
    tune.report({"step": record.steps, "outcome": record.outcome})


def clean_start(threads: int) -> None:
    """Reset threads, random state and torch defaults, and free memory, to remove effects of earlier trials."""
    import numpy as np
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries may use the global generator
    torch.manual_seed(0)
