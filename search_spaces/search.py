"""Search: a strategy that proposes arms in rounds, based on the results of all completed rounds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from core.settings.trial import TrialConfig
from core.storage.records import Ask
from search_spaces.samplers.base import Sampler
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm, History, Round, Strategy

MAX_REPEATS = 100
"""Consecutive proposals that repeat earlier arms after which the first untried point of a finite space is taken."""
SEARCH_NAME = re.compile(r"search-(\d+)")
"""Name of an arm, with the number of its proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Strategy):
    """Proposes `n_arms` points of a space in rounds of `round_size`.

    Points that are equal to an earlier arm are skipped.
    """

    space: Space
    sampler: Sampler
    sampler_kind: str
    n_arms: int
    round_size: int
    seeds: tuple[int, ...]
    """Seeds with which each arm of the search is trained."""

    def propose(self, history: History) -> Round | None:
        """The arms of the next round; None after `n_arms` arms or if the space is exhausted."""
        n_missing = min(self.round_size, self.n_arms - sum(ask.arm is not None for ask in history.asks))
        known_configs = [self.space.config(tried.arm.settings) for tried in history.arms]
        number = max((ask.number for ask in history.asks), default=-1)
        arms: list[Arm] = []
        asks: list[Ask] = []
        while len(arms) < n_missing and (proposal := self._proposal(number + 1, known_configs, history)):
            number, settings = proposal
            known_configs.append(self.space.config(settings))
            arms.append(Arm(f"search-{number:03d}", settings))
            asks.append(
                Ask(number=number, cell="", sampler=self.sampler_kind, settings=settings, arm=f"search-{number:03d}")
            )
        if not arms:
            return None
        trials = tuple((arm.name, seed) for seed in self.seeds for arm in arms)
        return Round(stage="search", arms=tuple(arms), trials=trials, asks=tuple(asks))

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


def check_rounds(n_arms: int, round_size: int, seeds: Sequence[int]) -> None:
    """Check the number of arms, the size of a round and the seeds of a search.

    Raises:
        ConfigError: a number is below 1, a round is larger than the search, or there are fewer than two seeds.
    """
    if n_arms < 1 or not 1 <= round_size <= n_arms:
        raise ConfigError(
            f"a search needs n_arms of at least 1 and a round_size from 1 to n_arms; got {n_arms} and {round_size}"
        )
    if len(seeds) < 2 or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ConfigError(
            "search.seeds must be at least two distinct non-negative integers, because a single seed rewards luck; "
            f"got {list(seeds)}"
        )
