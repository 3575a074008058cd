"""Cells of a search: the combinations of its grid, each with the space that is searched within it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import ConfigError
from core.settings.presets import Preset
from search_spaces.dimensions import Dimension
from search_spaces.limits import MAX_CELLS
from search_spaces.space import Point, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A combination of the grid's values, with the dimensions that exist there."""

    name: str
    """Readable name of the combination, such as `engel spline`; empty if the search has no grid."""
    settings: Mapping[str, Any]
    """Dotted settings of the combination."""
    space: Space
    """Dimensions to search; their conditions refer only to each other."""

    def settings_of(self, point: Point) -> dict[str, Any]:
        """Dotted settings of an arm at a point of the space."""
        return {**self.settings, **point.settings}


def cells_of(
    grid: Sequence[Dimension], dimensions: Sequence[Dimension], preset: Preset, shared: Mapping[str, Any]
) -> tuple[Cell, ...]:
    """The cells of a grid, in the order of its combinations; one cell without a name if the grid is empty.

    Args:
        grid: Dimensions with lists of values, each combination of which is a cell.
        dimensions: Dimensions to search; conditions may refer to the grid and to each other.
        preset: Base config.
        shared: Dotted settings of all points.

    Raises:
        ConfigError: a dimension is invalid (see `Space`), or one of the grid has a range or depends on a searched one.
    """
    searched = {dimension.path for dimension in dimensions}
    for dimension in grid:
        if dimension.domain.size is None:
            raise ConfigError(
                f"search.grid dimension {dimension.path} has a range of real numbers, and a grid needs `values` or a "
                "`step`; move it to [[search.space]]"
            )
        if outside := sorted(searched & dimension.when.keys()):
            raise ConfigError(
                f"search.grid dimension {dimension.path} depends on {outside[0]}, which is searched within the cells; "
                f"move {outside[0]} to [[search.grid]], or {dimension.path} to [[search.space]]"
            )
    # Checks all dimensions and conditions together.
    Space([*grid, *dimensions], preset, shared)
    if not grid:
        return (Cell(name="", settings={}, space=Space(dimensions, preset, shared)),)
    grid_space = Space(grid, preset, shared)
    if (n_cells := grid_space.n_points()) > MAX_CELLS:
        raise ConfigError(
            f"a search has at most {MAX_CELLS:,} cells; its grid has {n_cells:,}; give its dimensions fewer values, or "
            "move one to [[search.space]]"
        )
    return tuple(
        Cell(
            name=arm.name,
            settings=arm.settings,
            space=Space(_existing(dimensions, point), preset, {**shared, **arm.settings}),
        )
        for arm, point in zip(grid_space.arms(), grid_space.points(), strict=True)
    )


def _existing(dimensions: Sequence[Dimension], point: Point) -> list[Dimension]:
    """The dimensions that can exist at a point of the grid, without their conditions on the grid."""
    existing = []
    for dimension in dimensions:
        on_grid = {path: admitted for path, admitted in dimension.when.items() if not _is_in(path, dimensions)}
        if point.satisfies(on_grid):
            rest = {path: admitted for path, admitted in dimension.when.items() if path not in on_grid}
            existing.append(replace(dimension, when=rest))
    # A condition on a dimension that does not exist here cannot hold, and so on for those that depend on this one.
    while impossible := [each for each in existing if any(not _is_in(path, existing) for path in each.when)]:
        existing = [each for each in existing if each not in impossible]
    return existing


def _is_in(path: str, dimensions: Sequence[Dimension]) -> bool:
    """Whether a dimension has the path."""
    return any(dimension.path == path for dimension in dimensions)
