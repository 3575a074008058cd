"""Optimism of a search: how much better its picked arms looked than they are on fresh seeds.

A search picks what looks best, so the values that it picked by are too good on average (the winner's curse). What it
claims is a fixed number; the seeds of its confirmation are a fresh sample, so intervals take their variation only.

The bias of the hypervolume of noisy means is removed by the jackknife, see `core.statistics.front_volume`.

G. C. Cawley and N. L. C. Talbot, "On over-fitting in model selection and subsequent selection bias in performance
evaluation", Journal of Machine Learning Research, 2010.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import StudyError
from core.statistics.arm_values import ArmValues, Objectives, all_seeds, cost_array
from core.statistics.front_volume import cost_box, expected_volume_share, volume_share
from core.statistics.paired import Estimate, mean_with_interval
from core.statistics.pareto import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimism:
    """Claims of a search about its picked arms against their values on fresh seeds."""

    arms: tuple[str, ...]
    """Arms with every objective both claimed and confirmed."""
    claimed_share: float
    """Hypervolume of the claimed means, as a share of the box between ideal and reference values."""
    confirmed_share: float
    """Hypervolume of the confirmed means, as a share of the same box."""
    share: Estimate
    """Claimed share minus the share of the expected values, corrected for the bias of noisy means."""
    by_objective: dict[str, Estimate]
    """How much better the claim is than the confirmation, as a mean over arms in the unit of the metric."""


def search_optimism(
    claimed: ArmValues, confirmed: ArmValues, objectives: Objectives, bounds: Mapping[str, Bounds]
) -> Optimism:
    """Compare the claims of a search with the confirmation of the arms that it picked.

    Args:
        claimed: Values of the search, by arm, objective and search seed; arms that were not confirmed are ignored.
        confirmed: Values of the picked arms on fresh seeds, of one split of the data.
        objectives: Directions by objective.
        bounds: Ideal and reference value of each objective.

    Returns:
        The optimism; positive where the search promised too much. One confirmation seed gives no intervals.

    Raises:
        StudyError: no arm has every objective both claimed and confirmed, or seeds are in both.
    """
    shared = set(all_seeds(claimed)) & set(all_seeds(confirmed))
    if shared:
        raise StudyError(f"a confirmation needs fresh seeds, but the search had seeds {sorted(shared)} as well")
    names = [
        name
        for name in confirmed
        if name in claimed and _has_all(claimed, name, objectives) and _has_all(confirmed, name, objectives)
    ]
    if not names:
        raise StudyError("no picked arm has a value of every objective in both search and confirmation")
    claims = _means({name: claimed[name] for name in names}, objectives)
    fresh = {name: confirmed[name] for name in names}
    costs = cost_array(fresh, objectives, all_seeds(fresh))
    costs = costs[..., ~np.isnan(costs).all(axis=(0, 1))]
    box = cost_box(objectives, bounds)
    claimed_share = volume_share(claims, box)
    expected = expected_volume_share(costs, box)
    return Optimism(
        arms=tuple(names),
        claimed_share=claimed_share,
        confirmed_share=volume_share(np.asarray(np.nanmean(costs, axis=-1)), box),
        share=_difference(claimed_share, expected),
        by_objective={
            name: mean_with_interval(_mean_over_arms(costs[:, index] - claims[:, index, None]))
            for index, name in enumerate(objectives)
        },
    )


# ---------------------------------------------------------------------------------------------------------------------


def _has_all(values: ArmValues, name: str, objectives: Objectives) -> bool:
    """Whether an arm has a value of each objective."""
    costs = cost_array({name: values[name]}, objectives, all_seeds({name: values[name]}))
    return bool((~np.isnan(costs)).any(axis=-1).all())


def _means(values: ArmValues, objectives: Objectives) -> Float[ndarray, "arm objective"]:
    return np.asarray(np.nanmean(cost_array(values, objectives, all_seeds(values)), axis=-1))


def _difference(claimed: float, expected: Estimate) -> Estimate:
    """A claim, which is a fixed number, minus an estimate."""
    if expected.lo is None or expected.hi is None:
        return Estimate(claimed - expected.mean, None, None, expected.n)
    return Estimate(claimed - expected.mean, claimed - expected.hi, claimed - expected.lo, expected.n)


def _mean_over_arms(excess: Float[ndarray, "arm seed"]) -> list[float]:
    """Mean over the arms for each seed that any arm has."""
    return [float(np.nanmean(column)) for column in excess.T if not np.isnan(column).all()]
