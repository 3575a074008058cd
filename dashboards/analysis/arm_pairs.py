"""Pairs of arms that a study compares: declared contrasts, every arm against the baseline, and pairs on the front.

Confirmatory pairs are fixed before anything runs: the contrasts that the study file declared when the study was first
launched, or else every other trained arm and the first one of the plan, in each objective. All further pairs are
exploratory, because they are chosen by results, or beside the question.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.statistics.paired import PairedDifference, paired_difference
from core.storage.records import Objective
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.formatting import axis

MAX_FRONT_ARMS = 12
"""Largest number of arms on the front whose pairs are all compared."""
Role = Literal["confirmatory", "exploratory"]
"""Whether a comparison was fixed before anything ran and its p values are adjusted, or not."""
Expected = Literal["better", "worse", "equivalent"]
"""How an arm compares with its reference if a claim holds."""
Reason = Literal["declared", "baseline", "front"]
"""Why arms are compared: the study file says so, the reference is the first trained arm, or both are on the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPair:
    """Two arms to be compared in one metric, or in a metric each; they may then be the same arm."""

    arm: ArmResult
    reference: ArmResult
    objective: Objective
    """The metric of the arm and its better direction."""
    role: Role
    reason: Reason
    reference_metric: str
    """The metric of the reference."""
    claim: str | None = None
    """The claim that the comparison tests, in words."""
    expected: Expected | None = None
    """The conclusion that confirms the claim."""

    @property
    def key(self) -> frozenset[tuple[str, str]]:
        """The two arms with their metrics, in any order."""
        return frozenset(((self.arm.name, self.objective.metric), (self.reference.name, self.reference_metric)))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds in which both arms have the metric."""
        return tuple(sorted(self._values.keys() & self._reference_values.keys()))

    @property
    def difference(self) -> PairedDifference | None:
        """Value of the arm minus that of the reference over the seeds that both have; None if they share none."""
        return paired_difference(self._values, self._reference_values)

    @property
    def _values(self) -> Mapping[int, float]:
        return self.arm.values.get(self.objective.metric, {})

    @property
    def _reference_values(self) -> Mapping[int, float]:
        return self.reference.values.get(self.reference_metric, {})


def arm_pairs(results: StudyResults) -> tuple[ArmPair, ...]:
    """The pairs of arms that a study compares, each once for a metric, the confirmatory ones first."""
    first = results.plan.definition.study_file.get("contrasts", ())
    latest = results.plan.study_file.get("contrasts", ())
    found: dict[frozenset[tuple[str, str]], ArmPair] = {}
    for pair in itertools.chain(
        _declared(results, first, "confirmatory"),
        _against_baseline(results, "exploratory" if first else "confirmatory"),
        _declared(results, latest, "exploratory"),
        _on_front(results),
    ):
        found.setdefault(pair.key, pair)
    return tuple(found.values())


# ---------------------------------------------------------------------------------------------------------------------


def _declared(results: StudyResults, contrasts: Sequence[Mapping[str, Any]], role: Role) -> Iterator[ArmPair]:
    """The contrasts of a study file, in each objective if they name no metric."""
    arms = {arm.name: arm for arm in results.arms}
    for contrast in contrasts:
        arm, reference = arms.get(contrast["arm"]), arms.get(contrast["reference"])
        metric = contrast.get("metric")
        chosen = [axis(metric, results.objectives).objective] if metric else results.objectives
        for objective in chosen:
            if arm and reference and objective:
                yield ArmPair(
                    arm=arm,
                    reference=reference,
                    objective=objective,
                    role=role,
                    reason="declared",
                    reference_metric=contrast.get("reference_metric") or objective.metric,
                    claim=contrast.get("claim"),
                    expected=contrast.get("expected"),
                )


def _against_baseline(results: StudyResults, role: Role) -> Iterator[ArmPair]:
    """Every other trained arm and the first one of the plan; as the plan fixes it, results cannot choose it."""
    trained = [arm for arm in results.arms if not arm.is_baseline]
    for objective in results.objectives:
        for arm in trained[1:]:
            yield _in_objective(arm, trained[0], objective, role, "baseline")


def _on_front(results: StudyResults) -> Iterator[ArmPair]:
    """All pairs of arms on the front; of a larger front, those of arms spread over it."""
    arms = results.front
    if len(arms) > MAX_FRONT_ARMS:
        metric = results.objectives[0].metric
        along = sorted(arms, key=lambda arm: arm.metrics[metric].mean)
        picked = {along[index].name for index in np.linspace(0, len(along) - 1, MAX_FRONT_ARMS).round().astype(int)}
        arms = tuple(arm for arm in arms if arm.name in picked)
    for objective in results.objectives:
        for reference, arm in itertools.combinations(arms, 2):
            yield _in_objective(arm, reference, objective, "exploratory", "front")


def _in_objective(arm: ArmResult, reference: ArmResult, objective: Objective, role: Role, reason: Reason) -> ArmPair:
    """Two arms to be compared in an objective."""
    metric = objective.metric
    return ArmPair(arm=arm, reference=reference, objective=objective, role=role, reason=reason, reference_metric=metric)
