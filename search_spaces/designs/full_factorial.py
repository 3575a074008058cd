"""Full factorial design: every combination of the values of a space's dimensions, as far as its conditions allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.designs.base import Design
from search_spaces.space import Space
from search_spaces.strategy import Arm


@dataclass(frozen=True, slots=True)
class FullFactorial(Design):
    """Every point of a finite space."""

    space: Space

    def arms(self) -> Sequence[Arm]:
        return self.space.arms()
