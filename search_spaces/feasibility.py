"""Check that the cells of a search contain points that break no rule, before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import ConfigError
from core.settings.rules import check
from core.settings.trial import TrialConfig
from search_spaces.cells import Cell
from search_spaces.samplers.random import RandomSampler
from search_spaces.search import Search
from search_spaces.space import Point

MAX_DRAWS = 200
"""Number of random points of a cell that are checked if all its corners break a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCheck:
    """Feasible configs of a cell, and how many of its corners are infeasible."""

    configs: tuple[TrialConfig, ...]
    """Configs of its feasible corners, or of one feasible point within it; at least one."""
    n_corners: int
    n_infeasible: int
    problem: str | None = None
    """A rule that an infeasible corner breaks."""


def check_cells(search: Search) -> tuple[CellCheck, ...]:
    """Check the corners of all cells: every value of a choice, and both ends of ranges.

    Infeasible corners are allowed, because a search records infeasible proposals and goes on.

    Raises:
        ConfigError: a cell has no feasible corner, and no feasible point was found in it at random.
    """
    return tuple(_check_cell(search, cell.cell) for cell in search.cells)


def _check_cell(search: Search, cell: Cell) -> CellCheck:
    corners = cell.space.corners()
    configs: list[TrialConfig] = []
    problem: str | None = None
    for point in corners:
        config, broken = _checked(search, cell, point)
        problem = problem or broken
        configs += [config] if broken is None else []
    n_infeasible = len(corners) - len(configs)
    if not configs:
        drawn = (_checked(search, cell, point) for point in _random_points(cell))
        configs = [config for config, broken in drawn if broken is None][:1]
    if not configs:
        name = f"cell {cell.name!r}: " if cell.name else ""
        raise ConfigError(f"[search]: {name}no point of its space is feasible; {problem}")
    return CellCheck(configs=tuple(configs), n_corners=len(corners), n_infeasible=n_infeasible, problem=problem)


def _checked(search: Search, cell: Cell, point: Point) -> tuple[TrialConfig, str | None]:
    """The config of a point, and the rule that it breaks."""
    config = search.space.config(cell.settings_of(point))
    try:
        check(config)
    except ConfigError as error:
        return config, str(error)
    return config, None


def _random_points(cell: Cell) -> Iterator[Point]:
    sampler = RandomSampler(0)
    return (sampler.sample(cell.space, number, ()) for number in range(MAX_DRAWS))
