"""What a Ray worker does with one trial: a clean start, the shared trainer, and reports on the way."""

import gc
import random
import time
from typing import TYPE_CHECKING, Any

from core.loading import from_settings
from core.store import Store

if TYPE_CHECKING:
    from core.trainer import Progress

REPORT_EVERY_S = 1.0
"""Ray's driver takes each report in turn: more of them would cost the trials time, and nobody could read them."""


def objective(config: dict[str, Any], *, root: str, study: str, threads: int) -> None:
    """Run one planned trial.

    Args:
        config: `digest` of the trial; the plan in the store has the rest.
        root: Where the study is kept.
        study: Its name.
        threads: Threads that this trial may use.
    """
    from ray import tune

    from core.trial import run_trial

    clean_start(threads)
    store = Store(root)
    planned = next(trial for trial in store.plan().trials if trial.digest == config["digest"])
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

    record = run_trial(from_settings(planned.config), store=store, study=study, arm=planned.arm, report=report)
    tune.report({"step": record.steps, "outcome": record.outcome})


def clean_start(threads: int) -> None:
    """Leave nothing of an earlier trial in this process to the next one."""
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
