"""Modulations: the named curves that shape a sound, as a synth declares them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Modulation:
    """One curve in 0..1 that a synth is played by."""

    name: str
    """As in names of metrics, curve files and reports: lower-case letters, digits and underscores."""
    description: str
    """What the curve moves, for a reader."""
    is_amplitude: bool = False
    """True where the synth is silent while the curve is 0."""


def modulation_names(modulations: Sequence[Modulation]) -> tuple[str, ...]:
    return tuple(modulation.name for modulation in modulations)
