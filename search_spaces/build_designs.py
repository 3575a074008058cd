"""Construction of designs from the entries of a study file."""

from typing import assert_never

from search_spaces.designs.base import Design
from search_spaces.designs.fractional_factorial import FractionalFactorial
from search_spaces.designs.full_factorial import FullFactorial
from search_spaces.designs.leave_one_out import LeaveOneOut
from search_spaces.designs.one_factor import OneFactor
from search_spaces.designs.space_filling import SpaceFilling
from search_spaces.space import Space
from search_spaces.study_entries import (
    AblationEntry,
    DesignEntry,
    FractionalFactorialEntry,
    FullFactorialEntry,
    LeaveOneOutEntry,
    OneFactorEntry,
    SpaceFillingEntry,
)


def design_over(space: Space, entry: DesignEntry) -> Design:
    """The design over a space that an entry describes."""
    match entry:
        case FullFactorialEntry():
            return FullFactorial(space)
        case FractionalFactorialEntry():
            return FractionalFactorial(space=space, resolution=entry.resolution, generators=entry.generators)
        case SpaceFillingEntry():
            return SpaceFilling(space=space, size=entry.n_arms, method=entry.method, seed=entry.seed)
        case _:
            assert_never(entry)


def ablation_of(entry: AblationEntry) -> Design:
    """The ablation that an entry describes."""
    match entry:
        case OneFactorEntry():
            return OneFactor(
                path=entry.path,
                baseline=entry.baseline,
                variations=entry.arms,
                baseline_name=entry.baseline_name,
            )
        case LeaveOneOutEntry():
            return LeaveOneOut(components=entry.components, full=entry.full, full_name=entry.full_name)
        case _:
            assert_never(entry)
