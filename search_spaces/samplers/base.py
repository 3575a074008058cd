"""Base class of the samplers, which choose the next point of a search from a space and a history."""

from abc import ABC, abstractmethod

from search_spaces.space import Point, Space
from search_spaces.strategy import History


class Sampler(ABC):
    """Chooses the points of a search one by one."""

    @abstractmethod
    def sample(self, space: Space, number: int, history: History) -> Point:
        """The point of a proposal.

        Random draws derive from the sampler's seed and the number of the proposal, so an interrupted search continues
        with the same points as without the interruption.

        Args:
            space: The space to draw from.
            number: Number of the proposal, from 0.
            history: All arms proposed before the current round.
        """
