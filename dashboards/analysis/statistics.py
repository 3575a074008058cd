"""Means over seeds with their intervals, and comparisons of two arms seed by seed.

Intervals are Student's t: at the 2 to 10 seeds of a study its coverage is close to 95 %, where bootstrap intervals
are too narrow. Arms share their seeds, so two arms are compared by the differences within each seed. The test of
such a comparison is the exact sign-flip test; n pairs cannot take its p below 2 / 2^n, so below 6 pairs none is made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
MIN_PAIRS_FOR_TEST = 6
"""The fewest pairs with which a two-sided sign-flip test can fall below 0.05: 2 / 2^6 = 0.031."""
EXACT_PAIRS = 12
"""Up to this many pairs every sign pattern is counted; above, a fixed random sample of patterns is."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % t interval; no interval with one seed."""

    mean: float
    lo: float | None
    hi: float | None
    n: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One arm minus another over the seeds that both finished."""

    seeds: tuple[int, ...]
    estimate: Estimate
    p_value: float | None
    """Two-sided sign-flip test; None where there are too few pairs for one."""

    @property
    def excludes_zero(self) -> bool:
        """True where the interval of the difference lies on one side of zero."""
        lo, hi = self.estimate.lo, self.estimate.hi
        return lo is not None and hi is not None and (lo > 0 or hi < 0)


def mean_with_interval(values: Sequence[float]) -> Estimate:
    """The mean of at least one value, with its t interval from two values on.

    Raises:
        ValueError: there is no value, or one is not finite.
    """
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"a mean needs at least one value, all finite; got {list(values)}")
    array = np.asarray(values, dtype=np.float64)
    mean, n = float(array.mean()), len(array)
    if n < 2:
        return Estimate(mean, None, None, n)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * array.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def paired_difference(values: Mapping[int, float], reference: Mapping[int, float]) -> PairedDifference | None:
    """`values` minus `reference`, seed by seed over the seeds they share; None where they share none."""
    seeds = tuple(sorted(values.keys() & reference.keys()))
    if not seeds:
        return None
    differences = [values[seed] - reference[seed] for seed in seeds]
    return PairedDifference(seeds, mean_with_interval(differences), sign_flip_p(differences))


def sign_flip_p(differences: Sequence[float]) -> float | None:
    """Two-sided p of the hypothesis that each difference is as likely with the other sign.

    None below `MIN_PAIRS_FOR_TEST` pairs, where no outcome whatever could fall below 0.05.
    """
    n = len(differences)
    if n < MIN_PAIRS_FOR_TEST:
        return None
    result = stats.permutation_test(
        (np.asarray(differences, dtype=np.float64),),
        np.mean,
        permutation_type="samples",
        n_resamples=2 ** min(n, EXACT_PAIRS),
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics, 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def seed_caveat(n_seeds: int) -> str:
    """A sentence on the claims that this many paired seeds support."""
    if n_seeds < 1:
        return "No seed has finished: there is nothing to compare yet."
    if n_seeds == 1:
        return (
            "One seed: no interval can be given, and a difference between arms may be the seed's own. "
            "Read it as an example, not as evidence."
        )
    if n_seeds < MIN_PAIRS_FOR_TEST:
        factor = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n_seeds - 1))
        return (
            f"{n_seeds} seeds: indication, not evidence. A 95 % interval spans {factor:.1f} standard errors to each "
            f"side, and a paired test over {n_seeds} pairs cannot reach p < 0.05 whatever the outcome "
            f"(its smallest p is {2 / 2**n_seeds:.3g}). {MIN_PAIRS_FOR_TEST} seeds are the fewest for one comparison, "
            "8 or more for several."
        )
    return (
        f"{n_seeds} seeds: intervals are 95 % Student-t intervals; paired comparisons are tested by sign flips "
        "and adjusted for their number (Holm)."
    )
