"""Search: a strategy that proposes arms in rounds, each from the results of the whole rounds before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.errors import ConfigError
from search_spaces.samplers.base import Sampler
from search_spaces.space import Point, Space
from search_spaces.strategy import Arm, History, Strategy

MAX_REPEATS = 100
"""Proposals in a row that may repeat an earlier arm before the space counts as exhausted."""
_NAME = re.compile(r"search-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Strategy):
    """Proposes `n_arms` points of a space, a round at a time.

    The number of a proposal is part of its arm's name, so that a resumed search knows where it was; points that an
    earlier arm has already are passed over.
    """

    stage: ClassVar[str] = "search"

    space: Space
    sampler: Sampler
    n_arms: int
    round_size: int

    def propose(self, history: History) -> Sequence[Arm]:
        numbers = [int(match[1]) for tried in history.arms if (match := _NAME.fullmatch(tried.arm.name))]
        n_missing = min(self.round_size, self.n_arms - len(numbers))
        known = [dict(tried.arm.settings) for tried in history.arms]
        arms: list[Arm] = []
        number = max(numbers, default=-1) + 1
        repeats = 0
        while len(arms) < n_missing and repeats < MAX_REPEATS:
            settings = self.sampler.sample(self.space, number, history).settings
            if settings in known:
                repeats += 1
            else:
                repeats = 0
                known.append(settings)
                arms.append(Arm(f"search-{number:03d}", settings))
            number += 1
        return arms

    def corners(self) -> list[Point]:
        return self.space.corners()


def check_rounds(n_arms: int, round_size: int) -> None:
    """
    Raises:
        ConfigError: the numbers of a search do not fit.
    """
    if n_arms < 1 or not 1 <= round_size <= n_arms:
        raise ConfigError(
            f"a search needs n_arms of at least 1 and a round_size from 1 to n_arms; got {n_arms} and {round_size}"
        )
