"""Paired tests of every arm against every other in each objective, at the peeks of a race.

Arms share their seeds, so two arms are compared by their differences per seed, without seeds that either arm lacks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.statistics.sequential_t import boundary, sequential_p, t_test_p

Costs = Float[ndarray, "arm objective seed"]
"""Values of which smaller ones are better; NaN where there is none."""


def pair_p_values(costs: Costs, peeks: Sequence[int]) -> Float[ndarray, "arm other objective peek"]:
    """p values, valid at all peeks at once, of the hypothesis that an arm is not better than another one.

    Args:
        costs: Costs in the order in which seeds are sampled.
        peeks: Numbers of seeds at which is looked. A pair that lacks a seed is looked at when it
            has that number of usable ones.

    Returns:
        For each peek the p value of what was known then; 1 before the first look at a pair.
    """
    usable, counts = _usable_differences(costs, peeks)
    looks = [np.where(counts[..., -1] >= n, t_test_p(usable[..., :n]), 1.0) for n in peeks]
    p_values = sequential_p(np.stack(looks, axis=-1), peeks)
    n_looks = np.searchsorted(np.asarray(peeks), counts, side="right")
    known = np.take_along_axis(p_values, np.maximum(n_looks - 1, 0), axis=-1)
    return np.where(n_looks > 0, known, 1.0)


def success_probability(
    costs: Costs, peeks: Sequence[int], peek: int, level: float
) -> Float[ndarray, "arm other objective"]:
    """Probability that further seeds decide at this level that an arm is better than another one.

    It is the probability under the posterior distribution of the mean difference (flat prior) that the test rejects at
    its last look, with the standard deviation as observed; an approximation that serves to give up comparisons.

    Args:
        costs: Costs in the order in which seeds are sampled.
        peeks: Numbers of seeds at which is looked.
        peek: Index of the present peek; only the seeds up to it are used.
        level: Level of the one-sided test over all its looks.

    Returns:
        The probabilities; 1 for pairs with fewer than two usable seeds, which say nothing yet; 0 if no look is left.
    """
    from scipy.special import stdtr, stdtrit

    usable, counts = _usable_differences(costs[..., : peeks[peek]], [peeks[peek]])
    n = counts[..., 0]
    has_variance = n >= 2
    size = np.where(has_variance, n, 2)
    mask = np.arange(usable.shape[-1]) < n[..., None]
    mean = np.where(mask, usable, 0.0).sum(axis=-1) / np.maximum(n, 1)
    squares = np.where(mask, (usable - mean[..., None]) ** 2, 0.0).sum(axis=-1)
    deviation = np.maximum(np.sqrt(squares / (size - 1)), np.finfo(np.float64).tiny ** 0.5)

    looks = np.asarray(peeks)
    last = np.searchsorted(looks, n + peeks[-1] - peeks[peek], side="right") - 1
    final = looks[np.maximum(last, 0)]
    has_look = (last >= 0) & (final > n)
    rest = np.maximum(final - size, 1)
    critical = -stdtrit(looks - 1, boundary(level, tuple(peeks)))[np.maximum(last, 0)]
    # Mean of the remaining differences with which the t statistic at the last look is critical.
    required = (critical * deviation * np.sqrt(final) - size * mean) / rest
    t = (required - mean) / (deviation * np.sqrt(1 / size + 1 / rest))
    return np.where(has_look, np.where(has_variance, stdtr(size - 1, -t), 1.0), 0.0)


def _usable_differences(
    costs: Costs, peeks: Sequence[int]
) -> tuple[Float[ndarray, "arm other objective seed"], Int[ndarray, "arm other objective peek"]]:
    """Cost of the other arm minus that of the arm, usable seeds first, and the number of usable seeds at each peek."""
    differences = costs[None] - costs[:, None]
    is_missing = np.isnan(differences)
    counts = np.stack([(~is_missing[..., :n]).sum(axis=-1) for n in peeks], axis=-1)
    order = np.argsort(is_missing, axis=-1, kind="stable")
    usable = np.take_along_axis(np.where(is_missing, 0.0, differences), order, axis=-1)
    return usable, counts
