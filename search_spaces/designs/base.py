"""Base class of the designs, strategies whose arms do not depend on results."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from core.errors import ConfigError
from core.settings.trial import TrialConfig
from search_spaces.space import MAX_POINTS
from search_spaces.strategy import Arm, ArmGroup, History, Round, StageOutlook, Strategy, counted

MAX_ARMS = MAX_POINTS
"""Largest number of arms of a design."""


class Design(Strategy):
    """A strategy that proposes all its arms at once."""

    @property
    def waits(self) -> bool:
        """No: what a design proposes does not depend on results."""
        return False

    @property
    @abstractmethod
    def n_arms(self) -> int:
        """Number of arms, known without building them.

        Raises:
            ConfigError: the design is invalid.
        """

    @abstractmethod
    def build(self) -> Sequence[Arm]:
        """All arms, in the order in which reports list them.

        Raises:
            ConfigError: an arm cannot be built, or two are equal.
        """

    def arms(self) -> tuple[Arm, ...]:
        """All arms, after a check of their number.

        Raises:
            ConfigError: there are more than `MAX_ARMS` arms, one cannot be built, or two are equal.
        """
        if (n_arms := self.n_arms) > MAX_ARMS:
            raise ConfigError(
                f"a design has at most {MAX_ARMS:,} arms; this one has {n_arms:,}; give its dimensions fewer values, "
                'or take a part of them: [design] kind = "space_filling" or "fractional_factorial"'
            )
        return tuple(self.build())

    def remarks(self) -> tuple[str, ...]:
        """Sentences on what the design can and cannot tell, for the user; none by default."""
        return ()

    def outlook(
        self,
        *,
        seeds: Sequence[int],
        configs: Mapping[str, TrialConfig],
        earlier: Sequence[StageOutlook],  # noqa: ARG002
    ) -> StageOutlook:
        """All arms, with all seeds of the study."""
        groups = tuple(ArmGroup(config=configs[arm.name], n_arms=1) for arm in self.arms())
        n_trials = len(groups) * len(seeds)
        return StageOutlook(
            stage="design",
            size=f"{counted(len(groups), 'arm')} x {counted(len(seeds), 'seed')}",
            groups=groups,
            min_trials=n_trials,
            max_trials=n_trials,
            n_compared=sum(not group.config.is_baseline for group in groups),
            n_seeds=len(seeds),
        )

    def propose(self, history: History) -> Round | None:
        """All arms that are not in the history, each with all seeds of the study."""
        names = history.names
        arms = tuple(arm for arm in self.arms() if arm.name not in names)
        if not arms:
            return None
        return Round(
            stage="design", arms=arms, trials=tuple((arm.name, seed) for seed in history.seeds for arm in arms)
        )
