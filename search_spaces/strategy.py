"""Strategies: what a study runs next, given the results so far.

A design proposes all its arms at once; a search proposes some, waits for their results, and proposes again; a
confirmation or a race proposes further seeds of arms. Each proposal is stored as a segment of the study's plan before
it runs. Strategies are stateless: they are built from the study file and depend only on the history.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core.settings.trial import TrialConfig
from core.storage.records import Ask, MetricValues, Objective, Outcome, Stage


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm of a study: a name, and the dotted settings that define it."""

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTrial:
    """A planned trial with its outcome and its validation metrics."""

    seed: int
    stage: Stage
    outcome: Outcome | None = None
    """How the trial ended; None while it has no record."""
    values: MetricValues = field(default_factory=dict)
    """Validation metrics by full name; empty unless the trial has finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedArm:
    """A planned arm with its trials."""

    arm: Arm
    is_baseline: bool = False
    """Whether its curves do not depend on the sound."""
    trials: tuple[TriedTrial, ...] = ()

    def seeds(self, stage: Stage) -> tuple[int, ...]:
        """Seeds of the trials that a stage has planned."""
        return tuple(trial.seed for trial in self.trials if trial.stage == stage)

    def values(self, metric: str, stages: Sequence[Stage]) -> dict[int, float]:
        """Validation values of a metric by seed over the finished trials of some stages, without undefined ones."""
        return {
            trial.seed: value
            for trial in self.trials
            if trial.stage in stages and (value := trial.values.get(metric)) is not None
        }


@dataclass(frozen=True, kw_only=True)
class History:
    """All arms planned so far, in order, with their results, and all points that a search's sampler proposed."""

    arms: tuple[TriedArm, ...] = ()
    asks: tuple[Ask, ...] = ()
    objectives: tuple[Objective, ...] = ()
    """Objectives of the study."""
    seeds: tuple[int, ...] = (0,)
    """Seeds with which the arms of designs and confirmed arms are trained."""

    @property
    def names(self) -> frozenset[str]:
        """Names of all arms."""
        return frozenset(self.by_name)

    @cached_property
    def by_name(self) -> Mapping[str, TriedArm]:
        """All arms by name."""
        return {tried.arm.name: tried for tried in self.arms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a strategy proposes to run next, which becomes a segment of the plan."""

    stage: Stage
    arms: tuple[Arm, ...] = ()
    """New arms, none of which is in the history."""
    trials: tuple[tuple[str, int], ...] = ()
    """Name of the arm, new or in the history, and seed of each new trial."""
    asks: tuple[Ask, ...] = ()
    """Points that a sampler proposed, also those that became no arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmGroup:
    """Arms that are expected to cost the same."""

    config: TrialConfig
    """The config of one of them."""
    n_arms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutlook:
    """What a strategy will run, as far as this is known before the study has results."""

    stage: Stage
    size: str
    """Its size as text, such as `4 cells x 8 arms x 2 seeds`."""
    groups: tuple[ArmGroup, ...]
    """The arms of its trials, or those from which they will be chosen."""
    min_trials: int
    """Number of trials that it runs at least, if none fails."""
    max_trials: int
    n_compared: int
    """Number of arms that it adds, at most, to those which the report compares; baselines are not compared."""
    n_seeds: int
    """Number of seeds, at most, that an arm has after it."""


class Strategy(ABC):
    """Proposes what to run, given earlier results, until it is done."""

    @property
    def waits(self) -> bool:
        """Whether it proposes only when all planned trials have ended; otherwise as soon as trials can run."""
        return True

    @abstractmethod
    def propose(self, history: History) -> Round | None:
        """The arms and trials to run next; None when the strategy is done.

        The result is a deterministic function of the history, also across processes.

        Raises:
            ConfigError: an arm cannot be built.
        """

    @abstractmethod
    def outlook(
        self, *, seeds: Sequence[int], configs: Mapping[str, TrialConfig], earlier: Sequence[StageOutlook]
    ) -> StageOutlook:
        """What the strategy will run, as far as this is known before the study has results.

        Args:
            seeds: Seeds of the arms of designs and of confirmed arms.
            configs: Configs of the arms of designs, by name.
            earlier: What the strategies before this one will run.

        Raises:
            ConfigError: an arm cannot be built.
        """


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as `1 arm` or `12 arms`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
