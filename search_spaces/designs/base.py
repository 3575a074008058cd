"""Base class of the designs, strategies whose arms do not depend on results."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from search_spaces.strategy import Arm, History, Strategy


class Design(Strategy):
    """A strategy that proposes all its arms at once."""

    stage: ClassVar[str] = "design"

    @abstractmethod
    def arms(self) -> Sequence[Arm]:
        """All arms, in the order in which reports list them.

        Raises:
            ConfigError: an arm cannot be built, or two are equal.
        """

    def propose(self, history: History) -> Sequence[Arm]:
        """All arms that are not in the history."""
        return [arm for arm in self.arms() if arm.name not in history.names]
