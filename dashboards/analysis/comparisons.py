"""Comparisons of pairs of arms: paired difference, tests of difference and equivalence, and a conclusion.

p values of confirmatory comparisons are adjusted for their number, see `arm_pairs`. Those of exploratory ones are not,
so that they describe rather than prove. Tests of a difference and of equivalence are adjusted separately: at most one
of the two null hypotheses of a comparison is true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.statistics.equivalence import tost_p
from core.statistics.improvement import probability_of_improvement
from core.statistics.paired import Estimate, PairedDifference, holm
from core.statistics.power import SIGNIFICANCE, pairs_to_decide
from core.storage.records import Objective
from dashboards.analysis.arm_pairs import ArmPair, Expected, Reason, Role, arm_pairs
from dashboards.analysis.study_results import StudyResults

Conclusion = Literal["better", "worse", "equivalent", "undecided"]
"""How the arm compares with its reference; `undecided` if these seeds cannot decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """Test of whether the difference of two arms is smaller than a margin."""

    margin: float
    """Smallest difference that matters, as the study file states it."""
    p_value: float | None
    """p value of the two one-sided tests; None if there is no test."""
    adjusted_p: float | None
    """p value with Holm's adjustment over the confirmatory comparisons; None for others, or if there is no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Comparison of an arm with a reference arm in one metric."""

    arm: str
    """Name of the arm."""
    reference: str
    """Name of the reference arm."""
    objective: Objective
    """The metric, which need not be an objective of the study, and its better direction."""
    reference_metric: str
    """The metric of the reference, which is another one only in a declared contrast of two metrics."""
    role: Role
    reason: Reason
    difference: PairedDifference
    """Value of the arm minus value of the reference arm."""
    improvement: Estimate
    """Probability that the arm is better than the reference with the same seed."""
    adjusted_p: float | None
    """p value with Holm's adjustment over the confirmatory comparisons; None for others, or if there is no test."""
    equivalence: Equivalence | None
    """None if the study file states no margin for the metric."""
    n_comparisons: int
    """Number of comparisons that share the significance level: all confirmatory ones, or this one alone."""
    conclusion: Conclusion | None
    """None in a race, whose own verdict is the conclusion."""
    claim: str | None = None
    """The claim that the comparison tests, in words."""
    expected: Expected | None = None
    """The conclusion that confirms the claim."""

    @property
    def reference_label(self) -> str:
        """Name of the reference arm, with its metric if it is another one."""
        if self.reference_metric == self.objective.metric:
            return self.reference
        return f"{self.reference} in {self.reference_metric}"

    @property
    def p_value(self) -> float | None:
        """The p value that the conclusion rests on, adjusted if the comparison is confirmatory; None without a test."""
        return self.adjusted_p if self.role == "confirmatory" else self.difference.p_value

    @property
    def seeds_needed(self) -> int | None:
        """Number of seeds that would decide an undecided comparison with a probability of 80 %, as an estimate.

        None if the comparison is decided, if more than `core.statistics.power.MAX_PAIRS` are needed, or if a single
        seed shows no spread.
        """
        deviation = self.difference.deviation
        if self.conclusion != "undecided" or deviation is None:
            return None
        return pairs_to_decide(
            self.difference.estimate.mean,
            deviation,
            len(self.difference.seeds),
            n_comparisons=self.n_comparisons,
            margin=self.equivalence.margin if self.equivalence else None,
        )


def comparisons(results: StudyResults) -> tuple[Comparison, ...]:
    """All comparisons of a study, the confirmatory ones first.

    There is no test with too few pairs, nor in a race, which chooses the numbers of seeds by the results: neither test
    is valid then. Pairs without a common seed are left out, see `incomparable_pairs`.
    """
    pairs = [(pair, difference) for pair in arm_pairs(results) if (difference := pair.difference)]
    if results.race:
        pairs = [(pair, replace(difference, p_value=None)) for pair, difference in pairs]
    margins = equivalence_margins(results)
    equivalences = [
        _equivalence(difference, margins.get(pair.objective.metric), is_tested=results.race is None)
        for pair, difference in pairs
    ]
    is_confirmatory = [pair.role == "confirmatory" for pair, _ in pairs]
    adjusted = _adjusted([difference.p_value for _, difference in pairs], is_confirmatory)
    adjusted_equivalence = _adjusted([test.p_value if test else None for test in equivalences], is_confirmatory)
    n_confirmatory = max(1, sum(is_confirmatory))
    return tuple(
        _comparison(
            pair,
            difference,
            adjusted_p=adjusted[index],
            equivalence=replace(test, adjusted_p=adjusted_equivalence[index])
            if (test := equivalences[index])
            else None,
            n_comparisons=n_confirmatory if is_confirmatory[index] else 1,
            is_race=results.race is not None,
        )
        for index, (pair, difference) in enumerate(pairs)
    )


def incomparable_pairs(results: StudyResults) -> tuple[ArmPair, ...]:
    """Confirmatory pairs that cannot be compared, because no seed of both arms has the metric."""
    return tuple(pair for pair in arm_pairs(results) if pair.role == "confirmatory" and not pair.seeds)


def equivalence_margins(results: StudyResults) -> dict[str, float]:
    """Smallest differences that matter, by metric; one that was stated at first is not changed later."""
    plan = results.plan
    return {**plan.study_file.get("margins", {}), **plan.definition.study_file.get("margins", {})}


# ---------------------------------------------------------------------------------------------------------------------


def _equivalence(difference: PairedDifference, margin: float | None, *, is_tested: bool) -> Equivalence | None:
    """The test against a margin, not yet adjusted; None without a margin."""
    if margin is None:
        return None
    p_value = tost_p(difference.differences, margin) if is_tested else None
    return Equivalence(margin=margin, p_value=p_value, adjusted_p=None)


def _adjusted(p_values: Sequence[float | None], is_confirmatory: Sequence[bool]) -> list[float | None]:
    """Holm's adjustment of the confirmatory p values; None for others."""
    adjusted: list[float | None] = [None] * len(p_values)
    tested = [index for index, p in enumerate(p_values) if p is not None and is_confirmatory[index]]
    for index, p in zip(tested, holm([p for i in tested if (p := p_values[i]) is not None]), strict=True):
        adjusted[index] = p
    return adjusted


def _comparison(
    pair: ArmPair,
    difference: PairedDifference,
    *,
    adjusted_p: float | None,
    equivalence: Equivalence | None,
    n_comparisons: int,
    is_race: bool,
) -> Comparison:
    """The comparison of a pair with its conclusion."""
    is_confirmatory = pair.role == "confirmatory"
    p_value = adjusted_p if is_confirmatory else difference.p_value
    equivalence_p = None if equivalence is None else equivalence.adjusted_p if is_confirmatory else equivalence.p_value
    return Comparison(
        arm=pair.arm.name,
        reference=pair.reference.name,
        objective=pair.objective,
        role=pair.role,
        reason=pair.reason,
        reference_metric=pair.reference_metric,
        claim=pair.claim,
        expected=pair.expected,
        difference=difference,
        improvement=probability_of_improvement(difference.differences, pair.objective.direction),
        adjusted_p=adjusted_p,
        equivalence=equivalence,
        n_comparisons=n_comparisons,
        conclusion=None if is_race else _conclusion(pair.objective, difference.estimate.mean, p_value, equivalence_p),
    )


def _conclusion(objective: Objective, mean: float, p_value: float | None, equivalence_p: float | None) -> Conclusion:
    """The conclusion from both tests; arms that differ by less than the margin are equivalent."""
    if equivalence_p is not None and equivalence_p < SIGNIFICANCE:
        return "equivalent"
    if p_value is None or p_value >= SIGNIFICANCE:
        return "undecided"
    return "better" if (mean < 0) == (objective.direction == "minimize") else "worse"
