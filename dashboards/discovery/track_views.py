"""The curves of a sound as the page draws them: one track each, in the order of the synth's modulations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.discovery.discovered_sound import DiscoveredCurve, DiscoveredSound
from dashboards.discovery.page_content import ModulationWords, words_by_name
from dashboards.report.curve_paths import curve_path

N_COLOURS = 6
"""Colours of curves in `discovery.css`; more curves begin again with the first."""
MAX_VALUES = 2000
"""Most values of a curve that are read under the pointer."""
N_BINS = 450
"""Bins of a drawn curve with two points each, more than a screen's wide column has pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackView:
    """A curve with its words and its effect."""

    index: int
    colour: int
    """Number of its colour, from 0."""
    words: ModulationWords
    description: str
    """What the curve controls."""
    path: str
    """SVG path in a box of 100 x 100."""
    mean: float
    """Mean of the curve, in 0..1."""
    held_path: str
    """SVG path of the curve while it is held at its mean."""
    values: tuple[float, ...]
    """The curve at equal distances over the sound, for scripts."""
    effect: float
    effect_share: float
    """Length of the bar of the effect in 0..1; 0 for an effect that is not positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """How near the estimate is to the sound, beside the best one without motion."""

    mss: float
    constant_mss: float
    mss_share: float
    """Length of the bar of `mss` in 0..1; the longer of the two is 1."""
    constant_share: float
    closed_percent: int | None
    """Share of `constant_mss` that the curves remove, in percent; None if they do not bring the sound nearer."""


def track_views(sound: DiscoveredSound, words: Sequence[ModulationWords]) -> tuple[TrackView, ...]:
    """The curves of a sound.

    Bars of effects are relative to the largest effect or to what all motion brings, whichever is larger: the bars of a
    sound that hardly moves are short.
    """
    named = words_by_name(words, sound)
    reach = max(
        [_finite(sound.constant_mss - sound.mss), *(_finite(curve.effect) for curve in sound.curves)], default=0
    )
    return tuple(_track(index, curve, named[curve.modulation.name], reach) for index, curve in enumerate(sound.curves))


def nearness(sound: DiscoveredSound) -> Nearness:
    """The distances of a sound."""
    longest = max(_finite(sound.mss), _finite(sound.constant_mss))
    is_nearer = sound.constant_mss > 0 and sound.mss < sound.constant_mss < np.inf
    return Nearness(
        mss=sound.mss,
        constant_mss=sound.constant_mss,
        mss_share=_finite(sound.mss) / longest if longest > 0 else 0.0,
        constant_share=_finite(sound.constant_mss) / longest if longest > 0 else 0.0,
        closed_percent=round(100 * (1 - sound.mss / sound.constant_mss)) if is_nearer else None,
    )


def time_marks(duration_s: float) -> list[tuple[str, float]]:
    """Text of some times and their places in percent of the length; their distance is 1, 2 or 5 times a power of 10."""
    power = 10.0 ** np.floor(np.log10(duration_s / 6))
    step = next(factor * power for factor in (1, 2, 5, 10) if duration_s / (factor * power) <= 6.5)
    n_marks = int(np.floor(duration_s / step + 1e-9)) + 1
    return [(f"{index * step:g}", round(100 * index * step / duration_s, 3)) for index in range(n_marks)]


# ---------------------------------------------------------------------------------------------------------------------


def _track(index: int, curve: DiscoveredCurve, words: ModulationWords, reach: float) -> TrackView:
    mean = float(np.mean(curve.values))
    return TrackView(
        index=index,
        colour=index % N_COLOURS,
        words=words,
        description=curve.modulation.description,
        path=curve_path(curve.values, N_BINS),
        mean=round(mean, 4),
        held_path=curve_path([mean, mean]),
        values=_reduced(curve.values),
        effect=curve.effect,
        effect_share=_finite(curve.effect) / reach if reach > 0 else 0.0,
    )


def _reduced(values: Float[ndarray, " frame"]) -> tuple[float, ...]:
    """At most `MAX_VALUES` values at equal distances, of linear interpolation."""
    n_values = min(len(values), MAX_VALUES)
    places = np.linspace(0, len(values) - 1, n_values)
    return tuple(np.interp(places, np.arange(len(values)), values).round(3).tolist())


def _finite(value: float) -> float:
    """The value, or 0 if it is negative, infinite or NaN."""
    return float(value) if 0 < value < np.inf else 0.0
