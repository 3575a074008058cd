"""Comparisons of trained arms with the first one of the plan, paired by seed."""

from dataclasses import dataclass, replace

from core.statistics.paired import PairedDifference, holm, paired_difference
from core.storage.records import Objective
from dashboards.analysis.study_results import StudyResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Comparison of an arm with the reference arm in one objective."""

    arm: str
    """Name of the arm."""
    reference: str
    """Name of the reference arm."""
    objective: Objective
    difference: PairedDifference
    """Value of the arm minus value of the reference arm."""
    adjusted_p: float | None
    """p value with Holm's adjustment over all comparisons of the study; None if there is no test."""


def comparisons(results: StudyResults) -> tuple[Comparison, ...]:
    """Compare every other trained arm with the first one of the plan in each objective, paired by seed.

    The reference arm is determined by the plan, so its choice cannot depend on the results. There is no test with too
    few pairs, nor after a race, which chooses the numbers of seeds by the results: a sign-flip test is not valid then.
    """
    trained = [arm for arm in results.arms if not arm.is_baseline]
    pairs = [
        (arm, objective, difference)
        for objective in results.objectives
        for arm in trained[1:]
        if (
            difference := paired_difference(
                arm.values.get(objective.metric, {}), trained[0].values.get(objective.metric, {})
            )
        )
    ]
    if results.race:
        pairs = [(arm, objective, replace(difference, p_value=None)) for arm, objective, difference in pairs]
    tested = [difference.p_value for _, _, difference in pairs if difference.p_value is not None]
    adjusted = iter(holm(tested))
    return tuple(
        Comparison(
            arm=arm.name,
            reference=trained[0].name,
            objective=objective,
            difference=difference,
            adjusted_p=None if difference.p_value is None else next(adjusted),
        )
        for arm, objective, difference in pairs
    )
