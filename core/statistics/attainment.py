"""Empirical attainment: in which share of the seeds arms reach a pair of objective values or better.

Every seed of a study has its own front, that of the arms' values at this seed. A point is attained by a seed if a point
of its front is at least as good in both objectives. The attainment surface of a share is the boundary of what at least
this share of the seeds attains: that of half of the seeds is a median front. The difference of the shares that two
families of arms attain says where one of them is ahead.

V. Grunert da Fonseca, C. M. Fonseca and A. O. Hall, "Inferential performance assessment of stochastic optimisers and
the attainment function", EMO 2001.
M. López-Ibáñez, L. Paquete and T. Stützle, "Exploratory analysis of stochastic local search algorithms in biobjective
optimization", 2010: differences of attainment functions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.statistics.pareto import Bounds, Goal, non_dominated

SHARES = (0.25, 0.5, 0.75)
"""Shares of the seeds whose surfaces are computed, beside that of one seed and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttainmentSurface:
    """Boundary of what a number of seeds attains."""

    n_attaining: int
    """Number of seeds that attain every point of the surface."""
    n_seeds: int
    corners: Float[ndarray, "corner 2"]
    """Points that no other attained point dominates, by increasing first objective, without those that are not better
    than the reference in both objectives."""
    steps: Float[ndarray, "vertex 2"]
    """Vertices of the surface as a curve to draw, from the reference of the second objective to that of the first;
    empty if there are no corners."""

    @property
    def share(self) -> float:
        """Share of the seeds that attain it."""
        return self.n_attaining / self.n_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class AttainmentDifference:
    """A rectangle of objective space in which two families are attained by different shares of the seeds."""

    low: tuple[float, float]
    """Smallest values of the two objectives."""
    high: tuple[float, float]
    """Largest values of the two objectives."""
    difference: float
    """Share of the seeds in which the first family attains it minus that in which the second one does."""


def attainment_surfaces(
    values: Float[ndarray, "arm objective seed"], directions: Sequence[Goal], bounds: Sequence[Bounds]
) -> tuple[AttainmentSurface, ...]:
    """Surfaces of one seed, of a quarter, a half and three quarters of the seeds, and of all, without repeated ones.

    Args:
        values: Values of the arms in two objectives, finite.
        directions: Directions of the objectives.
        bounds: Ideal and reference value of each objective.

    Returns:
        The surfaces, by increasing number of seeds that attain them.

    Raises:
        ValueError: there are not two objectives, or no arms or seeds.
    """
    signs, reference = _signs(directions), np.asarray([bound.reference for bound in bounds])
    _check(values, directions)
    n_seeds = values.shape[-1]
    counts = sorted({1, n_seeds, *(math.ceil(share * n_seeds) for share in SHARES)})
    # Half a seed less, as a percentage is rounded up to whole seeds.
    percentages = [100 * (count - 0.5) / n_seeds for count in counts]
    attained = moocore.eaf(*_fronts(values, signs), percentiles=percentages)
    return tuple(
        _surface(attained[np.isclose(attained[:, 2], percentage), :2], signs, reference, count, n_seeds)
        for percentage, count in zip(percentages, counts, strict=True)
    )


def attainment_differences(
    first: Float[ndarray, "arm objective seed"],
    second: Float[ndarray, "other objective other_seed"],
    directions: Sequence[Goal],
    bounds: Sequence[Bounds],
) -> tuple[AttainmentDifference, ...]:
    """Where two families of arms are attained by different shares of the same seeds.

    Args:
        first: Values of the arms of the first family in two objectives, finite.
        second: Values of those of the second family, for the same seeds.
        directions: Directions of the objectives.
        bounds: Ideal and reference value of each objective; rectangles end at the reference.

    Returns:
        Rectangles that do not overlap, without those of equal shares.

    Raises:
        ValueError: there are not two objectives, no arms or seeds, or the numbers of seeds differ.
    """
    _check(first, directions)
    _check(second, directions)
    n_seeds = first.shape[-1]
    if second.shape[-1] != n_seeds:
        raise ValueError(f"families are compared over the same seeds; got {n_seeds} and {second.shape[-1]}")
    signs = _signs(directions)
    worst = signs * np.asarray([bound.reference for bound in bounds])
    sets = [np.column_stack(_fronts(values, signs)) for values in (first, second)]
    found = []
    for *corners, count in moocore.eafdiff(*sets, rectangles=True):
        low, high = np.asarray(corners[:2]), np.minimum(corners[2:], worst)
        if count == 0 or not (low < high).all():
            continue
        ends = np.sort(signs * np.stack([low, high]), axis=0)
        found.append(
            AttainmentDifference(
                low=(float(ends[0, 0]), float(ends[0, 1])),
                high=(float(ends[1, 0]), float(ends[1, 1])),
                difference=float(count) / n_seeds,
            )
        )
    return tuple(found)


# ---------------------------------------------------------------------------------------------------------------------


def _check(values: Float[ndarray, "arm objective seed"], directions: Sequence[Goal]) -> None:
    if values.shape[1] != 2 or len(directions) != 2 or 0 in values.shape:
        raise ValueError(f"attainment needs two objectives, and arms with seeds; got values of shape {values.shape}")


def _signs(directions: Sequence[Goal]) -> Float[ndarray, " objective"]:
    return np.asarray([1.0 if direction == "minimize" else -1.0 for direction in directions])


def _fronts(
    values: Float[ndarray, "arm objective seed"], signs: Float[ndarray, " objective"]
) -> tuple[Float[ndarray, "point objective"], Float[ndarray, " point"]]:
    """Costs of the front of each seed, seed after seed, and the number of the seed of each point."""
    fronts = []
    for costs in np.moveaxis(values * signs[:, None], -1, 0):
        fronts.append(costs[non_dominated(costs, ["minimize", "minimize"])])
    sets = np.repeat(np.arange(len(fronts), dtype=np.float64), [len(front) for front in fronts])
    return np.concatenate(fronts), sets


def _surface(
    costs: Float[ndarray, "point 2"],
    signs: Float[ndarray, " objective"],
    reference: Float[ndarray, " objective"],
    n_attaining: int,
    n_seeds: int,
) -> AttainmentSurface:
    """The surface with these corners as costs."""
    worst = signs * reference
    costs = np.unique(costs[(costs < worst).all(axis=1)], axis=0)
    corners, steps = costs, costs
    if len(costs):
        # From one corner to the next the first cost grows at the second cost of the former.
        between = np.column_stack([costs[1:, 0], costs[:-1, 1]])
        inner = np.stack([costs[:-1], between], axis=1).reshape(-1, 2)
        steps = np.concatenate([[[costs[0, 0], worst[1]]], inner, costs[-1:], [[worst[0], costs[-1, 1]]]])
    corners = corners * signs
    return AttainmentSurface(
        n_attaining=n_attaining,
        n_seeds=n_seeds,
        corners=corners[np.argsort(corners[:, 0], kind="stable")],
        steps=steps * signs,
    )
