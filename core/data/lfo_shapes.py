"""LFO shapes as drawn in the synthesizer Vital: points joined by exponential segments.

Between two points, with t = (x - x0) / (x1 - x0) and the power p of the segment's first point:
s = (e^(p t) - 1) / (e^p - 1), or s = t where |p| < 0.01, and y = y0 + s (y1 - y0).
Two points at the same x are a jump. Reference: Vital (Tytel 2020); Mitcheltree, Tan, Reiss (2025), arXiv 2510.06204.
tests/real compares the shapes with sounds rendered by Vital.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError

MAX_POWER = 10.0
"""Largest power that `draw_lfo` draws; a segment of power 10 is almost a corner."""
MAX_POINTS = 100
"""Most points of a shape, as in Vital."""
POWER_LIMIT = 100.0
"""Largest magnitude of the power of a segment; Vital's powers end at 20."""
_STRAIGHT_POWER = 0.01
"""A segment with a smaller power is straight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLfo:
    """One cycle of an LFO over x in 0..1."""

    points: tuple[tuple[float, float], ...]
    """(x, y) from x = 0 to x = 1; x does not decrease, y lies in 0..1."""
    powers: tuple[float, ...]
    """Power of each segment: 0 is straight, positive values start slowly, negative ones fast."""

    def __post_init__(self) -> None:
        x = [point[0] for point in self.points]
        if not 2 <= len(x) <= MAX_POINTS:
            raise DataError(f"an LFO needs 2 or more points, at most {MAX_POINTS}; got {len(x)}")
        # NaN fulfils no comparison.
        if x[0] != 0.0 or x[-1] != 1.0 or not all(a <= b for a, b in pairwise(x)):
            raise DataError(f"an LFO needs points with x rising from 0 to 1; got x = {_shown(x)}")
        if not all(0.0 <= y <= 1.0 for _, y in self.points):
            raise DataError(f"an LFO's values lie in 0..1; got {_shown([y for _, y in self.points])}")
        if len(self.powers) != len(x) - 1:
            raise DataError(f"an LFO has one power per segment, here {len(x) - 1}; got {len(self.powers)}")
        if not all(abs(power) <= POWER_LIMIT for power in self.powers):
            raise DataError(f"the powers of an LFO lie in {-POWER_LIMIT:g}..{POWER_LIMIT:g}; got {_shown(self.powers)}")

    def at(self, x: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """Values in 0..1 at positions x; at a jump the value after it, outside of 0..1 the first or last value."""
        knots = np.array([point[0] for point in self.points])
        values = np.array([point[1] for point in self.points])
        powers = np.array(self.powers)
        positions = np.clip(x, 0.0, 1.0)
        segment = np.clip(np.searchsorted(knots, positions, side="right") - 1, 0, len(powers) - 1)
        width = knots[segment + 1] - knots[segment]
        t = np.where(width > 0, (positions - knots[segment]) / np.where(width > 0, width, 1.0), 1.0)
        power = powers[segment]
        straight = np.abs(power) < _STRAIGHT_POWER
        nonzero_power = np.where(straight, 1.0, power)
        share = np.where(straight, t, np.expm1(nonzero_power * t) / np.expm1(nonzero_power))
        return np.asarray(values[segment] + share * (values[segment + 1] - values[segment]))

    def frames(self, n_frames: int, cycles: int = 1) -> Float[ndarray, " frame"]:
        """A number of cycles at `n_frames` equally spaced times; the last one is the end of the last cycle."""
        n_steps = max(n_frames - 1, 1)
        position = np.arange(n_frames) * cycles % n_steps / n_steps
        position[n_steps:] = 1.0
        return self.at(position)


def draw_lfo(rng: np.random.Generator) -> DrawnLfo:
    """A random shape similar to those drawn by hand.

    It has 2 to 8 points. Segment widths are the mean of equal and random widths; one in four shapes with 4 or more
    points has a jump. Values cover most of 0..1, as in presets: the lowest lies in 0..0.1, the highest in 0.9..1. Three
    segments in ten are straight, the powers of the others are normal with standard deviation 4, clipped to -10..10.
    """
    n_points = int(rng.integers(2, 9))
    n_segments = n_points - 1
    widths = 0.5 / n_segments + 0.5 * rng.dirichlet(np.ones(n_segments))
    x = np.concatenate([[0.0], np.cumsum(widths)])
    x[-1] = 1.0
    if n_segments >= 3 and rng.random() < 0.25:
        jump = int(rng.integers(1, n_segments - 1))
        x[jump + 1] = x[jump]
    y = rng.random(n_points)
    low, high = 0.1 * rng.random(), 1.0 - 0.1 * rng.random()
    y = low + (high - low) * (y - y.min()) / (y.max() - y.min())
    bends = np.clip(4.0 * rng.standard_normal(n_segments), -MAX_POWER, MAX_POWER)
    powers = np.where(rng.random(n_segments) < 0.3, 0.0, bends)
    return DrawnLfo(
        points=tuple(zip(x.tolist(), np.clip(y, 0.0, 1.0).tolist(), strict=True)), powers=tuple(powers.tolist())
    )


def _shown(values: Sequence[float]) -> str:
    """The first values for an error message."""
    first = ", ".join(f"{value:g}" for value in values[:8])
    return f"{first}, ..." if len(values) > 8 else first
