"""Quasi-random search: points of a scrambled low-discrepancy sequence, which fill a space more evenly than random ones.

Sobol 1967, with Owen's scrambling (Matousek 1998, J. Complexity 14), or Halton 1960 (Owen 2017, arXiv 1706.02808).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from search_spaces.samplers.base import Sampler, TriedPoint
from search_spaces.space import Point, Space


@dataclass(frozen=True)
class QuasiRandomSampler(Sampler):
    """Draws the points of a scrambled sequence in order, regardless of results."""

    seed: int
    sequence: Literal["sobol", "halton"] = "sobol"

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:  # noqa: ARG002
        from scipy.stats import qmc

        sequence_class = qmc.Sobol if self.sequence == "sobol" else qmc.Halton
        sequence = sequence_class(len(space.dimensions), scramble=True, rng=self.seed)
        if number > 0:  # Sobol refuses to go forward by 0.
            sequence.fast_forward(number)
        positions = sequence.random(1)[0].tolist()
        # The sequence may round to 1, which lies outside the domains' positions.
        return space.point_at(
            {
                dimension.path: min(position, 1 - 2**-53)
                for dimension, position in zip(space.dimensions, positions, strict=True)
            }
        )
