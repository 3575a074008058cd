"""Strategies: what a study tries next, given what it has tried.

A design proposes all its arms at once; a search proposes some, waits for their results, and proposes again. Each
proposal is stored as a segment of the study's plan before it runs. A strategy has no state of its own: it is rebuilt
from the study file, and everything it needs to know comes with the history.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Arm:
    """One named setting of the factors, as dotted settings."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedArm:
    """An arm that was proposed, with what its finished trials scored on the validation split."""

    arm: Arm
    values: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    """Validation metrics by seed and full name; a trial that failed or diverged has no entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All arms that a study has proposed, in order; each has been run with all seeds."""

    arms: tuple[TriedArm, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tried.arm.name for tried in self.arms)


class Strategy(ABC):
    """Proposes arms until there is nothing left to try."""

    stage: ClassVar[str]
    """Names the plan segments it makes."""

    @abstractmethod
    def propose(self, history: History) -> Sequence[Arm]:
        """The arms to run next, none of which the history has; empty when the strategy is done.

        The same history gives the same arms, in this process or another.

        Raises:
            ConfigError: an arm cannot be built.
        """
