"""Two-level fractional factorial design: a balanced part of all combinations of two values per dimension."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigError
from search_spaces.designs.base import Design
from search_spaces.designs.fractions import LETTERS, Fraction, parsed_fraction, smallest_fraction
from search_spaces.dimensions import Dimension
from search_spaces.options import Option
from search_spaces.ranges import Range
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm

Resolution = Literal["III", "IV", "V"]
"""Resolution of a fraction, see `search_spaces.designs.fractions`."""
RESOLUTIONS: tuple[Resolution, ...] = ("III", "IV", "V")
_LOWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionalFactorial(Design):
    """Design that estimates main effects from few runs: all pairs of factors are balanced, but some effects confounded.

    Factors are the dimensions with two values or with a range, of which both ends are the levels; the first value is
    level -1. Runs are a part of the full factorial design, under the same names.
    """

    space: Space
    resolution: Resolution | None = None
    """Lowest admitted resolution; None for IV, or for that of the generators."""
    generators: tuple[str, ...] = ()
    """Generators such as `D = ABC`, with the factors named by letters in the order of the space; empty for the fewest
    runs that have the resolution."""

    @property
    def n_arms(self) -> int:
        return self.fraction().n_runs

    def build(self) -> Sequence[Arm]:
        factors = {dimension.path: index for index, dimension in enumerate(self.factors())}
        return self.space.arms_of(
            [
                Point(
                    {
                        dimension.path: _level(dimension, levels[factors[dimension.path]])
                        if dimension.path in factors
                        else dimension.domain.corners()[0]
                        for dimension in self.space.dimensions
                    }
                )
                for levels in self.fraction().runs()
            ]
        )

    def factors(self) -> list[Dimension]:
        """The dimensions with two levels, in the order of the letters A, B, C, ...

        Raises:
            ConfigError: a dimension is conditional or has more than two values, or there is no or are too many factors.
        """
        for dimension in self.space.dimensions:
            if dimension.when:
                raise ConfigError(
                    f"a fractional factorial design combines all factors, and {dimension.path} has a condition; "
                    "leave out its `when`, or take a full_factorial design"
                )
            if not isinstance(dimension.domain, Range) and dimension.domain.size > 2:
                raise ConfigError(
                    f"a fractional factorial design has two levels per factor; {dimension.path} has "
                    f"{dimension.domain.size} values; give it two, or take a full_factorial or space_filling design"
                )
        factors = [dimension for dimension in self.space.dimensions if len(dimension.domain.corners()) == 2]
        if not 1 <= len(factors) <= len(LETTERS):
            raise ConfigError(
                f"a fractional factorial design has 1 to {len(LETTERS)} dimensions with two levels; "
                f"got {len(factors)}; change [[space]]"
            )
        return factors

    def fraction(self) -> Fraction:
        """The fraction of all combinations that runs.

        Raises:
            ConfigError: the factors or generators are invalid, or the generators have a lower resolution.
        """
        n_factors = len(self.factors())
        if not self.generators:
            return smallest_fraction(n_factors, _number(self.resolution or "IV"))
        fraction = parsed_fraction(list(self.generators), n_factors)
        if self.resolution and fraction.resolution < _number(self.resolution):
            raise ConfigError(
                f"generators {', '.join(self.generators)} have resolution {_roman(fraction)}; got "
                f"resolution = {self.resolution!r}; lower it, or change the generators"
            )
        return fraction

    def aliases(self) -> tuple[tuple[str, ...], ...]:
        """Groups of effects that the data cannot tell apart, as text such as `width`, `lr x stride` or `-lr x stride`.

        They are main effects and products of two factors.
        """
        paths = [dimension.path for dimension in self.factors()]
        counts = Counter(path.rpartition(".")[2] for path in paths)
        names = [last if counts[last := path.rpartition(".")[2]] == 1 else path for path in paths]
        return tuple(
            tuple("-" * (sign < 0) + " x ".join(names[index] for index in effect) for sign, effect in group)
            for group in self.fraction().aliases()
        )

    def remarks(self) -> tuple[str, ...]:
        """What the design leaves out, and the effects that it confounds."""
        fraction = self.fraction()
        n_factors = len(fraction.columns)
        if not fraction.generators:
            return (f"the fractional factorial design runs all {fraction.n_runs} combinations of {n_factors} factors",)
        summary = (
            f"{fraction.n_runs} of the {2**n_factors} combinations of {n_factors} factors run (resolution "
            f"{_roman(fraction)})"
        )
        if not (aliases := self.aliases()):
            return (f"{summary}: main effects and products of two factors can be told apart",)
        groups = "; ".join(" = ".join(group) for group in aliases)
        return (f"{summary}; effects that cannot be told apart: {groups}",)


def _level(dimension: Dimension, level: int) -> Option:
    """The option of a level, -1 or 1."""
    return dimension.domain.corners()[0 if level < 0 else 1]


def _number(resolution: Resolution) -> int:
    return _LOWEST + RESOLUTIONS.index(resolution)


def _roman(fraction: Fraction) -> str:
    """The resolution of a fraction as a Roman numeral; V stands for V or higher."""
    return RESOLUTIONS[fraction.resolution - _LOWEST]
