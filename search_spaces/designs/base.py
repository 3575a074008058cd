"""Base class of the designs, strategies whose arms do not depend on results."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from search_spaces.strategy import Arm, History, Strategy


class Design(Strategy):
    """Proposes all its arms that are not in the history."""

    stage: ClassVar[str] = "design"

    @abstractmethod
    def arms(self) -> Sequence[Arm]:
        """All arms, in the order of reports.

        Raises:
            ConfigError: an arm cannot be built, or two are equal.
        """

    def propose(self, history: History) -> Sequence[Arm]:
        return [arm for arm in self.arms() if arm.name not in history.names]
