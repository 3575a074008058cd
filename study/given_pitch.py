"""A pitch that a user gives as a note or in Hz."""

from core.data.metadata import RANGES_HZ
from core.data.note_names import note_to_hz
from core.errors import ConfigError
from core.settings.value_rules import shown_value


def given_pitch(note: str | None, f0_hz: float | None) -> float | None:
    """The pitch in Hz of `--note` or `--f0`; None if neither is given.

    Raises:
        ConfigError: both are given, or the value is no pitch.
    """
    if note is not None and f0_hz is not None:
        raise ConfigError("--note and --f0 both state the pitch; give one of them")
    if note is not None:
        if (hz := note_to_hz(note)) is None:
            raise ConfigError(
                f"--note is a name such as C#3 or Bb2 (C4 is MIDI 60) or a MIDI number; got {shown_value(note)}"
            )
        return hz
    lowest, highest = RANGES_HZ["f0_hz"]
    if f0_hz is not None and not lowest <= f0_hz <= highest:
        raise ConfigError(f"--f0 is a pitch from {lowest:g} to {highest:g} Hz; got {f0_hz:g}")
    return f0_hz
