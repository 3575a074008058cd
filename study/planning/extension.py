"""Extension of a stored study by further seeds or explicit arms."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.errors import StudyError
from core.storage.records import PlanSegment, StudyPlan
from search_spaces.study_parsing import parse_study
from study.planning.growth import growth
from study.planning.plan import check_takes_seeds, first_seeds, make_plan, more_seeds


def with_arms(plan: StudyPlan, arms: Sequence[Mapping[str, Any]]) -> StudyPlan:
    """A plan with further explicit arms, which have all seeds of the study.

    Args:
        plan: The stored plan.
        arms: Entries of the arms, as in a study file.

    Raises:
        ConfigError, StudyError: an arm is invalid, or has the name or the settings of another one.
    """
    settings = {**plan.study_file, "arms": [*plan.study_file.get("arms", ()), *arms]}
    segment = growth(plan, make_plan(parse_study(settings)).plan)
    return plan if segment is None else plan.with_segment(segment)


def with_seeds(plan: StudyPlan, n_seeds: int) -> StudyPlan:
    """A plan with additional seeds, so that each arm has `n_seeds`.

    Raises:
        StudyError: the plan already has more seeds, or the study is a race.
    """
    check_takes_seeds(plan.study_file, n_seeds)
    current = tuple(dict.fromkeys((*plan.seeds, *plan.study_file.get("seeds", ()))))
    if n_seeds < len(current):
        raise StudyError(
            f"a study grows, and {plan.name} has {len(current)} seeds already; got --seeds {n_seeds}; raise it"
        )
    searched = plan.study_file.get("search", {}).get("seeds", ())
    seeds = first_seeds(current, n_seeds, skipped=searched)
    segment = more_seeds(plan, seeds)
    if segment is None and seeds == current:
        return plan
    # Arms that a search confirms later get the seeds of the study file.
    study_file = {**plan.study_file, "seeds": list(seeds)} if plan.study_file else None
    return plan.with_segment(replace(segment or PlanSegment(stage="seeds"), study_file=study_file))
