"""Failure signatures: what is wrong with a trial that finished, named with the part it is wrong with and a number.

A trial may have a good mean and still have found nothing for one of its modulations. Each signature is one threshold on
one number, so that it can be read off the trial's record by anybody who would have drawn the line elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence

from core.metrics.effect import EFFECT
from core.metrics.interpretability import RANGE, SATURATION
from core.storage.records import STATIC_RANGE, MetricValues, Signature, SignatureKind
from core.synths.diagnostics import Measure

NO_EFFECT = 0.05
"""A modulation has no effect if holding it at its mean raises `audio.mss` by less.

`audio.mss` has a scale of its own, on which silence is at about 5, so the threshold does not depend on how good the
rest of the trial is. It is a quarter of the smallest effect that a true curve has in the synthetic data: holding the
true position costs 0.21 in `sine_to_saw` and 0.6 to 0.7 in livelier tables, holding the cutoff 1.1, the envelope 0.4.
"""
SATURATED_SHARE = 0.5
"""A modulation is saturated if more than this share of its frames is at 0 or 1."""
ALIASING_DB = -40.0
"""A synth aliases if more energy than this is not at multiples of the pitch; the built-in wavetables have -74 dB."""
RINGING_S = 0.25
"""A filter is near instability if it rings longer; the built-in low-pass rings for 0.09 s at most, at its lowest cutoff
and largest Q."""
SILENT_DB = -60.0
"""A branch is silent if it has less energy than this, relative to the loudest branch."""
MEANINGS: Mapping[SignatureKind, str] = {
    "static": f"the mean range of the curve is below {STATIC_RANGE:g}",
    "no effect": f"the curve moves, but holding it at its mean raises audio.mss by less than {NO_EFFECT:g}",
    "saturated": f"more than {100 * SATURATED_SHARE:.0f} % of the curve's frames are at 0 or 1",
    "aliasing": f"more than {ALIASING_DB:g} dB of the energy of steady notes is not at multiples of their pitch",
    "near instability": f"the filter's response to an impulse takes longer than {RINGING_S:g} s to decay by 60 dB",
    "silent branch": f"the branch has less energy than {SILENT_DB:g} dB of that of the loudest one",
    "diverged": "the loss exceeded its limit or was not a number; the number is that of the last step",
}
"""What each signature means."""
UNITS: Mapping[SignatureKind, str] = {"aliasing": "dB", "near instability": "s", "silent branch": "dB"}
"""Units of the numbers that have one."""


def signatures_of(
    values: MetricValues, modulations: Sequence[str], measures: Sequence[Measure]
) -> tuple[Signature, ...]:
    """Signatures of a finished trial.

    Args:
        values: Its metrics by full name.
        modulations: Names of the modulations of its synth.
        measures: What its synth does, see `core.synths.diagnostics`.
    """
    return (*_of_curves(values, modulations), *_of_modules(measures))


def _of_curves(values: MetricValues, modulations: Sequence[str]) -> Iterator[Signature]:
    for name in modulations:
        value_range = values.get(f"{RANGE.name}.{name}")
        effect = values.get(f"{EFFECT.name}.{name}")
        saturation = values.get(f"{SATURATION.name}.{name}")
        if value_range is not None and value_range < STATIC_RANGE:
            yield Signature(kind="static", part=name, value=value_range)
        # That a curve which does not move has no effect says nothing about the synth.
        elif effect is not None and effect < NO_EFFECT:
            yield Signature(kind="no effect", part=name, value=effect)
        if saturation is not None and saturation > SATURATED_SHARE:
            yield Signature(kind="saturated", part=name, value=saturation)


def _of_modules(measures: Sequence[Measure]) -> Iterator[Signature]:
    for measure in measures:
        kind, limit = _LIMITS[measure.kind]
        is_below = kind == "silent branch"
        if (measure.value < limit) if is_below else not measure.value <= limit:
            yield Signature(kind=kind, part=measure.module, value=measure.value)


_LIMITS: Mapping[str, tuple[SignatureKind, float]] = {
    "aliasing_db": ("aliasing", ALIASING_DB),
    "ringing_s": ("near instability", RINGING_S),
    "level_db": ("silent branch", SILENT_DB),
}
