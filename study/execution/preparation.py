"""Work that many trials share, done once before they start: rendered or decoded data, and compiled kernels."""

import json
import logging
from collections.abc import Sequence

from core.data.dataset_cache import cached_dataset
from core.settings.loading import from_settings
from core.storage.records import PlannedTrial
from core.training.warmup import warm_up

_log = logging.getLogger(__name__)


def prepare_data(trials: Sequence[PlannedTrial]) -> None:
    """Put the data of these trials into the cache, so that no trial waits while another one builds them."""
    different = {json.dumps([trial.config["data"], trial.config["audio"]]): trial for trial in trials}
    for trial in different.values():
        try:
            cached_dataset(from_settings(trial.config))
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            _log.warning("the data of arm %s cannot be prepared: %s", trial.arm, error)


def prepare_kernels(trials: Sequence[PlannedTrial]) -> None:
    """Compile the kernels that these trials need on a CPU, once for all workers; a second time costs little."""
    configs = [from_settings(trial.config) for trial in trials]
    different = {
        (config.parameterization.kernels(), config.synth.kernels()): config
        for config in configs
        if config.device == "cpu"
    }
    for config in different.values():
        try:
            warm_up(config)
        except Exception as error:  # noqa: BLE001  (the trial raises it again, and records it as its outcome)
            _log.warning("the kernels of %s cannot be compiled: %s", config.parameterization.kind, error)
