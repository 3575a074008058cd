"""Strategies: which arms a study runs next, given the results so far.

A design proposes all its arms at once; a search proposes some, waits for their results, and proposes again. Each
proposal is stored as a segment of the study's plan before it runs. Strategies are stateless: they are built from the
study file and depend only on the history.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm of a study: a name, and the dotted settings that define it."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedArm:
    """A proposed arm with the validation metrics of its finished trials."""

    arm: Arm
    values: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    """Validation metrics by seed and full name; failed and diverged trials are not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All arms proposed so far, in order, each of which has been run with all seeds."""

    arms: tuple[TriedArm, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Names of all arms."""
        return frozenset(tried.arm.name for tried in self.arms)


class Strategy(ABC):
    """Proposes arms, given the results of earlier ones, until it is done."""

    stage: ClassVar[str]
    """Name of the stage in the plan segments with its arms."""

    @abstractmethod
    def propose(self, history: History) -> Sequence[Arm]:
        """The arms to run next, none of which is in the history; empty when the strategy is done.

        The result is a deterministic function of the history, also across processes.

        Raises:
            ConfigError: an arm cannot be built.
        """
