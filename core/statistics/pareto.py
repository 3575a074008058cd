"""Pareto fronts of points, such as the means of arms, and their hypervolumes.

An arm dominates another if it is at least as good in every objective and better in at least one. Points that are equal
in all objectives do not dominate each other, so both are on the front. The hypervolume is the volume of objective space
that is dominated by the front and bounded by a reference point (Zitzler and Thiele, 1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import moocore
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

Goal = Literal["minimize", "maximize"]
"""Direction of an objective."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Ideal and reference value of an objective, in the unit of its metric."""

    ideal: float
    reference: float
    """Coordinate of the hypervolume's reference point."""


def non_dominated(points: Float[ndarray, "point objective"], directions: Sequence[Goal]) -> Bool[ndarray, " point"]:
    """Mask of the points that no other point dominates.

    Raises:
        ValueError: the numbers of columns and objectives differ, or a value is not finite.
    """
    maximise = _maximised_objectives(points, directions)
    if len(points) == 0:
        return np.zeros(0, dtype=bool)
    if points.shape[1] == 1:
        best = points.max() if maximise[0] else points.min()
        return np.asarray(points[:, 0] == best)
    return np.asarray(moocore.is_nondominated(points, maximise=maximise, keep_weakly=True), dtype=bool)


def hypervolume(
    points: Float[ndarray, "point objective"], directions: Sequence[Goal], reference: Sequence[float]
) -> float:
    """Volume that is dominated by the points and bounded by a reference point.

    A point that is not better than the reference in every objective adds nothing.

    Raises:
        ValueError: the numbers of columns, objectives and references differ, or a value is not finite.
    """
    maximise = _maximised_objectives(points, directions)
    if len(reference) != points.shape[1]:
        raise ValueError(f"one reference per objective is needed: {points.shape[1]} objectives, got {len(reference)}")
    signs = np.where(maximise, -1.0, 1.0)
    costs, worst = points * signs, np.asarray(reference, dtype=np.float64) * signs
    inside = costs[(costs < worst).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=worst)) if len(inside) else 0.0


def _maximised_objectives(points: Float[ndarray, "point objective"], directions: Sequence[Goal]) -> list[bool]:
    """Whether each objective is maximised; raises ValueError if the points do not fit the objectives."""
    if points.ndim != 2 or points.shape[1] != len(directions) or not directions:
        raise ValueError(f"points of shape {points.shape} do not fit {len(directions)} objectives; one column each")
    if not np.isfinite(points).all():
        raise ValueError("objectives must be finite; leave out the arms that lack one")
    return [direction == "maximize" for direction in directions]
