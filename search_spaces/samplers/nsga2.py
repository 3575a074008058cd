"""Genetic algorithm NSGA-II: generations of points made from the best ones so far.

Deb, Pratap, Agarwal, Meyarivan 2002 (IEEE Trans. Evolutionary Computation 6). Sampler of Optuna.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from search_spaces.samplers.base import Sampler, TriedPoint, ask_seed
from search_spaces.samplers.random import RandomSampler
from search_spaces.space import Point, Space

GENERATION = "generation"
"""Key of the attribute with the number of a point's generation, from 0."""


@dataclass(frozen=True)
class Nsga2Sampler(Sampler):
    """Crosses and mutates the best points of all earlier generations; the first generation is random.

    A point that failed belongs to its generation, but has no offspring. Infeasible and repeated points belong to none.
    """

    seed: int
    population_size: int = 8
    n_startup: int = field(init=False)
    round_size: int | None = field(init=False)
    handles_conditions: ClassVar[bool] = False
    """Conditional dimensions would never be inherited."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_startup", self.population_size)
        object.__setattr__(self, "round_size", self.population_size)

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        generation = self._generation(tried)
        n_parents = sum(each.state == "complete" and each.attributes[GENERATION] < generation for each in tried)
        if n_parents < 2:
            return RandomSampler(self.seed).sample(space, number, tried)
        from search_spaces.samplers.optuna_ask import ask
        from search_spaces.samplers.optuna_generations import RecordedGenerations

        sampler = RecordedGenerations(
            generations=[*(int(each.attributes[GENERATION]) for each in tried), generation],
            population_size=self.population_size,
            seed=ask_seed(self.seed, number),
        )
        return ask(sampler, space, tried)

    def attributes(self, number: int, tried: Sequence[TriedPoint]) -> Mapping[str, Any]:  # noqa: ARG002
        return {GENERATION: self._generation(tried)}

    def _generation(self, tried: Sequence[TriedPoint]) -> int:
        """The generation of the next point: the latest one, or a new one if that is full."""
        latest = max((int(each.attributes[GENERATION]) for each in tried), default=0)
        members = sum(
            each.attributes[GENERATION] == latest and each.state not in ("infeasible", "repeated") for each in tried
        )
        return latest if members < self.population_size else latest + 1
