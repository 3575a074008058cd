"""Preparation before trials start, to share work between them: data in the cache, and compiled kernels."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from core.data.dataset_cache import cached_dataset
from core.settings.loading import from_settings
from core.settings.trial import TrialConfig
from core.storage.records import PlannedTrial, StudyPlan
from core.training.memory import usable_memory
from core.training.memory_remedy import check_can_fit
from core.training.warmup import compile_kernels

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
    for arm, config in distinct_data(plan, trials).items():
        try:
            cached_dataset(_fitting(config))
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            _log.warning("the data of arm %s cannot be prepared: %s", arm, error)


def prepare_kernels(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> None:
    """Compile the CPU kernels of the trials into numba's cache, from which all workers load them."""
    for config in distinct_kernels(plan, trials):
        _compile_kernels(config)


def distinct_data(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> dict[str, dict[str, Any]]:
    """Nested settings of one trial for each dataset, by name of an arm that uses it."""
    configs = {trial.arm: plan.config_of(trial) for trial in trials}
    by_data = {json.dumps([config["data"], config["audio"]]): arm for arm, config in configs.items()}
    return {arm: configs[arm] for arm in by_data.values()}


def distinct_kernels(plan: StudyPlan, trials: Sequence[PlannedTrial]) -> list[dict[str, Any]]:
    """Nested settings of one trial for each set of CPU kernels."""
    trial_of_arm = {trial.arm: trial for trial in trials}
    distinct: dict[object, dict[str, Any]] = {}
    for trial in trial_of_arm.values():
        settings = plan.config_of(trial)
        config = from_settings(settings)
        if config.device == "cpu":
            distinct[config.parameterization.kernels(), config.synth.kernels()] = settings
    return list(distinct.values())


def prepare_node(data: Sequence[dict[str, Any]], kernels: Sequence[dict[str, Any]]) -> list[str]:
    """On a node of a cluster: fill its caches with datasets and kernels, and return what went wrong.

    Args:
        data: Nested settings of trials with different datasets.
        kernels: Nested settings of trials with different kernels.
    """
    import torch

    torch.set_num_threads(1)
    problems: list[str] = []
    for settings, prepare in [
        *((each, cached_dataset) for each in data),
        *((each, compile_kernels) for each in kernels),
    ]:
        try:
            prepare(_fitting(settings))
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            problems.append(str(error))
    return problems


def _compile_kernels(settings: dict[str, Any]) -> None:
    """Compile the kernels of a config; trouble is a warning."""
    try:
        compile_kernels(_fitting(settings))
    except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
        _log.warning("the kernels of %s cannot be compiled: %s", settings["parameterization"]["kind"], error)


def _fitting(settings: dict[str, Any]) -> TrialConfig:
    """The config of a trial.

    Raises:
        MemoryError: it cannot fit in the memory of this machine, so that preparing it could end this process.
    """
    config = from_settings(settings)
    check_can_fit(config, usable_memory())
    return config
