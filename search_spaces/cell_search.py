"""The search within one cell: proposals of its sampler, told of the results of all earlier ones."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import ConfigError
from core.settings.rules import check
from core.storage.records import Ask, Objective
from search_spaces.cells import Cell
from search_spaces.samplers.base import Sampler, TriedPoint
from search_spaces.space import Point
from search_spaces.strategy import History, TriedArm

MAX_REJECTED = 50
"""Consecutive proposals that break a rule or repeat an earlier one after which the search of a cell ends."""
MAX_REJECTED_OF_FINITE = 10
"""The same for a finite space, of which then the first untried point is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSearch:
    """Proposes points of one cell until it has a number of arms."""

    cell: Cell
    sampler: Sampler
    sampler_kind: str
    n_arms: int
    """Number of different arms, its budget."""
    seeds: tuple[int, ...]
    """Seeds with which each arm is trained, and over which its values are averaged."""
    has_pending: bool
    """Whether trials without an outcome are still running; otherwise they were given up."""

    def asks_in(self, history: History) -> list[Ask]:
        """All proposals of this cell so far."""
        return [ask for ask in history.asks if ask.cell == self.cell.name]

    def proposals(self, history: History, n_new: int) -> list[Ask]:
        """Proposals up to the one that adds the last of `n_new` arms, or until the cell is exhausted or given up."""
        earlier = self.asks_in(history)
        known = _KnownArms(self.cell, history)
        tried = self.tried(history)
        asks = list(earlier)
        arms = {ask.arm for ask in asks if ask.arm is not None}
        target = min(len(arms) + n_new, self.n_arms)
        while len(arms) < target and (point := self._next_point(asks, tried)) is not None:
            ask = self._ask(point, asks, tried, known)
            tried.append(self._tried_point(ask, history))
            asks.append(ask)
            if ask.arm is not None:
                arms.add(ask.arm)
        return asks[len(earlier) :]

    def remark(self, history: History) -> str | None:
        """A sentence if the cell ended before it had all its arms; None otherwise."""
        asks = self.asks_in(history)
        arms = {ask.arm for ask in asks if ask.arm is not None}
        if len(arms) >= self.n_arms or self._next_point(asks, self.tried(history)) is not None:
            return None
        name = f"cell {self.cell.name!r}" if self.cell.name else "the search"
        problems = [ask.problem for ask in asks if ask.problem is not None]
        reason = (
            "its space has no other points"
            if self.cell.space.is_finite
            else f"{MAX_REJECTED} proposals in a row broke a rule or repeated an earlier one; widen its space"
        )
        last = f"; {len(problems)} were infeasible, the last one because {problems[-1]}" if problems else ""
        return f"{name} ended with {len(arms)} of {self.n_arms} arms: {reason}{last}"

    def tried(self, history: History) -> list[TriedPoint]:
        """All proposals of this cell so far, in order, with the results that the sampler is told.

        A proposal that repeats an earlier arm has its results.
        """
        arms = {tried.arm.name: tried for tried in history.arms}
        return [self._tried_point(ask, history, arms) for ask in self.asks_in(history)]

    def _tried_point(
        self, ask: Ask, history: History, arms: Mapping[str, TriedArm] | None = None
    ) -> TriedPoint:
        """A proposal with its results; those of an arm that is not in the history are pending."""
        point = self.cell.space.point_of(ask.settings)
        if ask.arm is None:
            return TriedPoint(point=point, state="infeasible", attributes=ask.attributes)
        arms = arms if arms is not None else {tried.arm.name: tried for tried in history.arms}
        tried = arms.get(ask.arm)
        trials = [trial for trial in tried.trials if trial.stage == "search"] if tried else []
        if not trials or (self.has_pending and any(trial.outcome is None for trial in trials)):
            return TriedPoint(point=point, state="pending", attributes=ask.attributes)
        assert tried is not None
        values = mean_values(tried, history.objectives, self.seeds)
        state: Literal["failed", "complete"] = "failed" if values is None else "complete"
        return TriedPoint(point=point, state=state, values=values or (), attributes=ask.attributes)

    def _next_point(self, asks: Sequence[Ask], tried: Sequence[TriedPoint]) -> Point | None:
        """The next point; None if the cell is exhausted, or too many proposals in a row were rejected."""
        n_rejected = _n_rejected(asks)
        space = self.cell.space
        if space.is_finite:
            used = {_key(ask.settings) for ask in asks}
            untried = [point for point in space.points() if _key(self.cell.settings_of(point)) not in used]
            if not untried or n_rejected >= MAX_REJECTED_OF_FINITE or not space.dimensions:
                return untried[0] if untried else None
        elif n_rejected >= MAX_REJECTED:
            return None
        return self.sampler.sample(space, len(asks), tried)

    def _ask(self, point: Point, asks: Sequence[Ask], tried: Sequence[TriedPoint], known: "_KnownArms") -> Ask:
        """A point as a proposal, with the arm that it is or the rule that it breaks."""
        settings = self.cell.settings_of(point)
        number = len(asks)
        arm = known.arm_with(settings, asks)
        problem = None if arm else problem_of(self.cell, settings)
        if arm is None and problem is None:
            arm = f"{self.cell.name or 'search'} {number:03d}"
        return Ask(
            number=number,
            cell=self.cell.name,
            sampler=self.sampler_kind,
            settings=settings,
            arm=arm,
            problem=problem,
            attributes=dict(self.sampler.attributes(number, tried)),
        )


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


def problem_of(cell: Cell, settings: Mapping[str, Any]) -> str | None:
    """The rule that an arm with these settings breaks; None if there is none."""
    try:
        check(cell.space.config(settings))
    except ConfigError as error:
        return str(error)
    return None


class _KnownArms:
    """Finds the arm that equals a point: of an earlier proposal of the cell, or any other arm of the study."""

    def __init__(self, cell: Cell, history: History) -> None:
        proposed = {ask.arm for ask in history.asks if ask.cell == cell.name}
        self._cell = cell
        self._configs = [
            (cell.space.config(tried.arm.settings), tried.arm.name)
            for tried in history.arms
            if tried.arm.name not in proposed
        ]

    def arm_with(self, settings: Mapping[str, Any], asks: Sequence[Ask]) -> str | None:
        """Name of the arm with these settings; None if there is none."""
        key = _key(settings)
        for ask in asks:
            if ask.arm is not None and _key(ask.settings) == key:
                return ask.arm
        if not self._configs:
            return None
        config = self._cell.space.config(settings)
        return next((name for other, name in self._configs if other == config), None)


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
