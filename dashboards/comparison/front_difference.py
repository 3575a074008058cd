"""Difference between the fronts of two studies: hypervolume, and where one is attained more often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.statistics.attainment import AttainmentDifference, attainment_differences
from core.statistics.front_uncertainty import penalised_costs
from core.statistics.front_volume import cost_box, volume_share
from core.statistics.paired import Estimate, mean_with_interval, paired_difference
from core.statistics.pareto import Bounds
from core.storage.records import Objective
from dashboards.analysis.bounds import objective_bounds
from dashboards.analysis.front_uncertainty import arm_values, candidates
from dashboards.analysis.study_results import StudyResults


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDifference:
    """Difference between the fronts of two studies in two objectives, over seeds whose trials have all ended.

    A failed trial counts as the reference values of the objectives.
    """

    shares: tuple[Estimate, Estimate]
    """Hypervolume of the front of a seed as a share of the box of the objectives: of the first and the other study."""
    difference: Estimate
    """Other minus first with its 95 % interval: paired by seed, or Welch's for studies without common seeds."""
    paired_seeds: tuple[int, ...]
    """Seeds over which it is paired; empty if it is not."""
    attainment: tuple[AttainmentDifference, ...]
    """Where the shares of the paired seeds that attain the studies differ, first minus other; empty unless paired."""


def front_difference(
    first: StudyResults, other: StudyResults, objectives: Sequence[Objective]
) -> FrontDifference | None:
    """Difference of the fronts in two objectives.

    Returns:
        None if a study has no arm that can be on a front, or no seed for which the trials of all these have ended.
    """
    # Reference values may follow from the frame rate; one box serves both studies.
    frame_rate = max(first.frame_rate, other.frame_rate)
    bounds = {objective.metric: objective_bounds(objective, frame_rate) for objective in objectives}
    directions = {objective.metric: objective.direction for objective in objectives}
    costs = [_costs_by_seed(study, objectives, bounds) for study in (first, other)]
    if not all(costs):
        return None
    box = cost_box(directions, bounds)
    shares = [{seed: volume_share(points, box) for seed, points in by_seed.items()} for by_seed in costs]
    estimates = [mean_with_interval(list(by_seed.values())) for by_seed in shares]
    paired = paired_difference(shares[1], shares[0])
    attainment: tuple[AttainmentDifference, ...] = ()
    if paired and len(paired.seeds) > 1:
        signs = np.asarray([1.0 if goal == "minimize" else -1.0 for goal in directions.values()])[:, None]
        before, after = (np.stack([by_seed[seed] for seed in paired.seeds], axis=-1) * signs for by_seed in costs)
        attainment = attainment_differences(before, after, list(directions.values()), list(bounds.values()))
    return FrontDifference(
        shares=(estimates[0], estimates[1]),
        difference=paired.estimate if paired else _welch(list(shares[1].values()), list(shares[0].values())),
        paired_seeds=paired.seeds if paired else (),
        attainment=attainment,
    )


# ---------------------------------------------------------------------------------------------------------------------


def _costs_by_seed(
    study: StudyResults, objectives: Sequence[Objective], bounds: Mapping[str, Bounds]
) -> dict[int, Float[ndarray, "arm objective"]]:
    """Costs of the arms that can be on a front, for each seed for which the trials of all of them have ended."""
    metrics = [objective.metric for objective in objectives]
    arms = [arm for arm in candidates(study) if all(metric in arm.values for metric in metrics)]
    if not arms:
        return {}
    values = arm_values(arms, metrics)
    costs, _ = penalised_costs(values, {o.metric: o.direction for o in objectives}, bounds)
    seeds = sorted({seed for arm in values.values() for by_seed in arm.values() for seed in by_seed})
    return {seed: costs[..., i] for i, seed in enumerate(seeds) if not np.isnan(costs[..., i]).any()}


def _welch(values: Sequence[float], reference: Sequence[float]) -> Estimate:
    """Difference of two means with Welch's 95 % interval, which needs two values of each."""
    mean, n = float(np.mean(values) - np.mean(reference)), min(len(values), len(reference))
    if n < 2 or np.ptp(values) + np.ptp(reference) == 0:
        return Estimate(mean, None, None, n)
    from scipy import stats

    interval = stats.ttest_ind(values, reference, equal_var=False).confidence_interval(0.95)
    return Estimate(mean, float(interval.low), float(interval.high), n)
