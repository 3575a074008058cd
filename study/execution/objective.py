"""One trial in a Ray worker: a clean start, the shared trainer, and progress reports."""

import gc
import json
import random
import time
from typing import TYPE_CHECKING, Any

from core.settings.loading import from_settings
from core.storage.records import PlannedTrial
from core.storage.store import Store

if TYPE_CHECKING:
    from core.training.trainer import Progress


REPORT_EVERY_S = 1.0
"""Ray's driver handles one report at a time: more of them would cost the trials time."""


def objective(config: dict[str, Any], *, root: str, study: str, threads: int) -> None:
    """Run one planned trial.

    Args:
        config: `trial` is the planned trial as JSON.
        root: Root of the study's store.
        study: Its name.
        threads: Threads that this trial may use.
    """
    from ray import tune

    from core.training.trial import run_trial

    clean_start(threads)
    trial = PlannedTrial(**json.loads(config["trial"]))
    last = -REPORT_EVERY_S

    def report(progress: "Progress") -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= REPORT_EVERY_S:
            last = now
            tune.report(
                {
                    "step": progress.step,
                    "train_loss": progress.train_loss,
                    "validation_loss": progress.validation_loss,
                }
            )

    record = run_trial(from_settings(trial.config), store=Store(root), study=study, arm=trial.arm, on_progress=report)
    tune.report({"step": record.steps, "outcome": record.outcome})


def clean_start(threads: int) -> None:
    """Reset threads, random state and torch defaults, so that no earlier trial of this process has an effect."""
    import numpy as np
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - libraries may draw from the old global generator
    torch.manual_seed(0)
