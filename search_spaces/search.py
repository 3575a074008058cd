"""Adaptive search in the cells of a grid: an independent sampler in each, with equal budgets.

Nothing that the grid varies is left to the samplers, so comparisons between cells stay balanced.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from core.errors import ConfigError
from core.settings.presets import Preset
from core.settings.trial import TrialConfig
from core.storage.records import Ask
from search_spaces.cell_search import ArmNames, CellSearch, n_arms
from search_spaces.cells import cells_of
from search_spaces.dimensions import Dimension
from search_spaces.feasibility import CellCheck, check_cells
from search_spaces.samplers.base import Sampler
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.settings import SamplerConfig
from search_spaces.seeds import check_seeds
from search_spaces.space import MAX_POINTS, Space
from search_spaces.strategy import Arm, ArmGroup, History, Round, StageOutlook, Strategy, counted

Mode = Literal["rounds", "asynchronous"]
"""When a search proposes: after whole rounds, or whenever a trial can run."""
MIN_ROUND = 4
"""Number of arms in a round, over all cells, that the default size reaches."""


@dataclass(frozen=True)
class Search(Strategy):
    """Proposes arms of all cells, in rounds that each depend on the results of whole earlier rounds only.

    What a round contains does not depend on the order in which trials end, so a search that was stopped and resumed
    proposes what an undisturbed one does. In asynchronous mode it proposes one arm whenever a trial can run, from the
    results so far and with the running arms as pending: no worker waits for a round, but what is proposed depends on
    which trial ends first, so neither holds.
    """

    space: Space
    """The grid and the searched dimensions together."""
    cells: tuple[CellSearch, ...]
    round_size: int
    """Number of arms that each cell adds in a round."""
    seeds: tuple[int, ...]
    """Seeds with which each arm of the search is trained."""
    mode: Mode = "rounds"

    @property
    def waits(self) -> bool:
        return self.mode == "rounds"

    @cached_property
    def n_arms(self) -> int:
        """Number of arms that the search proposes in all cells, if none ends early."""
        return sum(cell.n_arms for cell in self.cells)

    @cached_property
    def cell_checks(self) -> tuple[CellCheck, ...]:
        """Feasible configs of each cell.

        Raises:
            ConfigError: no point of a cell is feasible.
        """
        return check_cells(self.space, [cell.cell for cell in self.cells])

    def propose(self, history: History) -> Round | None:
        """The arms of the next round; None if all cells have their arms, or no further points.

        A round without arms only records proposals that were infeasible or repeated earlier ones.
        """
        names = ArmNames.of(self.space, history)
        asks = []
        for cell, n_new in self._numbers_of_new_arms(history):
            asks += cell.proposals(history, n_new, names)
        if not asks:
            return None
        results = history.by_name
        settings = {ask.arm: ask.settings for ask in reversed(asks) if ask.arm is not None}
        proposed = list(dict.fromkeys(ask.arm for ask in asks if ask.arm is not None))
        arms = tuple(Arm(name, settings[name]) for name in proposed if name not in results)
        # A point that equals an arm of a design is that arm, with the seeds of the search.
        pairs = [
            (name, seed)
            for seed in self.seeds
            for name in proposed
            if name not in results or seed not in results[name].seeds("search")
        ]
        return Round(stage="search", arms=arms, trials=tuple(pairs), asks=tuple(asks))

    def outlook(
        self,
        *,
        seeds: Sequence[int],  # noqa: ARG002
        configs: Mapping[str, TrialConfig],  # noqa: ARG002
        earlier: Sequence[StageOutlook],  # noqa: ARG002
    ) -> StageOutlook:
        """The arms of all cells, each with all seeds of the search.

        A cell of which some corners are infeasible may end before it has its arms.
        """
        checks = self.cell_checks
        n_arms = [cell.n_arms if cell.n_points is None else min(cell.n_arms, cell.n_points) for cell in self.cells]
        n_certain = sum(n for n, each in zip(n_arms, checks, strict=True) if not each.n_infeasible)
        cells = f"{counted(len(self.cells), 'cell')} x " if len(self.cells) > 1 else ""
        most = "at most " if min(n_arms) < max(n_arms) else ""
        return StageOutlook(
            stage="search",
            size=f"{cells}{most}{counted(max(n_arms), 'arm')} x {counted(len(self.seeds), 'seed')}",
            groups=tuple(ArmGroup(config=each.configs[0], n_arms=n) for n, each in zip(n_arms, checks, strict=True)),
            min_trials=n_certain * len(self.seeds),
            max_trials=sum(n_arms) * len(self.seeds),
            n_compared=0,
            n_seeds=0,
        )

    def remarks(self, asks: Sequence[Ask]) -> tuple[str, ...]:
        """Sentences about cells that ended, after these proposals, before they had all their arms."""
        return tuple(remark for cell in self.cells if (remark := cell.remark(asks)) is not None)

    def _numbers_of_new_arms(self, history: History) -> list[tuple[CellSearch, int]]:
        """The cells that propose next, each with a number of arms to add."""
        if self.mode == "rounds":
            return [(cell, self.round_size) for cell in self.cells]
        left = [cell for cell in self.cells if not cell.is_over(cell.asks_in(history))]
        return [(min(left, key=lambda cell: n_arms(cell.asks_in(history))), 1)] if left else []


def build_search(
    *,
    grid: Sequence[Dimension],
    dimensions: Sequence[Dimension],
    preset: Preset,
    shared: Mapping[str, Any],
    sampler: SamplerConfig,
    arms_per_cell: int,
    round_size: int | None,
    seeds: tuple[int, ...],
    mode: Mode = "rounds",
) -> Search:
    """A search over the cells of a grid.

    Args:
        grid: Dimensions of the grid; none for a single cell.
        dimensions: Dimensions that are searched in each cell.
        preset: Base config.
        shared: Dotted settings of all arms.
        sampler: Settings of the sampler of each cell; seeds of the cells are derived from its seed.
        arms_per_cell: Number of arms of each cell.
        round_size: Number of arms that each cell adds in a round; None for what suits the sampler.
        seeds: Seeds with which each arm is trained.
        mode: When the search proposes.

    Raises:
        ConfigError: a dimension is invalid, a number does not fit, or the sampler cannot be used.
    """
    if arms_per_cell < 1:
        raise ConfigError(f"search.arms_per_cell is at least 1; got {arms_per_cell}")
    if not dimensions:
        raise ConfigError(
            "a search needs dimensions, written [[search.space]]; got none; add one, or list the arms as [[space]]"
        )
    _check_seeds(seeds)
    if any(dimension.path == "seed" for dimension in (*grid, *dimensions)):
        raise ConfigError("the seed is no dimension of a search; each arm is trained with all of search.seeds")
    cells = cells_of(grid, dimensions, preset, shared)
    if (n_arms_in_all := len(cells) * arms_per_cell) > MAX_POINTS:
        raise ConfigError(
            f"a search has at most {MAX_POINTS:,} arms in all cells; this one has {n_arms_in_all:,}; "
            "lower search.arms_per_cell"
        )
    cell_seeds = [cell_seed(sampler.seed, cell.name) for cell in cells]
    samplers = [build_sampler(sampler, seed) for seed in cell_seeds]
    for cell, built in zip(cells, samplers, strict=True):
        _check_conditions(cell.space, built, sampler.kind)
    _check_budget(samplers[0], sampler.kind, arms_per_cell)
    if round_size is None:
        round_size = samplers[0].round_size or min(-(-MIN_ROUND // len(cells)), arms_per_cell)
    _check_round_size(samplers[0], sampler.kind, round_size, arms_per_cell)
    return Search(
        space=Space([*grid, *dimensions], preset, shared),
        cells=tuple(
            CellSearch(
                cell=cell,
                sampler=built,
                sampler_kind=sampler.kind,
                seed=seed,
                n_arms=arms_per_cell,
                seeds=seeds,
                has_pending=mode == "asynchronous",
            )
            for cell, built, seed in zip(cells, samplers, cell_seeds, strict=True)
        ),
        round_size=round_size,
        seeds=seeds,
        mode=mode,
    )


def cell_seed(seed: int, cell: str) -> int:
    """The seed of a cell's sampler, in [0, 2^32), from the seed of the search and the name of the cell."""
    name = int.from_bytes(hashlib.sha256(cell.encode()).digest()[:8], "big")
    return int(np.random.SeedSequence([seed, name]).generate_state(1)[0])


def _check_seeds(seeds: Sequence[int]) -> None:
    """Raise ConfigError if there are fewer than two seeds, or if one is negative, too large or occurs twice."""
    check_seeds("search.seeds", seeds)
    if len(seeds) < 2:
        raise ConfigError(
            f"search.seeds must be at least two, because a single seed rewards luck; got {list(seeds)}; add another one"
        )


def _check_conditions(space: Space, sampler: Sampler, kind: str) -> None:
    """Raise ConfigError if a dimension of a cell depends on another one, and the sampler cannot handle this."""
    if sampler.handles_conditions:
        return
    for dimension in space.dimensions:
        for parent in dimension.when:
            raise ConfigError(
                f"sampler {kind} needs cells without conditions, and {dimension.path} depends on {parent}; "
                f"move {parent} to [[search.grid]], or choose the sampler tpe, quasi_random or random"
            )


def _check_budget(sampler: Sampler, kind: str, arms_per_cell: int) -> None:
    """Raise ConfigError if the sampler never comes to use results."""
    if sampler.n_startup >= arms_per_cell:
        name = "population_size" if kind == "nsga2" else "n_startup"
        raise ConfigError(
            f"sampler {kind} learns nothing: its first {sampler.n_startup} points of a cell do not depend on results, "
            f"and search.arms_per_cell is {arms_per_cell}; raise arms_per_cell, lower search.sampler.{name}, or choose "
            "the sampler quasi_random"
        )


def _check_round_size(sampler: Sampler, kind: str, size: int, arms_per_cell: int) -> None:
    """Raise ConfigError if the size of rounds does not fit the budget or the sampler."""
    if not 1 <= size <= arms_per_cell and sampler.round_size is None:
        raise ConfigError(f"search.round_size is between 1 and arms_per_cell, {arms_per_cell}; got {size}")
    if sampler.round_size is not None and (size < 1 or sampler.round_size % size != 0):
        raise ConfigError(
            f"search.round_size of sampler {kind} divides its {sampler.round_size} points of a generation, so that "
            f"each generation begins when the one before it is complete; got {size}"
        )
