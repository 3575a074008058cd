"""Pareto fronts over arm means, and the hypervolume they dominate.

An arm dominates another where it is at least as good in every objective and better in one. Points that are equal in
all objectives do not dominate each other, so both stay on the front. The hypervolume is the volume of objective space
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """The box of one objective: its ideal value, and the fixed reference that the hypervolume is measured from."""

    ideal: float
    reference: float
    reason: str


@dataclass(frozen=True, slots=True)
class FrontStatistics:
    """How large a front is. `share` is the hypervolume as a share of the box between ideal and reference."""

    objectives: tuple[str, ...]
    arms: tuple[str, ...]
    hypervolume: float
    share: float
    bounds: tuple[Bounds, ...]

    @property
    def size(self) -> int:
        return len(self.arms)


def non_dominated(points: Float[ndarray, "point objective"], directions: Sequence[Goal]) -> Bool[ndarray, " point"]:
    """True for each point that no other point dominates."""
    maximise = _maximise(points, directions)
    if len(points) == 0:
        return np.zeros(0, dtype=bool)
    if points.shape[1] == 1:
        best = points.max() if maximise[0] else points.min()
        return np.asarray(points[:, 0] == best)
    return np.asarray(moocore.is_nondominated(points, maximise=maximise, keep_weakly=True), dtype=bool)


def hypervolume(
    points: Float[ndarray, "point objective"], directions: Sequence[Goal], reference: Sequence[float]
) -> float:
    """Volume between the points and a reference; a point that is worse than it in any objective adds nothing."""
    maximise = _maximise(points, directions)
    if len(reference) != points.shape[1]:
        raise ValueError(f"one reference per objective is needed: {points.shape[1]} objectives, got {len(reference)}")
    signs = np.where(maximise, -1.0, 1.0)
    costs, worst = points * signs, np.asarray(reference, dtype=np.float64) * signs
    inside = costs[(costs < worst).all(axis=1)]
    return float(moocore.hypervolume(inside, ref=worst)) if len(inside) else 0.0


def metric_bounds(metric: str, direction: Goal, frame_rate: float) -> Bounds:
    """The box of one objective; it depends on the plan alone, so that it stays where it is while trials finish.

    Bounded metrics take their own bounds. The others take what a useless estimate would score: white noise in place of
    a curve, about silence in place of a sound.
    """
    group, name = metric.split(".")[:2]
    match (group, name):
        # Measured on the small preset's synthetic test sounds, estimate all zeros: audio.mss 5.06, audio.mel 12.5.
        case ("audio", "mss"):
            worst, reason = 5.0, "about the distance of a silent estimate"
        case ("audio", "mel"):
            worst, reason = 12.5, "about the distance of a silent estimate"
        case ("curves", "l1"):
            worst, reason = 0.5, "the largest error of a constant 0.5"
        case ("curves", "l1_diff"):
            worst, reason = 1 / 6, "white noise against a smooth curve"
        case ("interpretability", "tv"):
            worst, reason = frame_rate / 3, "white noise: a third of the range from frame to frame"
        case ("cost", "train_s"):
            worst, reason = 600.0, "ten minutes"
        case ("curves", "pcc"):
            return Bounds(1.0, 0.0, "an uncorrelated curve") if direction == "maximize" else Bounds(0.0, 1.0, "bound")
        case _:
            worst, reason = 1.0, "the metric's own bound"
    return Bounds(0.0, worst, reason) if direction == "minimize" else Bounds(worst, 0.0, reason)


def _maximise(points: Float[ndarray, "point objective"], directions: Sequence[Goal]) -> list[bool]:
    if points.ndim != 2 or points.shape[1] != len(directions) or not directions:
        raise ValueError(f"points of shape {points.shape} do not fit {len(directions)} objectives; one column each")
    if not np.isfinite(points).all():
        raise ValueError("objectives must be finite; leave out the arms that lack one")
    return [direction == "maximize" for direction in directions]
