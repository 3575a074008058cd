"""Mean, median, interquartile mean and 95 % interval of values over seeds, for many metrics at once.

The interval is one of the mean. With fewer than 20 seeds it is Student's t interval, clipped to the range of the
metric: the true mean lies in the range, so clipping keeps the coverage. For correlations it is computed on Fisher's
z = atanh(r) scale (R. A. Fisher, 1915): atanh(m) +- t s / (sqrt(n) (1 - m^2)) for the mean m and the standard deviation
s of n values, by the delta method, and mapped back. It contains the mean and stays within -1..1.

From 20 seeds on it is a bias-corrected and accelerated (BCa) bootstrap interval (B. Efron, 1987), which needs no normal
distribution. Its level is raised so that for normal values it is as wide as the t interval (T. Hesterberg, "What
teachers should know about the bootstrap", 2015, arXiv 1411.5279): at the nominal level it is too narrow for means of
few values, with a coverage of about 93 % for 20.

The interquartile mean drops a quarter of the values at each end (R. Agarwal et al., 2021, arXiv 2108.13264).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.statistics.paired import Estimate, t_factor
from core.statistics.support import REAL, Support

MIN_SEEDS_FOR_BOOTSTRAP = 20
"""Smallest number of values whose interval is a bootstrap interval."""
N_RESAMPLES = 5000
"""Number of bootstrap samples."""
_ROWS_AT_ONCE = 256
"""Number of rows whose bootstrap samples are in memory at once: 10 MB."""
IntervalMethod = Literal["t", "fisher z", "bca"]
"""Method of an interval: Student's t, the same on Fisher's z scale, or BCa bootstrap."""
Ends = tuple[Float[ndarray, " row"], Float[ndarray, " row"]]
"""Lower and upper ends of intervals."""


@dataclass(frozen=True, slots=True)
class Summary(Estimate):
    """Mean over seeds with its 95 % interval, median and interquartile mean."""

    median: float
    iqm: float
    """Mean without the lowest and the highest quarter of the values, rounded down to whole values."""
    method: IntervalMethod | None
    """Method of the interval; None if there is none."""


def summarise(values: Sequence[float], support: Support = REAL) -> Summary:
    """Summary of at least one value.

    Args:
        values: Values over seeds.
        support: Range of the values.

    Raises:
        ValueError: there is no value, or one is not finite.
    """
    return summarise_all({"": values}, {"": support})[""]


def summarise_all(
    values: Mapping[str, Sequence[float]],
    supports: Mapping[str, Support] | None = None,
    *,
    with_intervals: bool = True,
) -> dict[str, Summary]:
    """Summaries of the values of each metric, computed together for those with the same number of values.

    Args:
        values: At least one value over seeds for each metric.
        supports: Range of the values by metric; any number for those that are not in it.
        with_intervals: Whether there are intervals, which take most of the time.

    Raises:
        ValueError: a metric has no value, or one is not finite.
    """
    supports = supports or {}
    rows_of: dict[tuple[int, bool], list[str]] = {}
    for name, row in values.items():
        rows_of.setdefault((len(row), supports.get(name, REAL).is_correlation), []).append(name)
    found: dict[str, Summary] = {}
    for (n, is_correlation), names in rows_of.items():
        rows = np.asarray([values[name] for name in names], dtype=np.float64)
        if n < 1 or not np.isfinite(rows).all():
            raise ValueError(
                f"a mean needs at least one value, all finite; got {[list(values[name]) for name in names]}"
            )
        bounds = [supports.get(name, REAL) for name in names]
        summaries = _summaries(rows, bounds, is_correlation=is_correlation, with_intervals=with_intervals)
        found.update(zip(names, summaries, strict=True))
    return {name: found[name] for name in values}


def _summaries(
    rows: Float[ndarray, "row seed"], supports: Sequence[Support], *, is_correlation: bool, with_intervals: bool
) -> Iterator[Summary]:
    """Summary of each row."""
    n = rows.shape[1]
    ordered = np.sort(rows, axis=1)
    means = rows.mean(axis=1)
    medians = np.median(ordered, axis=1)
    iqms = ordered[:, n // 4 : n - n // 4].mean(axis=1)
    plain = (means.tolist(), medians.tolist(), iqms.tolist())
    if n < 2 or not with_intervals:
        for mean, median, iqm in zip(*plain, strict=True):
            yield Summary(mean, None, None, n, median, iqm, None)
        return
    low, high, method = _intervals(rows, means, is_correlation=is_correlation)
    low = np.maximum(low, [support.low for support in supports])
    high = np.minimum(high, [support.high for support in supports])
    for mean, median, iqm, lo, hi in zip(*plain, low.tolist(), high.tolist(), strict=True):
        yield Summary(mean, lo, hi, n, median, iqm, method)


def _intervals(
    rows: Float[ndarray, "row seed"], means: Float[ndarray, " row"], *, is_correlation: bool
) -> tuple[Float[ndarray, " row"], Float[ndarray, " row"], IntervalMethod]:
    """Ends of the interval of each mean, and the method; there are at least two values in each row."""
    n = rows.shape[1]
    if n >= MIN_SEEDS_FOR_BOOTSTRAP:
        return (*_bca_intervals(rows, means), "bca")
    half_width = t_factor(n) * rows.std(axis=1, ddof=1) / math.sqrt(n)
    if not is_correlation:
        return means - half_width, means + half_width, "t"
    # z of -1 and 1 is infinite; all values are equal then, or the range of the metric is wrong.
    inside = np.clip(means, -1 + 1e-15, 1 - 1e-15)
    z, z_half_width = np.arctanh(inside), half_width / (1 - inside**2)
    has_width = half_width > 0
    low = np.where(has_width, np.tanh(z - z_half_width), means)
    return low, np.where(has_width, np.tanh(z + z_half_width), means), "fisher z"


def _bca_intervals(rows: Float[ndarray, "row seed"], means: Float[ndarray, " row"]) -> Ends:
    """BCa bootstrap intervals of the means; a row of equal values has an interval without width."""
    from scipy import stats

    low, high = means.copy(), means.copy()
    varying = np.flatnonzero(np.ptp(rows, axis=1) > 0)
    for start in range(0, len(varying), _ROWS_AT_ONCE):
        block = varying[start : start + _ROWS_AT_ONCE]
        interval = stats.bootstrap(
            (np.arange(rows.shape[1]),),
            partial(_means_of_samples, rows[block]),
            axis=-1,
            vectorized=True,
            confidence_level=_bootstrap_level(rows.shape[1]),
            n_resamples=N_RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        low[block], high[block] = interval.low, interval.high
    return low, high


def _means_of_samples(
    rows: Float[ndarray, "row seed"],
    samples: Int[ndarray, "*sample index"],
    axis: int = -1,  # noqa: ARG001
) -> Float[ndarray, "row *sample"]:
    """Mean of each row over samples of its seeds, given by their indices in the last axis, as scipy passes them.

    All rows share the samples, so their means are one matrix product.
    """
    counts = (samples[..., None] == np.arange(rows.shape[1])).sum(axis=-2)
    return np.moveaxis(counts @ rows.T / samples.shape[-1], -1, 0)


@cache
def _bootstrap_level(n: int) -> float:
    """Level at which a bootstrap interval of the mean of `n` normal values is as wide as the 95 % t interval."""
    from scipy import stats

    return 1 - 2 * float(stats.norm.sf(t_factor(n) * math.sqrt(n / (n - 1))))
