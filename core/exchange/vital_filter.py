"""Vital's filter that is a filter of the "Audio EQ Cookbook" (Bristow-Johnson) with a given Q.

Of Vital's models, only the digital one is linear: a state-variable filter in the bilinear transform, as the cookbook's
filters are. Measured on saws rendered by vita 0.1.0 (tests/real/test_vital_preset.py measures it again):

    Q = 0.5 + 15.5 r^3            r the resonance in 0..1
    gain = 1 / (1 + 2 r^3)        of low-pass, band-pass and high-pass: the style "12dB" with blend 0, 1 and 2

The band-pass has a gain of Q at its centre, the cookbook's a gain of 1. The notches of the model are of fourth order,
so a notch is a low-pass and a high-pass side by side, whose sum it is. Outputs above 0.66 are saturated.
"""

from dataclasses import dataclass
from typing import assert_never

from core.settings.filters import FilterResponse

LOWEST_NOTE, HIGHEST_NOTE = 8.0, 136.0
"""Range of Vital's cutoff in semitones: 13 Hz to 21.1 kHz."""
LINEAR_PEAK = 0.66
"""Largest magnitude of a filter's output that is not saturated."""
_DIGITAL = 3.0
"""The linear model."""
_FIRST_FILTER, _BOTH_FILTERS = 0.0, 2.0
"""Destinations of the oscillator."""
_MIN_Q, _MAX_Q = 0.5, 16.0
"""Q at resonances 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalFilter:
    """Settings of Vital's filters for one filter of the cookbook."""

    blends: tuple[float, ...]
    """Blend of each filter, of which there are two side by side for a notch."""
    resonance: float
    """Resonance of each filter, 0..1."""
    gain: float
    """Gain of the cookbook's filter over that of Vital's."""
    q: float
    """Q that the filter has: that of the cookbook's filter, or the nearest that Vital's has."""
    headroom: float
    """Peak of the outputs of Vital's filters over that of their sum, at most: those of a notch cancel near its
    frequency."""

    def controls(self) -> dict[str, float]:
        """Values of Vital's controls but for the cutoffs."""
        values = {"osc_1_destination": _FIRST_FILTER if len(self.blends) == 1 else _BOTH_FILTERS}
        for number, blend in enumerate(self.blends, start=1):
            values |= {
                f"filter_{number}_on": 1.0,
                f"filter_{number}_model": _DIGITAL,
                f"filter_{number}_style": 0.0,
                f"filter_{number}_blend": blend,
                f"filter_{number}_resonance": self.resonance,
                f"filter_{number}_drive": 0.0,
                f"filter_{number}_mix": 1.0,
                f"filter_{number}_keytrack": 0.0,
            }
        return values


def vital_filter(response: FilterResponse, q: float) -> VitalFilter:
    """Vital's filter for a cookbook filter with a given Q, or with the nearest Q that Vital has, 0.5 to 16."""
    nearest = min(max(q, _MIN_Q), _MAX_Q)
    cube = (nearest - _MIN_Q) / (_MAX_Q - _MIN_Q)
    gain, headroom = 1.0 + 2.0 * cube, 1.0
    match response:
        case "low_pass":
            blends: tuple[float, ...] = (0.0,)
        case "high_pass":
            blends = (2.0,)
        case "band_pass":
            blends, gain = (1.0,), gain / nearest
        case "notch":
            blends, headroom = (0.0, 2.0), max(1.0, nearest)
        case _:
            assert_never(response)
    return VitalFilter(blends=blends, resonance=cube ** (1 / 3), gain=gain, q=nearest, headroom=headroom)
