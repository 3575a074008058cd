"""Probability that an arm is on the Pareto front, given few noisy seeds, and the picks to confirm by it.

Values are modelled as y = mean of the arm + effect of the seed + noise, with one normal noise covariance over the
objectives for all arms. Few seeds per arm, often two, say little about the variance of one arm, but the residuals of
all arms together say enough. An effect that a seed has on all arms alike does not change which dominate which. With a
flat prior the means follow a multivariate t distribution; the probability is the share of its draws in which an arm is
not dominated.

A. Gelman et al., "Bayesian Data Analysis", 3rd edition, 2013, section 3.6: normal data with unknown covariance.
M. Binois, D. Ginsbourger and O. Roustant, "Quantifying uncertainty on Pareto fronts with Gaussian process conditional
simulations", European Journal of Operational Research, 2015: fronts of posterior draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.errors import StudyError
from core.statistics.arm_values import ArmValues, Objectives, all_seeds, cost_array
from core.statistics.pareto import Goal, non_dominated

N_DRAWS = 4000
"""Draws of the means; the standard error of a probability is at most 0.008."""
NEIGHBOUR_PROBABILITY = 0.05
"""Smallest probability with which an arm beside the observed front is worth confirming."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """Least-squares fit of the model."""

    means: Float[ndarray, "arm objective"]
    """Costs of the arms at an average seed."""
    counts: Int[ndarray, " arm"]
    """Number of seeds of each arm."""
    covariance: Float[ndarray, "objective objective"]
    """Covariance of the noise."""
    degrees: int
    """Degrees of freedom of the covariance."""


def front_probability(
    values: ArmValues, objectives: Objectives, *, seed: int = 0, n_draws: int = N_DRAWS
) -> dict[str, float]:
    """Probability that each arm is not dominated by another one in its expected values.

    Args:
        values: Values by arm, objective and seed. A seed counts for an arm if it has all objectives; arms without any
            such seed are left out.
        objectives: Directions by objective.
        seed: Seed of the draws.
        n_draws: Number of draws.

    Raises:
        StudyError: there are several arms, but no two seeds of any of them to estimate the noise from.
    """
    names, costs = _comparable(values, objectives)
    if len(names) < 2:
        return dict.fromkeys(names, 1.0)
    goals: list[Goal] = ["minimize"] * len(objectives)
    on_front = np.zeros(len(names))
    for means in draw_means(costs, np.random.default_rng(seed), n_draws):
        on_front += non_dominated(means, goals)
    return dict(zip(names, (on_front / n_draws).tolist(), strict=True))


def draw_means(
    costs: Float[ndarray, "arm objective seed"], rng: np.random.Generator, n_draws: int
) -> Iterator[Float[ndarray, "arm objective"]]:
    """Draws of the expected costs of several arms from the multivariate t distribution.

    Args:
        costs: Costs, NaN in all objectives where an arm has no value of a seed; every arm has at least one.
        rng: Generator of the draws.
        n_draws: Number of draws.

    Raises:
        StudyError: there are no two seeds of any arm to estimate the noise from.
    """
    fit = _fit(costs)
    eigenvalues, vectors = np.linalg.eigh(fit.covariance)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    for _ in range(n_draws):
        noise = rng.standard_normal(fit.means.shape) @ root.T / np.sqrt(fit.counts)[:, None]
        scale = np.sqrt(fit.degrees / rng.chisquare(fit.degrees))
        yield fit.means + scale * noise


def pick_for_confirmation(
    values: ArmValues,
    objectives: Objectives,
    *,
    threshold: float = NEIGHBOUR_PROBABILITY,
    at_most: int | None = None,
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> tuple[str, ...]:
    """Arms worth confirming on fresh seeds, by decreasing probability of being on the front.

    Args:
        values: Values by arm, objective and seed, as for `front_probability`.
        objectives: Directions by objective.
        threshold: Smallest probability of arms that are not on the observed front.
        at_most: Largest number of arms; the arms of the observed front are picked even if they are more.
        seed: Seed of the draws.
        n_draws: Number of draws.

    Returns:
        Names of the arms on the observed front (of the means over seeds), and of the most probable others.

    Raises:
        StudyError: as for `front_probability`.
    """
    probabilities = front_probability(values, objectives, seed=seed, n_draws=n_draws)
    names, costs = _comparable(values, objectives)
    means = _fit(costs).means if len(names) > 1 else np.zeros((len(names), len(objectives)))
    observed = non_dominated(means, ["minimize"] * len(objectives))
    front = {name for name, is_on_front in zip(names, observed, strict=True) if is_on_front}
    by_probability = sorted(names, key=lambda name: -probabilities[name])
    room = len(names) if at_most is None else max(at_most - len(front), 0)
    others = [name for name in by_probability if name not in front and probabilities[name] >= threshold][:room]
    return tuple(name for name in by_probability if name in front or name in others)


# ---------------------------------------------------------------------------------------------------------------------


def _comparable(values: ArmValues, objectives: Objectives) -> tuple[list[str], Float[ndarray, "arm objective seed"]]:
    """Names and costs of the arms that have a seed with all objectives; seeds that lack one are NaN throughout."""
    costs = cost_array(values, objectives, all_seeds(values))
    costs = np.where(np.isnan(costs).any(axis=1, keepdims=True), np.nan, costs)
    is_comparable = (~np.isnan(costs)).any(axis=(1, 2))
    return [name for name, keep in zip(values, is_comparable, strict=True) if keep], costs[is_comparable]


def _fit(costs: Float[ndarray, "arm objective seed"]) -> _Fit:
    """Means of the arms, adjusted for the seeds that they have, and the covariance of the residuals.

    Effects of the seeds are fitted to the deviations from the means of the arms, which gives the same least-squares fit
    as both at once (Frisch and Waugh, 1933), with as many unknowns as seeds instead of arms.
    """
    arms, seeds = np.nonzero(~np.isnan(costs[:, 0]))
    observed = costs[arms, :, seeds]
    n_arms, _, n_seeds = costs.shape
    counts = np.bincount(arms, minlength=n_arms)
    # Effects of the seeds sum to zero; the last one is minus the sum of the others.
    contrasts = np.vstack([np.eye(n_seeds - 1), -np.ones((1, n_seeds - 1))])[seeds]
    means, mean_contrasts = _arm_means(observed, arms, counts), _arm_means(contrasts, arms, counts)
    deviations, within = observed - means[arms], contrasts - mean_contrasts[arms]
    n_effects = n_seeds - 1
    if np.linalg.matrix_rank(within) < n_effects:
        # Arms that share no seeds cannot be adjusted for them: what seeds do is noise.
        n_effects, within, mean_contrasts = 0, within[:, :0], mean_contrasts[:, :0]
    degrees = len(observed) - n_arms - n_effects
    if degrees < 1:
        raise StudyError(
            "the probability of being on the front needs the noise between seeds: "
            f"no arm of {n_arms} has a second seed to compare; search with at least 2 seeds"
        )
    effects = np.linalg.lstsq(within, deviations, rcond=None)[0]
    residuals = deviations - within @ effects
    return _Fit(
        means=means - mean_contrasts @ effects,
        counts=counts,
        covariance=residuals.T @ residuals / degrees,
        degrees=degrees,
    )


def _arm_means(
    rows: Float[ndarray, "trial column"], arms: Int[ndarray, " trial"], counts: Int[ndarray, " arm"]
) -> Float[ndarray, "arm column"]:
    """Mean of the rows of each arm."""
    columns = [np.bincount(arms, weights=column, minlength=len(counts)) for column in rows.T]
    return np.asarray(np.reshape(columns, (rows.shape[1], len(counts))).T / counts[:, None])
