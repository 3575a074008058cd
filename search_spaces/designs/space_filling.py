"""Space-filling designs: points that cover a space evenly, also where a dimension is real-valued or conditional."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from search_spaces.designs.base import Design
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm

Method = Literal["sobol", "halton", "latin_hypercube"]
"""Sequence of the points.

`sobol` and `halton` are scrambled low-discrepancy sequences (Sobol 1967; Halton 1960; Owen, "Randomly permuted
(t,m,s)-nets and (t,s)-sequences", 1995), which can be continued at will. In each dimension of a `latin_hypercube`,
every one of n equal strata has one of n points (McKay, Beckman, Conover, Technometrics 21, 1979).
"""
MAX_DRAWS_PER_ARM = 64
"""Positions drawn per arm after which a space with too many repeated points is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFilling(Design):
    """Design with `n_arms` points spread over a space.

    With more arms, and otherwise equal settings, the earlier arms stay and keep their names. A Latin hypercube has
    strata of the size of its number of points, so this holds only if the number is multiplied by a power of two:
    the strata are halved, and the empty halves filled (Qian, "Nested Latin hypercube designs", Biometrika 96, 2009).
    """

    space: Space
    size: int
    """Number of arms."""
    method: Method = "sobol"
    seed: int = 0

    @property
    def n_arms(self) -> int:
        return self.size

    def build(self) -> Sequence[Arm]:
        """The arms, named by the sequence and their number in it.

        Raises:
            ConfigError: the space has fewer points, or points of a Latin hypercube are equal.
        """
        if self.size < 1:
            raise ConfigError(f"a space-filling design needs n_arms of at least 1; got {self.size}; raise it")
        if self.space.is_finite and (n_points := self.space.n_points()) < self.size:
            raise ConfigError(
                f"the space has only {n_points} points; got n_arms={self.size}; lower it, or take the full factorial"
            )
        return [Arm(f"{self._prefix}-{number:03d}", point.settings) for number, point in enumerate(self._points())]

    @property
    def _prefix(self) -> str:
        """First part of the names; those of Latin hypercubes that do not continue each other differ."""
        match self.method:
            case "sobol" | "halton":
                return self.method
            case "latin_hypercube":
                return f"lhs{_odd_part(self.size)}"
            case _:
                assert_never(self.method)

    def _points(self) -> list[Point]:
        """The first `size` different points of the sequence."""
        points: dict[tuple[tuple[str, str], ...], Point] = {}
        n_drawn = self.size
        while True:
            for row in self._positions(n_drawn).tolist():
                point = self.space.point_at(dict(zip(self._paths, row, strict=True)))
                points.setdefault(tuple((path, option.label) for path, option in point.options.items()), point)
            if len(points) >= self.size:
                return list(points.values())[: self.size]
            if self.method == "latin_hypercube":
                raise ConfigError(
                    f"a Latin hypercube of n_arms={self.size} has only {len(points)} different points in this space; "
                    'lower n_arms, or take method = "sobol", which continues until there are enough'
                )
            if n_drawn >= MAX_DRAWS_PER_ARM * self.size:
                raise ConfigError(
                    f"{n_drawn} positions gave only {len(points)} different points; got n_arms={self.size}; lower it, "
                    "or take the full factorial"
                )
            n_drawn *= 2

    @property
    def _paths(self) -> list[str]:
        return [dimension.path for dimension in self.space.dimensions]

    def _positions(self, n: int) -> NDArray[np.float64]:
        """The first `n` positions in [0, 1) of the sequence, shape (n, dimension)."""
        from scipy.stats import qmc

        match self.method:
            case "sobol":
                # The whole power of two, of which the first are taken: other numbers raise a warning of scipy.
                exponent = max(0, n - 1).bit_length()
                positions: NDArray[np.float64] = qmc.Sobol(len(self._paths), rng=self.seed).random_base2(exponent)[:n]
            case "halton":
                positions = qmc.Halton(len(self._paths), rng=self.seed).random(n)
            case "latin_hypercube":
                positions = latin_hypercube(n, len(self._paths), self.seed)
            case _:
                assert_never(self.method)
        return np.minimum(positions, np.nextafter(1.0, 0.0))


def latin_hypercube(n: int, n_dimensions: int, seed: int) -> NDArray[np.float64]:
    """A random Latin hypercube that begins with the points of that with half as many, if `n` is even.

    Returns:
        Positions in [0, 1], shape (n, n_dimensions); each of `n` equal strata of a dimension has one point.
    """
    from scipy.stats import qmc

    n_points = _odd_part(n)
    rng = np.random.default_rng([seed, n_points])
    positions: NDArray[np.float64] = qmc.LatinHypercube(n_dimensions, rng=rng).random(n_points)
    while n_points < n:
        added = np.empty_like(positions)
        for dimension in range(n_dimensions):
            halves = np.minimum(np.floor(positions[:, dimension] * 2 * n_points), 2 * n_points - 1)
            empty = np.setdiff1d(np.arange(2 * n_points), halves)
            added[:, dimension] = (rng.permutation(empty) + rng.random(n_points)) / (2 * n_points)
        positions = np.concatenate([positions, added])
        n_points *= 2
    return positions


def _odd_part(n: int) -> int:
    """The number divided by the largest power of two that divides it."""
    return n // (n & -n)
