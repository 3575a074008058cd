"""How long a study takes on this machine, from a few timed steps of its arms."""

from dataclasses import replace

from search_spaces.paths import layered
from search_spaces.study_file import StudyFile
from study.scheduling import usable_cpus

STARTING_S = 15.0
"""Ray's start, the first import in each worker, and the report."""


def study_seconds(study: StudyFile) -> float:
    """Wall seconds of a study with one trial per core.

    The time of a step does not depend on where its sounds come from, so sounds that are not there yet are stood in for
    by synthetic ones of the same size.
    """
    from core.trial import estimate_seconds

    shared = study.shared()
    total = 0.0
    for arm in study.named_arms():
        config = layered(study.base, shared, arm.settings)
        if config.data.kind != "synthetic":
            config = replace(config, data=study.base.config.data)
        total += estimate_seconds(config)
    return STARTING_S + total * len(study.seeds) / usable_cpus()
