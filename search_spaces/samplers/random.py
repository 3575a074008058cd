"""Random search: independent uniform draws from each dimension (Bergstra, Bengio 2012, JMLR 13)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search_spaces.samplers.base import Sampler, TriedPoint
from search_spaces.space import Point, Space


@dataclass(frozen=True)
class RandomSampler(Sampler):
    """Draws points independently and uniformly from the domains, regardless of results."""

    seed: int

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:  # noqa: ARG002
        generator = np.random.default_rng([self.seed, number])
        return space.point_at({dimension.path: float(generator.random()) for dimension in space.dimensions})
