"""Estimated duration of a study on this machine, from a few timed steps of its arms; cached for the user."""

import hashlib
import json
import logging
import platform
from dataclasses import replace
from pathlib import Path

from core.storage.atomic_write import write_atomically
from core.storage.cache_folder import cache_folder
from core.storage.code_version import code_version
from search_spaces.paths import compose
from search_spaces.study_file import StudyFile
from study.planning.resources import usable_cpus

STARTING_S = 15.0
"""Ray's start, the first import in each worker, and the report."""

_log = logging.getLogger(__name__)


def remembered_seconds(study: StudyFile) -> float | None:
    """The cached result of `measured_seconds` on this machine with this code, None where there is none."""
    try:
        return float(json.loads(_file(study).read_bytes())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def measured_seconds(study: StudyFile) -> float:
    """Wall seconds of a study with one trial per core.

    Arms that differ in the numbers of their parameterization alone take about as long as each other. A step does not
    depend on the sounds, so they need not exist.
    """
    from core.training.warmup import estimate_seconds

    known: dict[object, float] = {}
    total = 0.0
    settings = [arm.settings for arm in study.named_arms()]
    for search in study.searches():
        # A corner of the space stands for each arm that the search will propose.
        settings += [search.corners()[0].settings] * search.n_arms
    for own in settings:
        config = compose(study.base, study.shared(), own)
        alike = (config.parameterization.kind, replace(config, parameterization=study.base.config.parameterization))
        if alike not in known:
            known[alike] = estimate_seconds(config)
        total += known[alike]
    seconds = STARTING_S + total * len(study.seeds) / usable_cpus()
    try:
        write_atomically(_file(study), json.dumps({"seconds": seconds}).encode())
    except OSError as error:
        _log.warning("the time cannot be remembered: %s", error)
    return seconds


def _file(study: StudyFile) -> Path:
    known = (study.to_settings(), code_version(), platform.node(), platform.processor(), usable_cpus())
    name = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return cache_folder() / "estimates" / f"{name}.json"
