"""What a design is: a strategy whose arms do not depend on results."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from search_spaces.strategy import Arm, History, Strategy


class Design(Strategy):
    """Proposes its arms once, and arms that were added to it since."""

    stage: ClassVar[str] = "design"

    @abstractmethod
    def arms(self) -> Sequence[Arm]:
        """All arms, in the order in which they are shown.

        Raises:
            ConfigError: an arm cannot be built, or two are the same.
        """

    def propose(self, history: History) -> Sequence[Arm]:
        return [arm for arm in self.arms() if arm.name not in history.names]
