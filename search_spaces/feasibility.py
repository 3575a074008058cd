"""Check that the cells of a search contain points that break no rule, before anything runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import ConfigError
from core.settings.rules import check
from core.settings.trial import TrialConfig
from search_spaces.cells import Cell
from search_spaces.samplers.random import RandomSampler
from search_spaces.space import Point, Space

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


def check_cells(space: Space, cells: Sequence[Cell]) -> tuple[CellCheck, ...]:
    """Check the corners of all cells of a search: every value of a choice, and both ends of ranges.

    Infeasible corners are allowed, because a search records infeasible proposals and goes on.

    Args:
        space: The grid and the searched dimensions together.
        cells: The cells.

    Raises:
        ConfigError: a cell has no feasible corner, and no feasible point was found in it at random.
    """
    return tuple(_check_cell(space, cell) for cell in cells)


def _check_cell(space: Space, cell: Cell) -> CellCheck:
    corners = cell.space.corners()
    configs: list[TrialConfig] = []
    problem: str | None = None
    for point in corners:
        config, broken = _checked(space, cell, point)
        problem = problem or broken
        configs += [config] if broken is None else []
    n_infeasible = len(corners) - len(configs)
    if not configs:
        drawn = (_checked(space, cell, point) for point in _random_points(cell))
        configs = [config for config, broken in drawn if broken is None][:1]
    if not configs:
        name = f"cell {cell.name!r}: " if cell.name else ""
        raise ConfigError(f"[search]: {name}no point of its space is feasible; {problem}")
    return CellCheck(configs=tuple(configs), n_corners=len(corners), n_infeasible=n_infeasible, problem=problem)


def _checked(space: Space, cell: Cell, point: Point) -> tuple[TrialConfig, str | None]:
    """The config of a point, and the rule that it breaks."""
    config = space.config(cell.settings_of(point))
    try:
        check(config)
    except ConfigError as error:
        return config, str(error)
    return config, None


def _random_points(cell: Cell) -> Iterator[Point]:
    sampler = RandomSampler(0)
    return (sampler.sample(cell.space, number, ()) for number in range(MAX_DRAWS))
