"""How long a study takes on this machine, from a few timed steps of its arms."""

from dataclasses import replace

from search_spaces.paths import layered
from search_spaces.study_file import StudyFile
from study.scheduling import usable_cpus

STARTING_S = 15.0
"""Ray's start, the first import in each worker, and the report."""


def study_seconds(study: StudyFile) -> float:
    """Wall seconds of a study with one trial per core.

    Arms that differ in the numbers of their parameterization alone take about as long as each other, and a step does
    not depend on where its sounds come from: sounds that are not there yet are stood in for by synthetic ones.
    """
    from core.rehearsal import estimate_seconds

    known: dict[object, float] = {}
    total = 0.0
    for arm in study.named_arms():
        config = layered(study.base, study.shared(), arm.settings)
        if config.data.kind != "synthetic":
            config = replace(config, data=study.base.config.data)
        alike = (config.parameterization.kind, replace(config, parameterization=study.base.config.parameterization))
        if alike not in known:
            known[alike] = estimate_seconds(config)
        total += known[alike]
    return STARTING_S + total * len(study.seeds) / usable_cpus()
