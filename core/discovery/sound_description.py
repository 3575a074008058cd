"""What moves a sound, in words: each modulation by its measured effect, and where another may as well explain it.

The movement of a sound is what the estimate gains over constant curves, `constant_mss - mss`. A modulation is heard if
holding it at its mean raises the distance by at least 0.05 (`core.metrics.signatures`) and by a tenth of the largest
such rise. If the distance of each modulation's solo is known as well, its contribution is the mean of what it takes
away when it is held and what it brings when it moves alone: with two modulations, their Shapley values (Shapley 1953).

Two modulations may explain the same movement: a filter that opens and closes is also heard as level. Then each can do
what the other does, so holding one has little effect while both matter together, or the solo of each is nearly as good
as the estimate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.discovery.description import CurveDescription, describe_curve
from core.discovery.discovered_sound import DiscoveredCurve
from core.discovery.words import HARDLY, Part, in_words, listed, part_of
from core.errors import DataError
from core.metrics.signatures import NO_EFFECT
from core.settings.synths import SynthConfig

HEARD_SHARE = 0.1
"""Smallest effect of a modulation that is heard, as a share of the largest one."""
LFO_SHARE = 0.25
"""An LFO is the main modulation if its contribution is at least this share of the largest one.

Any note has an envelope, which matters much to a distance of spectra.
"""
ALIKE_RATE = 0.05
"""Two LFOs move alike if their rates differ by no more than this share."""
ALIKE_CORRELATION = 0.8
"""Curves move alike, or opposite, from this correlation on."""
SMALL_SHARE = 0.3
"""An effect is small if it is a smaller share of the movement."""
NEARLY_ALL = 0.7
"""A solo explains nearly all if it has this share of the movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedModulation:
    """A modulation of a sound."""

    name: str
    part: Part
    curve: CurveDescription
    effect: float
    """Rise of the distance `audio.mss` when the curve is held at its mean."""
    contribution: float
    """The effect, or its mean with the gain of the solo, where that is known."""
    is_heard: bool
    words: str
    """What the curve does."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "name": self.name,
            "part": self.part.name,
            "effect": self.effect,
            "contribution": self.contribution,
            "is_heard": self.is_heard,
            "words": self.words,
            "curve": self.curve.as_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundDescription:
    """What moves a sound."""

    modulations: tuple[DescribedModulation, ...]
    """The greatest contribution first."""
    tempo_bpm: float
    mss: float
    constant_mss: float
    main_modulation: str | None
    """Name of the modulation to which the movement is attributed; None if nothing moves that is heard."""
    main_rate_hz: float | None
    """Rate of its LFO; None if it is none."""
    may_as_well_be: tuple[str, ...]
    """Modulations that explain the movement nearly as well as the main one."""
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "sentence": self.sentence,
            "main_modulation": self.main_modulation,
            "main_rate_hz": self.main_rate_hz,
            "may_as_well_be": list(self.may_as_well_be),
            "tempo_bpm": self.tempo_bpm,
            "mss": self.mss,
            "constant_mss": self.constant_mss,
            "modulations": [modulation.as_dict() for modulation in self.modulations],
        }


def describe_sound(
    curves: Sequence[DiscoveredCurve],
    *,
    frame_rate: float,
    mss: float,
    constant_mss: float,
    synth: SynthConfig,
    tempo_bpm: float = 120.0,
    solo_mss: Mapping[str, float] | None = None,
) -> SoundDescription:
    """Describe what moves a sound.

    Args:
        curves: The curves with their effects.
        frame_rate: Their frames per second.
        mss: Distance `audio.mss` of the estimate.
        constant_mss: The same of the best estimate with constant curves.
        synth: The synth that the curves control.
        tempo_bpm: Tempo of the note values.
        solo_mss: Distances of the solos by the name of the modulation, if they are known.

    Raises:
        DataError: there are no curves, a curve cannot be described, or a distance is not a number.
        ConfigError: the tempo is out of range.
    """
    solo_mss = solo_mss or {}
    _check(curves, {"mss": mss, "constant_mss": constant_mss, **{f"solo of {k}": v for k, v in solo_mss.items()}})
    movement = constant_mss - mss
    largest = max(curve.effect for curve in curves)
    described = []
    for curve in curves:
        description = describe_curve(curve.values, frame_rate, tempo_bpm)
        part = part_of(curve.modulation, synth)
        name = curve.modulation.name
        solo = solo_mss.get(name)
        semitones = synth.vibrato_semitones if name == "vibrato" else 0.0
        described.append(
            DescribedModulation(
                name=name,
                part=part,
                curve=description,
                effect=curve.effect,
                contribution=curve.effect if solo is None else (curve.effect + constant_mss - solo) / 2,
                is_heard=description.kind != "still" and curve.effect >= max(NO_EFFECT, HEARD_SHARE * largest),
                words=in_words(description, part, tempo_bpm, semitones),
            )
        )
    ranked = tuple(sorted(described, key=lambda modulation: -modulation.contribution))
    main = main_modulation(ranked, movement)
    values = {curve.modulation.name: curve.values for curve in curves}
    others = () if main is None else _equally_good(main, ranked, values, movement, constant_mss, solo_mss)
    return SoundDescription(
        modulations=ranked,
        tempo_bpm=tempo_bpm,
        mss=mss,
        constant_mss=constant_mss,
        main_modulation=None if main is None else main.name,
        main_rate_hz=None if main is None or main.curve.lfo is None else main.curve.lfo.rate_hz,
        may_as_well_be=tuple(other.name for other in others),
        sentence=_sentence(ranked, main, others),
    )


def main_modulation(ranked: Sequence[DescribedModulation], movement: float) -> DescribedModulation | None:
    """The modulation to which the movement of a sound is attributed, None if nothing that moves is heard.

    It is the heard one with the greatest contribution, but an LFO that has a quarter of it comes before other motions.
    If none is heard alone, though the curves together are, all that move count: each makes up for the other.

    Args:
        ranked: The modulations, the greatest contribution first.
        movement: How much nearer the estimate is than one with constant curves.
    """
    moving = [modulation for modulation in ranked if modulation.curve.kind != "still"]
    heard = [modulation for modulation in moving if modulation.is_heard]
    if not heard and movement >= NO_EFFECT:
        heard = moving
    if not heard:
        return None
    least = LFO_SHARE * heard[0].contribution
    lfos = [modulation for modulation in heard if modulation.curve.lfo is not None and modulation.contribution >= least]
    return lfos[0] if lfos else heard[0]


# ---------------------------------------------------------------------------------------------------------------------


def _check(curves: Sequence[DiscoveredCurve], distances: Mapping[str, float]) -> None:
    if not curves:
        raise DataError("a sound is described by its curves; got none; discover it with a synth that has modulations")
    effects = {f"effect of {curve.modulation.name}": curve.effect for curve in curves}
    lengths = {curve.modulation.name: len(curve.values) for curve in curves}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"the curves of a sound have the same frames; got {shown}; describe curves of one sound")
    for name, value in {**distances, **effects}.items():
        if not np.isfinite(value):
            raise DataError(f"the distances of a sound are numbers; got {name} = {value:g}; measure it again")


def _equally_good(
    main: DescribedModulation,
    ranked: Sequence[DescribedModulation],
    values: Mapping[str, Float[ndarray, " frame"]],
    movement: float,
    constant_mss: float,
    solo_mss: Mapping[str, float],
) -> tuple[DescribedModulation, ...]:
    """Modulations other than the main one that explain the movement nearly as well."""
    if movement < NO_EFFECT:
        return ()
    found = []
    for other in ranked:
        if other is main or other.curve.kind == "still":
            continue
        solo = solo_mss.get(other.name)
        if solo is not None:
            is_as_good = constant_mss - solo >= NEARLY_ALL * movement
        else:
            both_are_small = max(main.effect, other.effect) < SMALL_SHARE * movement
            is_as_good = both_are_small and _move_alike(main, other, values)
        if is_as_good:
            found.append(other)
    return tuple(found)


def _move_alike(
    one: DescribedModulation, other: DescribedModulation, values: Mapping[str, Float[ndarray, " frame"]]
) -> bool:
    """Whether two modulations have LFOs of the same rate or curves that rise and fall together or in opposition."""
    a, b = one.curve.lfo, other.curve.lfo
    if a is not None and b is not None:
        return abs(a.rate_hz - b.rate_hz) <= ALIKE_RATE * max(a.rate_hz, b.rate_hz)
    return abs(float(np.corrcoef(values[one.name], values[other.name])[0, 1])) >= ALIKE_CORRELATION


def _sentence(
    ranked: Sequence[DescribedModulation], main: DescribedModulation | None, others: Sequence[DescribedModulation]
) -> str:
    clauses = ["no modulation is heard" if main is None else main.words]
    if others:
        clauses.append(f"it may as well be {' or '.join(map(_alternative, others))}")
    rest = [modulation for modulation in ranked if modulation is not main]
    clauses += [modulation.words for modulation in rest if modulation.is_heard]
    silent = [modulation for modulation in rest if not modulation.is_heard and modulation not in others]
    for is_one_of, verb, verb_of_many in _QUIET:
        parts = [f"the {modulation.part.name}" for modulation in silent if is_one_of(modulation.curve)]
        if parts:
            clauses.append(f"{listed(parts)} {verb if len(parts) == 1 else verb_of_many}")
    return "; ".join(clauses)


def _alternative(modulation: DescribedModulation) -> str:
    return f"a {modulation.part.lfo}" if modulation.curve.lfo is not None else f"the {modulation.part.name}"


def _is_still(curve: CurveDescription) -> bool:
    return curve.kind == "still"


def _hardly_moves(curve: CurveDescription) -> bool:
    return not _is_still(curve) and curve.range < HARDLY


def _moves(curve: CurveDescription) -> bool:
    return curve.range >= HARDLY


_QUIET: Sequence[tuple[Callable[[CurveDescription], bool], str, str]] = (
    (
        lambda curve: not _is_still(curve) and not _hardly_moves(curve),
        "moves, but is hardly heard",
        "move, but are hardly heard",
    ),
    (_hardly_moves, "hardly moves", "hardly move"),
    (_is_still, "stays", "stay"),
)
"""What is said of curves that are not heard, of one and of several."""
