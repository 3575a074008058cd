"""Base class of the designs, strategies whose arms do not depend on results."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from search_spaces.strategy import Arm, History, Round, Strategy


class Design(Strategy):
    """A strategy that proposes all its arms at once."""

    waits: ClassVar[bool] = False

    @abstractmethod
    def arms(self) -> Sequence[Arm]:
        """All arms, in the order in which reports list them.

        Raises:
            ConfigError: an arm cannot be built, or two are equal.
        """

    def propose(self, history: History) -> Round | None:
        """All arms that are not in the history, each with all seeds of the study."""
        names = history.names
        arms = tuple(arm for arm in self.arms() if arm.name not in names)
        if not arms:
            return None
        return Round(
            stage="design", arms=arms, trials=tuple((arm.name, seed) for seed in history.seeds for arm in arms)
        )
