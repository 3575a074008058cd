"""A study with arms that were trained for two steps, whose encoders can be applied to sounds."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from core.settings.loading import from_settings
from core.storage.store import Store
from core.training.trial import run_trial
from tests.support.tiny_study import ARMS, TINY, create_study, tiny_plan


def trained_arms(root: Path, trials: Collection[tuple[str, int]], **changes: dict[str, Any]) -> Store:
    """The study `tiny` below a root, on clips of a quarter of a second, with some of its trials run.

    Args:
        root: Folder of all studies.
        trials: Arm and seed of each trial that is run.
        changes: Further groups of settings.
    """
    config = TINY["config"]
    brief = {
        "audio": {"duration_s": 0.25},
        "encoder": {"width": 4, "dilations": [1, 2]},
        "trainer": {**config["trainer"], "max_steps": 2, "n_audio_clips": 1},
    }
    plan = tiny_plan(seeds=sorted({seed for _, seed in trials}), arms=ARMS, config={**config, **brief, **changes})
    store = create_study(root / "tiny", plan)
    for each in plan.trials:
        if (each.arm, each.seed) in trials:
            run_trial(from_settings(plan.config_of(each)), store=store, study="tiny", arm=each.arm)
    return store
