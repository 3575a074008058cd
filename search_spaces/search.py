"""Search: a strategy that proposes arms in rounds, based on the results of all completed rounds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.errors import ConfigError
from core.settings.trial import TrialConfig
from search_spaces.samplers.base import Sampler
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm, History, Strategy

MAX_REPEATS = 100
"""Consecutive proposals that repeat earlier arms after which the first untried point of a finite space is taken."""
SEARCH_NAME = re.compile(r"search-(\d+)")
"""Name of an arm, with the number of its proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Strategy):
    """Proposes `n_arms` points of a space in rounds of `round_size`.

    The names of arms contain the numbers of proposals, from which a resumed search continues. Points that are equal to
    an earlier arm are skipped.
    """

    stage: ClassVar[str] = "search"

    space: Space
    sampler: Sampler
    n_arms: int
    round_size: int

    def propose(self, history: History) -> Sequence[Arm]:
        """The arms of the next round; empty after `n_arms` arms or if the space is exhausted."""
        numbers = [int(match[1]) for tried in history.arms if (match := SEARCH_NAME.fullmatch(tried.arm.name))]
        n_missing = min(self.round_size, self.n_arms - len(numbers))
        known_configs = [self.space.config(tried.arm.settings) for tried in history.arms]
        arms: list[Arm] = []
        number = max(numbers, default=-1)
        while len(arms) < n_missing and (proposal := self._proposal(number + 1, known_configs, history)):
            number, settings = proposal
            known_configs.append(self.space.config(settings))
            arms.append(Arm(f"search-{number:03d}", settings))
        return arms

    def _proposal(
        self, number: int, known_configs: list[TrialConfig], history: History
    ) -> tuple[int, dict[str, Any]] | None:
        """Number and settings of the next new proposal, from `number` on; None if the space is exhausted."""
        for candidate in range(number, number + MAX_REPEATS):
            settings = self.sampler.sample(self.space, candidate, history).settings
            if self.space.config(settings) not in known_configs:
                return candidate, settings
        points = self.space.points() if self.space.is_finite else []
        untried = [point.settings for point in points if self.space.config(point.settings) not in known_configs]
        return (number + MAX_REPEATS, untried[0]) if untried else None

    def corners(self) -> list[Point]:
        """Points with which the space is checked, see `Space.corners`."""
        return self.space.corners()


def check_rounds(n_arms: int, round_size: int) -> None:
    """Check the number of arms and the size of a round of a search.

    Raises:
        ConfigError: one is below 1, or a round is larger than the search.
    """
    if n_arms < 1 or not 1 <= round_size <= n_arms:
        raise ConfigError(
            f"a search needs n_arms of at least 1 and a round_size from 1 to n_arms; got {n_arms} and {round_size}"
        )
