"""Rates as note values at a tempo: 5.8 Hz is an eighth at 174 beats per minute."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.errors import ConfigError

TOLERANCE = 0.03
"""Largest deviation of a named note value; neighbouring ones are 12 % or more apart."""
MIN_TEMPO_BPM, MAX_TEMPO_BPM = 20.0, 400.0
"""Range of tempos."""
_WHOLE_BEATS = 4.0
"""Quarter notes in a whole note; a beat is a quarter."""
_WHOLES: Mapping[str, float] = MappingProxyType(
    {
        "4 bars": 4.0,
        "2 bars": 2.0,
        "1/1": 1.0,
        **{
            f"1/{part}{suffix}": factor / part
            for part in (2, 4, 8, 16, 32)
            for suffix, factor in (("", 1.0), (" dotted", 1.5), (" triplet", 2 / 3))
        },
    }
)
"""Lengths of a cycle in whole notes, a bar having four quarters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteValue:
    """A length of notes that is about a cycle long."""

    name: str
    """For example `1/8`, `1/8 dotted`, `1/16 triplet` or `2 bars`."""
    deviation_percent: float
    """How much faster than the note value the rate is, in per cent."""


def note_value(rate_hz: float, tempo_bpm: float) -> NoteValue | None:
    """The note value of a rate at a tempo, None if it is more than 3 % off the nearest one.

    Raises:
        ConfigError: the tempo is out of range.
    """
    check_tempo(tempo_bpm)
    whole_hz = tempo_bpm / 60.0 / _WHOLE_BEATS
    deviations = {name: rate_hz / (whole_hz / wholes) - 1.0 for name, wholes in _WHOLES.items()}
    name, deviation = min(deviations.items(), key=lambda item: abs(item[1]))
    return NoteValue(name=name, deviation_percent=100.0 * deviation) if abs(deviation) <= TOLERANCE else None


def check_tempo(tempo_bpm: float) -> None:
    """Check a tempo.

    Raises:
        ConfigError: it is out of range.
    """
    if not MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM:
        raise ConfigError(
            f"a tempo lies in {MIN_TEMPO_BPM:g}..{MAX_TEMPO_BPM:g} beats per minute; got {tempo_bpm:g}; "
            "double or halve it"
        )
