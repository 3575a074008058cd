"""What the page of a discovered sound shows besides the sound itself: words about its curves, and exported files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.discovery.discovered_sound import DiscoveredSound


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulationWords:
    """A modulation in words and numbers; what is unknown or does not apply is None."""

    name: str
    """Name of the modulation, as in the curve's `Modulation`."""
    title: str
    """What it is, in a few words, such as `tremolo` or `filter LFO`."""
    words: str
    """Its motion in a phrase, such as `5.8 Hz, depth 0.6, sine`."""
    rate_hz: float | None = None
    """Dominant rate in Hz."""
    note_value: str | None = None
    """The rate as a note value with its tempo, such as `1/8 at 120 bpm`."""
    depth: float | None = None
    """Distance of the curve's extremes, in 0..1."""
    phase: float | None = None
    """Position in the cycle at the start of the sound, in 0..1."""
    shape: str | None = None
    """Shape that fits best, such as `sine`."""
    shape_error: float | None = None
    """RMS error of that shape, as a share of the depth."""


class FileLine(Protocol):
    """A file beside the page."""

    @property
    def name(self) -> str:
        """Path relative to the page, with forward slashes."""

    @property
    def what(self) -> str:
        """What it is and what opens it, in a line."""


def modulation_words(description: Mapping[str, Any]) -> tuple[ModulationWords, ...]:
    """The words of each modulation from the description of a sound as plain values, as in its `summary.json`.

    Args:
        description: `SoundDescription.as_dict()` of `core.discovery.sound_description`.
    """
    return tuple(_words(each, description["tempo_bpm"]) for each in description["modulations"])


def words_by_name(words: Sequence[ModulationWords], sound: DiscoveredSound) -> dict[str, ModulationWords]:
    """The words of each curve of a sound by name; a curve without any has its declaration."""
    known = {each.name: each for each in words}
    return {
        curve.modulation.name: known.get(
            curve.modulation.name,
            ModulationWords(
                name=curve.modulation.name, title=curve.modulation.name, words=curve.modulation.description
            ),
        )
        for curve in sound.curves
    }


# ---------------------------------------------------------------------------------------------------------------------


def _words(modulation: Mapping[str, Any], tempo_bpm: float) -> ModulationWords:
    curve = modulation["curve"]
    title, _, motion = modulation["words"].partition(": ")
    fit = curve["lfo"] or curve["envelope"]
    common = {"name": modulation["name"], "title": title, "words": motion or title}
    if curve["lfo"] is None:
        shape = "steps" if curve["steps"] is not None else None if fit is None else fit["shape"]
        return ModulationWords(**common, depth=curve["high"] - curve["low"], shape=shape)
    note = fit["note"]
    return ModulationWords(
        **common,
        rate_hz=fit["rate_hz"],
        note_value=None if note is None else f"{note['name']} at {tempo_bpm:.4g} BPM",
        depth=fit["depth"],
        phase=fit["phase"],
        shape=fit["shape"],
        shape_error=fit["shape_error"],
    )
