"""How sure the Pareto front of a study is: probabilities of the arms, hypervolume, attainment, and families of arms.

The arms are those that can be on the front: neither baselines nor static, with a finished trial, and no objective that
is undefined for a finished one. A trial that failed counts as the reference values of the objectives; trials that are
missing, lost or cancelled say nothing about their arm, and are left out.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import StudyError
from core.statistics.arm_values import ArmValues
from core.statistics.attainment import (
    AttainmentDifference,
    AttainmentSurface,
    attainment_differences,
    attainment_surfaces,
)
from core.statistics.front_uncertainty import FrontProbabilities, front_probabilities, penalised_costs
from core.statistics.front_volume import cost_box, expected_volume_share
from core.statistics.paired import Estimate
from core.statistics.pareto import Bounds, Goal
from core.storage.records import RERUN_ON_RESUME
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.bounds import objective_bounds
from dashboards.analysis.study_results import StudyResults

MAX_FAMILIES = 4
"""Largest number of values of a factor whose arms are compared as families by default."""
PREFERRED_FACTOR = "parameterization.kind"
"""Factor whose values are the families if it varies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyComparison:
    """Families of arms, one for each value of a factor, and where one is attained more often than another."""

    factor: str
    """Dotted path of the factor."""
    families: dict[str, tuple[str, ...]]
    """Names of the arms of each family, by the value of the factor."""
    differences: dict[tuple[str, str], tuple[AttainmentDifference, ...]]
    """Where the first family of a pair is attained by another share of the seeds than the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontUncertainty:
    """Uncertainty of the Pareto front of a study's objectives."""

    probabilities: FrontProbabilities | None
    """Probabilities of the arms; None if no arm has a second seed."""
    share: Estimate
    """Hypervolume of the expected values as a share of the box between ideal and reference values."""
    bounds: dict[str, Bounds]
    """Ideal and reference value of each objective."""
    n_failed: int
    """Number of failed trials, which count as the reference values."""
    attainment_seeds: tuple[int, ...]
    """Seeds for which the trials of all arms have ended, over which attainment is computed."""
    surfaces: tuple[AttainmentSurface, ...]
    """Attainment surfaces by increasing number of seeds; empty unless there are two objectives and two seeds."""
    families: FamilyComparison | None
    """Comparison of the families of a factor; None if there is none, or no surfaces."""

    @property
    def method(self) -> str:
        """How the probabilities were estimated, in a sentence; empty if there are none."""
        if self.probabilities is None:
            return ""
        match self.probabilities.method:
            case "t model":
                way = "from a t distribution whose noise is estimated from all arms together"
            case "bootstrap":
                way = "by a bootstrap over seeds, the same ones for all arms"
        failed = f"; {self.n_failed} failed trials count as the reference values" if self.n_failed else ""
        draws = f"{self.probabilities.n_draws:,} draws of the expected values"
        return f"Probabilities are shares of {draws} {way}{failed}."


def front_uncertainty(results: StudyResults) -> FrontUncertainty | None:
    """The uncertainty of the front of a study's objectives; None if no arm can be on a front.

    Raises:
        ConfigError: an objective is not a metric of the catalogue.
    """
    arms = candidates(results)
    if not arms:
        return None
    directions = {objective.metric: objective.direction for objective in results.objectives}
    bounds = {o.metric: objective_bounds(o, results.frame_rate) for o in results.objectives}
    values = arm_values(arms, tuple(directions))
    costs, failed = penalised_costs(values, directions, bounds)
    try:
        probabilities = front_probabilities(values, directions, bounds)
    except StudyError:
        probabilities = None
    attained = _Attainment.of(results, arms, bounds)
    return FrontUncertainty(
        probabilities=probabilities,
        share=_clipped(expected_volume_share(costs, cost_box(directions, bounds))),
        bounds=bounds,
        n_failed=int(failed.sum()),
        attainment_seeds=attained.seeds if attained else (),
        surfaces=attained.surfaces() if attained else (),
        families=attained.compare(factor) if attained and (factor := attained.default_factor()) else None,
    )


def compare_families(results: StudyResults, factor: str) -> FamilyComparison | None:
    """Compare the arms with different values of a factor.

    Args:
        results: Results of a study.
        factor: Dotted path of a setting that differs between arms.

    Returns:
        The comparison; None if fewer than two values have arms that can be on the front, or the study has no
        attainment, which needs two objectives and two seeds for which the trials of all arms have ended.
    """
    bounds = {o.metric: objective_bounds(o, results.frame_rate) for o in results.objectives}
    attained = _Attainment.of(results, candidates(results), bounds)
    return attained.compare(factor) if attained else None


def candidates(results: StudyResults) -> list[ArmResult]:
    """The arms that can be on a front."""
    return [arm for arm in results.arms if arm.is_eligible and not arm.lacking]


def arm_values(arms: Sequence[ArmResult], metrics: Sequence[str]) -> ArmValues:
    """Values by arm, metric and seed; None for a failed trial, nothing for one that says nothing about the arm."""
    return {
        arm.name: {
            metric: {
                trial.seed: arm.values[metric].get(trial.seed)
                for trial in arm.trials
                if trial.state not in RERUN_ON_RESUME and trial.state != "missing"
            }
            for metric in metrics
        }
        for arm in arms
    }


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attainment:
    """Values of the arms for the seeds for which the trials of all of them have ended."""

    arms: Sequence[ArmResult]
    seeds: tuple[int, ...]
    values: Float[ndarray, "arm objective seed"]
    directions: list[Goal]
    bounds: list[Bounds]

    @classmethod
    def of(cls, results: StudyResults, arms: Sequence[ArmResult], bounds: Mapping[str, Bounds]) -> "_Attainment | None":
        """The values; None if attainment is not defined for the study."""
        if len(results.objectives) != 2 or not arms:
            return None
        directions = {objective.metric: objective.direction for objective in results.objectives}
        values = arm_values(arms, tuple(directions))
        costs, _ = penalised_costs(values, directions, bounds)
        ended = ~np.isnan(costs).any(axis=(0, 1))
        if ended.sum() < 2:
            return None
        all_seeds = sorted({seed for arm in values.values() for by_seed in arm.values() for seed in by_seed})
        signs = np.asarray([1.0 if goal == "minimize" else -1.0 for goal in directions.values()])
        return cls(
            arms=arms,
            seeds=tuple(seed for seed, has_ended in zip(all_seeds, ended, strict=True) if has_ended),
            values=costs[..., ended] * signs[:, None],
            directions=list(directions.values()),
            bounds=[bounds[metric] for metric in directions],
        )

    def surfaces(self) -> tuple[AttainmentSurface, ...]:
        """Surfaces of all arms together."""
        return attainment_surfaces(self.values, self.directions, self.bounds)

    def default_factor(self) -> str | None:
        """The factor whose values are the families: the preferred one, else the first with few values of all arms."""
        paths = dict.fromkeys(path for arm in self.arms for path in arm.factors)
        suitable = [
            path
            for path in paths
            if all(path in arm.factors for arm in self.arms)
            and 2 <= len({_label(arm.factors[path]) for arm in self.arms}) <= MAX_FAMILIES
        ]
        return PREFERRED_FACTOR if PREFERRED_FACTOR in suitable else next(iter(suitable), None)

    def compare(self, factor: str) -> FamilyComparison | None:
        """The families of a factor; None if there are fewer than two."""
        members: dict[str, list[int]] = {}
        for index, arm in enumerate(self.arms):
            if factor in arm.factors:
                members.setdefault(_label(arm.factors[factor]), []).append(index)
        if len(members) < 2:
            return None
        return FamilyComparison(
            factor=factor,
            families={value: tuple(self.arms[index].name for index in family) for value, family in members.items()},
            differences={
                (first, second): attainment_differences(
                    self.values[members[first]], self.values[members[second]], self.directions, self.bounds
                )
                for first, second in itertools.combinations(members, 2)
            },
        )


def _clipped(share: Estimate) -> Estimate:
    """An estimate of a share within 0 and 1."""
    ends = [None if value is None else min(max(value, 0.0), 1.0) for value in (share.lo, share.hi)]
    return Estimate(min(max(share.mean, 0.0), 1.0), ends[0], ends[1], share.n)


def _label(value: Any) -> str:
    """A value of a factor as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)
