"""Places of differences and their intervals on an axis with zero in the middle, as in a forest plot."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from core.statistics.paired import Estimate

MAX_REACH = 4.0
"""An interval is cut where it is this many times as far from zero as the largest mean difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an interval is drawn, in percent of the width of the plot."""

    mean: float
    lo: float
    hi: float
    is_cut: tuple[bool, bool]
    """Whether the interval goes on at its lower and upper end."""


@dataclass(frozen=True, slots=True)
class ForestAxis:
    """An axis of differences."""

    reach: float
    """Difference at the right end of the axis."""

    @classmethod
    def of(cls, estimates: Iterable[Estimate], margins: Iterable[float] = ()) -> "ForestAxis":
        """The axis on which the means, the margins and most of the intervals fit."""
        means, ends = [0.0, *margins], [0.0]
        for estimate in estimates:
            means.append(abs(estimate.mean))
            if estimate.lo is not None and estimate.hi is not None:
                ends += [abs(estimate.lo), abs(estimate.hi)]
        return cls(1.08 * max(*means, min(max(ends), MAX_REACH * max(means))) or 1.0)

    @property
    def ticks(self) -> tuple[tuple[str, float], ...]:
        """Three differences as text, and their places in percent."""
        target = 0.75 * self.reach
        power = 10.0 ** math.floor(math.log10(target))
        tick = next(step * power for step in (5.0, 2.0, 1.0) if step * power <= target)
        return tuple((f"{value:+.6g}" if value else "0", self.percent(value)) for value in (-tick, 0.0, tick))

    def percent(self, difference: float) -> float:
        """Place of a difference in percent of the width."""
        return round(50 + 50 * difference / self.reach, 2)

    def place(self, estimate: Estimate) -> Place:
        """Place of an estimate; a point if it has no interval."""
        lo = estimate.mean if estimate.lo is None else estimate.lo
        hi = estimate.mean if estimate.hi is None else estimate.hi
        return Place(
            mean=self.percent(estimate.mean),
            lo=self.percent(max(lo, -self.reach)),
            hi=self.percent(min(hi, self.reach)),
            is_cut=(lo < -self.reach, hi > self.reach),
        )
