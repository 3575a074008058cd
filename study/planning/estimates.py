"""Estimates of the duration of a study on this machine from a few timed training steps per arm, with a cache."""

import hashlib
import json
import logging
import platform
from dataclasses import replace
from pathlib import Path

from core.cache_folder import cache_folder
from core.settings.trial import TrialConfig
from core.storage.atomic_write import write_atomically
from core.storage.code_version import code_version
from search_spaces.feasibility import check_cells
from search_spaces.study_file import StudyFile
from study.planning.resources import usable_cpus

STARTUP_S = 15.0
"""Estimated time for the start of Ray, the imports of each worker, and the report."""

_log = logging.getLogger(__name__)


def cached_duration_s(study: StudyFile) -> float | None:
    """The cached result of `measure_duration_s` for this machine and code; None if there is none."""
    try:
        return float(json.loads(_cache_file(study).read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def measure_duration_s(study: StudyFile) -> float:
    """Measure steps of each arm, and return the estimated wall seconds of a study with one trial per core.

    Arms that differ only in the numbers of their parameterization take about the same time, so one of them is measured.
    The steps use noise, so the data of the study need not exist.
    """
    from core.training.warmup import estimate_seconds

    seconds_by_key: dict[object, float] = {}

    def trial_s(config: TrialConfig) -> float:
        timing_key = (
            config.parameterization.kind,
            replace(config, parameterization=study.base.config.parameterization),
        )
        if timing_key not in seconds_by_key:
            seconds_by_key[timing_key] = estimate_seconds(config)
        return seconds_by_key[timing_key]

    # A race takes this long at most.
    total = sum(map(trial_s, study.configs().values())) * len(study.all_seeds)
    for search in study.searches():
        # Arms of a search are not known yet; those of a cell are assumed to take as long as one of its corners.
        of_cells = [trial_s(check.configs[0]) for check in check_cells(search)]
        total += sum(cell.n_arms * each * len(search.seeds) for cell, each in zip(search.cells, of_cells, strict=True))
        for confirm in study.confirmations():
            n_arms = min(confirm.max_arms, search.n_arms)
            total += n_arms * len(study.seeds) * sum(of_cells) / len(of_cells)
    seconds = STARTUP_S + total / usable_cpus()
    try:
        write_atomically(_cache_file(study), json.dumps({"seconds": seconds}).encode())
    except OSError as error:
        _log.warning("the time cannot be remembered: %s", error)
    return seconds


def _cache_file(study: StudyFile) -> Path:
    """Cache file of the estimate for a study on this machine with this code."""
    cache_key = (study.to_settings(), code_version(), platform.node(), platform.processor(), usable_cpus())
    name = hashlib.sha256(json.dumps(cache_key, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return cache_folder() / "estimates" / f"{name}.json"
