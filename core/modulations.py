"""Declarations of modulations, the named curves in 0..1 that control a synth over time."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Modulation:
    """Declaration of one modulation curve of a synth or data set."""

    name: str
    """Part of metric names, curve files and reports: lower-case letters, digits and underscores."""
    description: str
    """The synth parameter that the curve controls, in words."""
    is_amplitude: bool = False
    """Whether the synth is silent while the curve is 0."""


def modulation_names(modulations: Sequence[Modulation]) -> tuple[str, ...]:
    """The name of each modulation, in order."""
    return tuple(modulation.name for modulation in modulations)
