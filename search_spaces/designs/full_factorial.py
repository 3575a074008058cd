"""Full factorial design: all combinations of the values of a space's dimensions that its conditions allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.designs.base import Design
from search_spaces.space import Space
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True)
class FullFactorial(Design):
    """Design with an arm for every point of a finite space."""

    space: Space

    @property
    def n_arms(self) -> int:
        return self.space.n_points()

    def build(self) -> Sequence[Arm]:
        return self.space.arms()
