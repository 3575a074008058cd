"""Samplers as a user would write them."""

from collections.abc import Sequence

from search_spaces.samplers.base import Sampler, TriedPoint
from search_spaces.samplers.random import RandomSampler
from search_spaces.space import Point, Space


class Shifted(Sampler):
    """Random points of another seed."""

    def __init__(self, *, seed: int, shift: int = 1) -> None:
        self.seed, self.shift = seed, shift

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        return RandomSampler(self.seed + self.shift).sample(space, number, tried)


class NoSampler:
    """A class without the interface."""


class Incomplete(Sampler):
    """A sampler without its method."""

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
