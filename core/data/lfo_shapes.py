"""Drawn LFO shapes as the synthesizer Vital plays them: points joined by exponential segments.

Between two points, with t = (x - x0) / (x1 - x0) and the power p of the segment's first point:
s = (e^(p t) - 1) / (e^p - 1), or s = t where |p| < 0.01, and y = y0 + s (y1 - y0).
Two points at one x are a jump. The rule is the public one of Vital (Tytel, 2020), restated in Mitcheltree, Tan, Reiss,
arXiv 2510.06204; played by Vital itself in tests/real.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError

MAX_POWER = 10.0
"""Steepest segment that is drawn; at 10 a segment is a corner."""
_STRAIGHT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLfo:
    """One cycle of an LFO over x in 0..1, played once."""

    points: tuple[tuple[float, float], ...]
    """(x, y) from x = 0 to x = 1, x never falling, y in 0..1 and up is more."""
    powers: tuple[float, ...]
    """Bend of the segment after each point but the last: 0 is straight, above 0 starts slowly, below 0 starts fast."""

    def __post_init__(self) -> None:
        x = [point[0] for point in self.points]
        if len(x) < 2 or x[0] != 0.0 or x[-1] != 1.0 or any(b < a for a, b in pairwise(x)):
            raise DataError(f"an LFO needs 2 or more points with x rising from 0 to 1; got x = {x}")
        if not all(0.0 <= y <= 1.0 for _, y in self.points):
            raise DataError(f"an LFO's values lie in 0..1; got {[y for _, y in self.points]}")
        if len(self.powers) != len(x) - 1:
            raise DataError(f"an LFO has one power per segment, here {len(x) - 1}; got {len(self.powers)}")

    def at(self, x: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """The value at each place, in 0..1; after a jump's place the new value holds, past the ends the end values."""
        knots = np.array([point[0] for point in self.points])
        values = np.array([point[1] for point in self.points])
        powers = np.array(self.powers)
        places = np.clip(x, 0.0, 1.0)
        segment = np.clip(np.searchsorted(knots, places, side="right") - 1, 0, len(powers) - 1)
        width = knots[segment + 1] - knots[segment]
        t = np.where(width > 0, (places - knots[segment]) / np.where(width > 0, width, 1.0), 1.0)
        bend = powers[segment]
        straight = np.abs(bend) < _STRAIGHT
        safe = np.where(straight, 1.0, bend)
        share = np.where(straight, t, np.expm1(safe * t) / np.expm1(safe))
        return np.asarray(values[segment] + share * (values[segment + 1] - values[segment]))

    def frames(self, n_frames: int) -> Float[ndarray, " frame"]:
        """The whole cycle at `n_frames` equal steps, both ends included."""
        return self.at(np.linspace(0.0, 1.0, n_frames))


def draw_lfo(rng: np.random.Generator) -> DrawnLfo:
    """A random shape of the kind people draw.

    2 to 8 points; segment widths half equal and half random; one shape in four has a jump; values fill most of 0..1
    (the lowest in 0..0.1, the highest in 0.9..1), as presets do; three segments in ten are straight, the others have a
    normal power of standard deviation 4 within -10..10.
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
