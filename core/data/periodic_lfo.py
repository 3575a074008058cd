"""Periodic LFOs of a declared rate, as tremolo, filter LFO, vibrato or movement of the wavetable position.

curve(t) = cycle((rate t + phase) mod 1), where the cycle (core.data.lfo_shapes) is a sine, a triangle or a random shape
that rises once and falls once. The strongest component of each is its fundamental, so a curve's dominant rate
(core.metrics.rates) is the declared one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.data.lfo_shapes import DrawnLfo
from core.errors import ConfigError

Target = Literal["tremolo", "filter", "vibrato", "position"]
"""What an LFO moves: level, filter cutoff, pitch, or wavetable position."""
Form = Literal["sine", "triangle", "random"]
"""Kind of a cycle."""
MIN_RATE_HZ, MAX_RATE_HZ = 0.1, 20.0
"""Range of rates."""
MIN_CYCLES = 2.0
"""Fewest cycles in a sound, from which on its rate can be told from a bend of a curve."""
_EXTREMES: Mapping[Target, tuple[tuple[float, float], tuple[float, float]]] = MappingProxyType(
    {
        "tremolo": ((0.15, 0.45), (0.85, 1.0)),
        "filter": ((0.1, 0.35), (0.65, 0.95)),
        "vibrato": ((0.15, 0.4), (0.6, 0.85)),
        "position": ((0.0, 0.3), (0.7, 1.0)),
    }
)
"""Ranges of a curve's smallest and of its largest value.

Of a vibrato, 0 and 1 are one semitone below and above the note, which is its middle.
"""
_SINE_SEGMENTS = 32
"""Straight segments of a sine, which is thus exact to 0.5 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicLfo:
    """An LFO that repeats its cycle at a constant rate."""

    target: Target
    rate_hz: float
    phase: float
    """Position in the cycle at the start of the sound, 0..1."""
    form: Form
    cycle: DrawnLfo

    def at(self, time_s: Float[ndarray, " frame"]) -> Float[ndarray, " frame"]:
        """Values in 0..1 at times in seconds."""
        return self.cycle.at((self.rate_hz * time_s + self.phase) % 1.0)

    @property
    def low(self) -> float:
        """Smallest value."""
        return min(y for _, y in self.cycle.points)

    @property
    def high(self) -> float:
        """Largest value."""
        return max(y for _, y in self.cycle.points)


def check_rates(rates_hz: tuple[float, float], duration_s: float) -> None:
    """Check a range of rates for sounds of a length.

    Raises:
        ConfigError: it is empty or out of range, or its slowest LFO has too few cycles to have a rate.
    """
    low, high = rates_hz
    if not MIN_RATE_HZ <= low <= high <= MAX_RATE_HZ:
        raise ConfigError(
            f"LFO rates lie in {MIN_RATE_HZ:g}..{MAX_RATE_HZ:g} Hz, the lower one first; got {low:g}:{high:g}"
        )
    if low * duration_s < MIN_CYCLES:
        raise ConfigError(
            f"an LFO needs {MIN_CYCLES:g} cycles for its rate to be found; {low:g} Hz has fewer in {duration_s:g} s; "
            f"render sounds of {MIN_CYCLES / low:g} s or raise the lowest rate"
        )


def draw_periodic_lfo(target: Target, rates_hz: tuple[float, float], rng: np.random.Generator) -> PeriodicLfo:
    """A random LFO with a log-uniform rate, a uniform phase, and one of the three forms of cycles."""
    rate_hz = float(np.exp(rng.uniform(math.log(rates_hz[0]), math.log(rates_hz[1]))))
    form: Form = ("sine", "triangle", "random")[int(rng.integers(3))]
    low, high = (float(rng.uniform(*extreme)) for extreme in _EXTREMES[target])
    if target == "vibrato":
        high = 1.0 - low
    cycle = _scaled(_cycle(form, rng), low, high)
    return PeriodicLfo(target=target, rate_hz=rate_hz, phase=float(rng.random()), form=form, cycle=cycle)


# ---------------------------------------------------------------------------------------------------------------------


def _cycle(form: Form, rng: np.random.Generator) -> DrawnLfo:
    """A cycle from 0 to 1 and back."""
    match form:
        case "sine":
            x = np.linspace(0.0, 1.0, _SINE_SEGMENTS + 1)
            y = 0.5 - 0.5 * np.cos(2 * np.pi * x)
            points = tuple(zip(x.tolist(), np.clip(y, 0.0, 1.0).tolist(), strict=True))
            return DrawnLfo(points=points, powers=(0.0,) * _SINE_SEGMENTS)
        case "triangle":
            return DrawnLfo(points=((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)), powers=(0.0, 0.0))
        case "random":
            top, rise, fall = rng.uniform(0.2, 0.8), rng.uniform(-3.0, 3.0), rng.uniform(-3.0, 3.0)
            return DrawnLfo(points=((0.0, 0.0), (float(top), 1.0), (1.0, 0.0)), powers=(float(rise), float(fall)))
        case _:
            assert_never(form)


def _scaled(cycle: DrawnLfo, low: float, high: float) -> DrawnLfo:
    """A cycle over 0..1 scaled to low..high."""
    return DrawnLfo(points=tuple((x, low + (high - low) * y) for x, y in cycle.points), powers=cycle.powers)
