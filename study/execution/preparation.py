"""Preparation before trials start, to share work between them: data in the cache, and compiled kernels."""

import json
import logging
from collections.abc import Sequence

from core.data.dataset_cache import cached_dataset
from core.settings.loading import from_settings
from core.storage.records import PlannedTrial, StudyPlan
from core.training.warmup import warm_up

_log = logging.getLogger(__name__)


class Preparation:
    """Prepares what trials share; what it has prepared once is not prepared again for the trials of a later stage."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def __call__(self, plan: StudyPlan, trials: Sequence[PlannedTrial], at_once: int) -> None:
        """Write the datasets of the first trials to the cache, `at_once` of them, and compile the kernels of all."""
        new = [trial for trial in trials if self._key(plan, trial) not in self._done]
        prepare_data(plan, [trial for trial in trials[:at_once] if trial in new])
        prepare_kernels(plan, new)
        self._done |= {self._key(plan, trial) for trial in new}

    @staticmethod
    def _key(plan: StudyPlan, trial: PlannedTrial) -> str:
        """The settings of a trial on which its dataset and its kernels depend."""
        config = plan.arm(trial.arm).config
        return json.dumps([config[name] for name in ("data", "audio", "parameterization", "synth", "device")])


def prepare_data(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
    """Write the datasets of the trials to the cache, so that no trial waits while another one builds its dataset."""
    configs = {trial.arm: plan.config_of(trial) for trial in trials}
    distinct = {json.dumps([config["data"], config["audio"]]): (arm, config) for arm, config in configs.items()}
    for arm, config in distinct.values():
        try:
            cached_dataset(from_settings(config))
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            _log.warning("the data of arm %s cannot be prepared: %s", arm, error)


def prepare_kernels(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
    """Compile the CPU kernels of the trials into numba's cache, from which all workers load them."""
    trial_of_arm = {trial.arm: trial for trial in trials}
    configs = [from_settings(plan.config_of(trial)) for trial in trial_of_arm.values()]
    distinct = {
        (config.parameterization.kernels(), config.synth.kernels()): config
        for config in configs
        if config.device == "cpu"
    }
    for config in distinct.values():
        try:
            warm_up(config)
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            _log.warning("the kernels of %s cannot be compiled: %s", config.parameterization.kind, error)
