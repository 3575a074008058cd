"""Largest size of a study, checked by counting before any arm is made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from core.errors import ConfigError
from core.settings.value_rules import shown_text
from search_spaces.limits import MAX_CELLS, MAX_TRIALS
from search_spaces.study_entries import (
    AblationEntry,
    ConfirmEntry,
    DesignEntry,
    DimensionEntry,
    FractionalFactorialEntry,
    FullFactorialEntry,
    LeaveOneOutEntry,
    OneFactorEntry,
    SearchEntry,
    SpaceFillingEntry,
)

MAX_SHOWN_DIMENSIONS = 8
"""Largest number of dimensions whose sizes an error message shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Number of trials of a part of a study, as the product of what it combines."""

    n_seeds: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Numbers that are multiplied to the number of arms, by what they count, such as the path of a dimension."""

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return math.prod(self.sizes.values()) * self.n_seeds

    def __str__(self) -> str:
        sizes = [f"{_count(size)} {shown_text(name)}" for name, size in self.sizes.items() if size > 1]
        n_more = len(sizes) - MAX_SHOWN_DIMENSIONS
        shown = [*sizes[:MAX_SHOWN_DIMENSIONS], *([f"those of {n_more} more"] if n_more > 0 else [])]
        return f"arms: {' x '.join(shown) or 1}, seeds: {self.n_seeds:,}"


def check_n_trials(*amounts: Amount) -> None:
    """Check the number of trials of a study, which is the sum of those of its parts.

    Raises:
        ConfigError: there are more than `MAX_TRIALS`.
    """
    n_trials = sum(amount.n_trials for amount in amounts)
    if n_trials > MAX_TRIALS:
        parts = "; ".join(str(amount) for amount in amounts if amount.n_trials)
        raise ConfigError(
            f"a study has at most {MAX_TRIALS:,} trials; this one has {_count(n_trials)} ({parts}); give fewer values "
            'or seeds, or take a part of a space: [design] kind = "space_filling" or "fractional_factorial"'
        )


def amounts_of(
    *,
    space: Sequence[DimensionEntry],
    design: DesignEntry,
    ablation: AblationEntry | None,
    n_explicit: int,
    search: SearchEntry | None,
    confirm: ConfirmEntry,
    n_seeds: int,
) -> list[Amount]:
    """Numbers of trials of the parts of a study; dimensions with conditions are not counted.

    Args:
        space: Entries of the dimensions of the design.
        design: Its entry.
        ablation: Entry of the ablation, if there is one.
        n_explicit: Number of explicit arms.
        search: Entry of the search, if there is one.
        confirm: Entry of the confirmation of its arms.
        n_seeds: Number of seeds of each arm, at most.

    Raises:
        ConfigError: the search has too many cells.
    """
    amounts: list[Amount] = []
    if space:
        match design:
            case FullFactorialEntry():
                amounts.append(Amount(sizes=sizes_of(space), n_seeds=n_seeds))
            case SpaceFillingEntry():
                amounts.append(Amount(sizes={"of the design": design.n_arms}, n_seeds=n_seeds))
            case FractionalFactorialEntry():
                pass  # The number of runs follows from the generators, and is checked when they are known.
            case _:
                assert_never(design)
    match ablation:
        case None:
            n_listed = n_explicit
        case OneFactorEntry():
            n_listed = n_explicit + 1 + len(ablation.arms)
        case LeaveOneOutEntry():
            n_listed = n_explicit + 1 + len(ablation.components)
        case _:
            assert_never(ablation)
    amounts.append(Amount(sizes={"listed": n_listed}, n_seeds=n_seeds))
    if search:
        grid = sizes_of(search.grid)
        check_n_cells(grid)
        searched = Amount(sizes={**grid, "in each cell": search.arms_per_cell}, n_seeds=len(search.seeds))
        n_confirmed = min(confirm.max_arms, math.prod(searched.sizes.values()))
        amounts += [searched, Amount(sizes={"confirmed": n_confirmed}, n_seeds=n_seeds)]
    return amounts


def sizes_of(entries: Sequence[DimensionEntry]) -> dict[str, int]:
    """Numbers of values of the dimensions that always exist, by their path."""
    return {entry.path: entry.n_values for entry in entries if not entry.when}


def check_n_cells(sizes: Mapping[str, int]) -> None:
    """Check the number of cells of a search, the product of the sizes of the dimensions of its grid.

    Raises:
        ConfigError: there are more than `MAX_CELLS`.
    """
    if (n_cells := math.prod(sizes.values())) > MAX_CELLS:
        shown = list(sizes.items())[:MAX_SHOWN_DIMENSIONS]
        parts = " x ".join(f"{_count(size)} {shown_text(path)}" for path, size in shown)
        raise ConfigError(
            f"a search has at most {MAX_CELLS:,} cells; [[search.grid]] has {_count(n_cells)} ({parts}); give fewer "
            "values, or move a dimension to [[search.space]]"
        )


def _count(number: int) -> str:
    """A number as text, which may have hundreds of digits."""
    return f"{number:,}" if number < 10**18 else f"about 10^{math.log10(number):.0f}"
