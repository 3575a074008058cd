"""What a sampler is: a function from a space and a history to the next point."""

from abc import ABC, abstractmethod

from search_spaces.space import Point, Space
from search_spaces.strategy import History


class Sampler(ABC):
    """Chooses points one by one."""

    @abstractmethod
    def sample(self, space: Space, number: int, history: History) -> Point:
        """The point of a search's proposal.

        Whatever is random in it derives from the sampler's seed and the proposal's number, so that a search that was
        interrupted goes on with the points it would have tried.

        Args:
            number: Of the proposal, from 0.
            history: All arms proposed before the current round.
        """
