"""Every arm against the first one of the plan, paired by seed."""

from dataclasses import dataclass

from core.storage.records import Objective
from dashboards.analysis.statistics import PairedDifference, holm, paired_difference
from dashboards.analysis.study_results import StudyResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm minus the reference arm in one objective."""

    arm: str
    reference: str
    objective: Objective
    difference: PairedDifference
    adjusted_p: float | None
    """Holm's adjustment over all comparisons of the study; None where there are too few pairs for a test."""


def comparisons(results: StudyResults) -> tuple[Comparison, ...]:
    """Every trained arm against the first one of the plan, in each objective, paired by seed.

    The reference is fixed by the plan, so that the results have no influence on what is compared.
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
