"""The search within one cell: proposals of its sampler, which is told the results of all earlier ones."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.settings.rules import check
from core.settings.trial import TrialConfig
from core.storage.records import Ask, Objective
from search_spaces.cells import Cell
from search_spaces.names import fitted_name
from search_spaces.samplers.base import Sampler, State, TriedPoint
from search_spaces.samplers.random import RandomSampler
from search_spaces.space import Point, Space
from search_spaces.strategy import History, TriedArm

MAX_REJECTED = 50
"""Consecutive proposals without a new arm, because infeasible or repeated, after which the search of a cell ends."""
RANDOM_AFTER = 5
"""The same after which points are drawn at random, because a sampler that has converged may repeat itself for ever."""
MAX_LISTED = 10_000
"""Largest finite space whose untried points are listed; a larger one is treated as infinite."""


@dataclass(slots=True)
class ArmNames:
    """Names of the arms of a study by their config, to find the arm that equals a proposed point."""

    space: Space
    """The joint space of the grid and the searched dimensions."""
    name_of: dict[TrialConfig, str] = field(default_factory=dict)

    @classmethod
    def of(cls, space: Space, history: History) -> "ArmNames":
        """The names of all arms in a history."""
        names = cls(space)
        for tried in history.arms:
            names.name_of.setdefault(space.config(tried.arm.settings), tried.arm.name)
        return names


@dataclass(frozen=True, kw_only=True)
class CellSearch:
    """Proposes points of one cell until it has a number of arms."""

    cell: Cell
    sampler: Sampler
    sampler_kind: str
    seed: int
    """Seed of the points that are drawn at random."""
    n_arms: int
    """Number of different arms, its budget."""
    seeds: tuple[int, ...]
    """Seeds with which each arm is trained, and over which its values are averaged."""
    has_pending: bool
    """Whether trials without an outcome are still running; otherwise they were given up."""

    @property
    def n_points(self) -> int | None:
        """Number of points of the cell; None if they are too many to be listed."""
        return None if self._points is None else len(self._points)

    def arm_name(self, number: int) -> str:
        """Name of the arm that the proposal of this number adds, such as `engel spline 007`."""
        return fitted_name(f"{self.cell.name or 'search'} {number:03d}")

    def asks_in(self, history: History) -> list[Ask]:
        """All proposals of this cell so far."""
        return [ask for ask in history.asks if ask.cell == self.cell.name]

    def proposals(self, history: History, n_new: int, names: ArmNames) -> list[Ask]:
        """Proposals up to the one that adds the last of `n_new` arms, or until the cell is exhausted or given up.

        Args:
            history: All arms and proposals of the study.
            n_new: Number of arms to add, at most as many as the budget leaves.
            names: Names of all arms, including those that this round has already proposed; new arms are added.
        """
        asks = self.asks_in(history)
        tried = self.tried(history)
        n_earlier = len(asks)
        target = min(n_arms(asks) + n_new, self.n_arms)
        while n_arms(asks) < target and not self.is_over(asks):
            ask = self._ask(*self._next_point(asks, tried), asks, tried, names)
            tried.append(self._tried_point(ask, asks, history))
            asks.append(ask)
        return asks[n_earlier:]

    def tried(self, history: History) -> list[TriedPoint]:
        """All proposals of this cell so far, in order, with the results that the sampler is told."""
        asks = self.asks_in(history)
        return [self._tried_point(ask, asks[:index], history) for index, ask in enumerate(asks)]

    def is_over(self, asks: Sequence[Ask]) -> bool:
        """Whether the cell has its arms, or no further point after these proposals."""
        if n_arms(asks) >= self.n_arms:
            return True
        if self._points is not None:
            return not self._untried(asks)
        return _n_rejected(asks) >= MAX_REJECTED

    def remark(self, all_asks: Sequence[Ask]) -> str | None:
        """A sentence if the cell ended before it had all its arms after these proposals; None otherwise."""
        asks = [ask for ask in all_asks if ask.cell == self.cell.name]
        if n_arms(asks) >= self.n_arms or not self.is_over(asks):
            return None
        problems = [ask.problem for ask in asks if ask.problem is not None]
        reason = (
            "its space has no other points"
            if self._points is not None
            else f"{MAX_REJECTED} proposals in a row were infeasible or repeated an earlier one"
        )
        last = f"; {len(problems)} proposals were infeasible, the last one because {problems[-1]}" if problems else ""
        name = f"cell {self.cell.name!r}" if self.cell.name else "the search"
        return f"{name} ended with {n_arms(asks)} of {self.n_arms} arms: {reason}{last}"

    # -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def _points(self) -> list[Point] | None:
        """All points of a finite space; None if it is infinite or too large to list."""
        space = self.cell.space
        return space.points() if space.is_finite and space.n_points() <= MAX_LISTED else None

    def _untried(self, asks: Sequence[Ask]) -> list[Point]:
        """The points of a finite space that were not proposed."""
        used = {_key(ask.settings) for ask in asks}
        return [point for point in self._points or () if _key(self.cell.settings_of(point)) not in used]

    def _next_point(self, asks: Sequence[Ask], tried: Sequence[TriedPoint]) -> tuple[Point, str]:
        """The next point of a cell that is not over, and the kind of the sampler that chose it."""
        space, number = self.cell.space, len(asks)
        if _n_rejected(asks) < RANDOM_AFTER and space.dimensions:
            return self.sampler.sample(space, number, tried), self.sampler_kind
        if self._points is None:
            return RandomSampler(self.seed).sample(space, number, tried), "random"
        untried = self._untried(asks)
        return untried[int(np.random.default_rng([self.seed, number]).integers(len(untried)))], "random"

    def _ask(
        self, point: Point, sampler_kind: str, asks: Sequence[Ask], tried: Sequence[TriedPoint], names: ArmNames
    ) -> Ask:
        """A point as a proposal, with the arm that it is or the rule that it breaks."""
        settings = self.cell.settings_of(point)
        number = len(asks)
        config = names.space.config(settings)
        arm = names.name_of.get(config)
        problem = None if arm else _problem_of(config)
        if arm is None and problem is None:
            arm = names.name_of[config] = self.arm_name(number)
        return Ask(
            number=number,
            cell=self.cell.name,
            sampler=sampler_kind,
            settings=settings,
            arm=arm,
            problem=problem,
            attributes=dict(self.sampler.attributes(number, tried)),
        )

    def _tried_point(self, ask: Ask, earlier: Sequence[Ask], history: History) -> TriedPoint:
        """A proposal with its results; an arm that has no trials of the search yet is pending."""
        point = self.cell.space.point_of(ask.settings)
        if ask.arm is None:
            return TriedPoint(point=point, state="infeasible", attributes=ask.attributes)
        tried = history.by_name.get(ask.arm)
        trials = [trial for trial in tried.trials if trial.stage == "search"] if tried else []
        is_pending = not trials or (self.has_pending and any(trial.outcome is None for trial in trials))
        values = mean_values(tried, history.objectives, self.seeds) if tried and not is_pending else None
        state: State = "pending" if is_pending else "failed" if values is None else "complete"
        if any(other.arm == ask.arm for other in earlier):
            state = "repeated"
        return TriedPoint(point=point, state=state, values=values or (), attributes=ask.attributes)


def n_arms(asks: Sequence[Ask]) -> int:
    """Number of different arms that proposals became."""
    return len({ask.arm for ask in asks if ask.arm is not None})


def mean_values(tried: TriedArm, objectives: Sequence[Objective], seeds: Sequence[int]) -> tuple[float, ...] | None:
    """Means of the objectives over the seeds of a search, each to be minimised; None if any seed lacks a value."""
    means = []
    for objective in objectives:
        values = tried.values(objective.metric, ("search",))
        of_seeds = [values[seed] for seed in seeds if seed in values]
        if len(of_seeds) < len(seeds) or not all(map(math.isfinite, of_seeds)):
            return None
        mean = math.fsum(of_seeds) / len(of_seeds)
        means.append(mean if objective.direction == "minimize" else -mean)
    return tuple(means)


def _problem_of(config: TrialConfig) -> str | None:
    """The rule that a config breaks; None if there is none."""
    try:
        check(config)
    except ConfigError as error:
        return str(error)
    return None


def _n_rejected(asks: Sequence[Ask]) -> int:
    """Number of latest consecutive proposals that added no arm to the cell."""
    arms: set[str] = set()
    n_rejected = 0
    for ask in asks:
        is_new = ask.arm is not None and ask.arm not in arms
        n_rejected = 0 if is_new else n_rejected + 1
        if ask.arm is not None:
            arms.add(ask.arm)
    return n_rejected


def _key(settings: Mapping[str, Any]) -> str:
    """Settings as text that is equal for equal settings."""
    return json.dumps(settings, sort_keys=True)
