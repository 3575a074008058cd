"""Curves of a synth in plain English, as a sound designer speaks of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.discovery.description import CurveDescription, Lfo
from core.discovery.envelopes import Envelope, Ramp
from core.discovery.fades import Fade
from core.discovery.shape_fits import ROUGH_ERROR
from core.discovery.steps import Steps
from core.modulations import Modulation
from core.settings.synths import EngelConfig, SynthConfig

HARDLY = 0.15
"""A curve with a smaller range hardly moves, if it is not heard."""
_NOTABLE_PERCENT = 0.5
"""Smallest deviation from a note value that is said."""
_SUDDEN_S = 0.1
"""A fade that takes less time is a start or an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a modulation controls."""

    name: str
    """For example `filter`."""
    lfo: str
    """An LFO on it, for example `tremolo`."""


def part_of(modulation: Modulation, synth: SynthConfig) -> Part:
    """The part of a synth that a modulation controls, in a sound designer's words."""
    match modulation.name:
        case "env":
            return Part(name="level", lfo="tremolo")
        case "vibrato":
            return Part(name="pitch", lfo="vibrato")
        case "sub" if isinstance(synth, EngelConfig):
            return Part(name="noise", lfo="noise LFO")
        case "sub":
            return Part(name="filter", lfo="filter LFO")
        case "add":
            return Part(name="timbre", lfo=f"timbre LFO ({modulation.description})")
        case _:
            return Part(name=modulation.description, lfo=f"LFO on {modulation.description}")


def in_words(curve: CurveDescription, part: Part, tempo_bpm: float, semitones: float = 0.0) -> str:
    """What a curve does, for example `tremolo: 5.8 Hz (1/8 at 174 BPM), depth 0.6, sine`.

    Args:
        curve: The curve.
        part: What it controls.
        tempo_bpm: The tempo of its note values.
        semitones: Deviation of the pitch at the ends of the curve's range; 0 for curves of anything else.
    """
    if curve.lfo is not None:
        over = "" if curve.envelope is None else f", over {_article(_envelope(curve.envelope))}"
        return f"{part.lfo}: {_lfo(curve.lfo, tempo_bpm, semitones)}{over}"
    if curve.steps is not None:
        return f"{part.name}: {_steps(curve.steps)}"
    if curve.envelope is not None:
        return f"{part.name}: {_envelope(curve.envelope)}"
    if curve.kind == "still":
        return f"{part.name}: stays at {number(curve.mean)}"
    return f"{part.name}: moves freely between {number(curve.low)} and {number(curve.high)}"


def listed(items: Sequence[str]) -> str:
    """Items joined as in a sentence: `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def number(value: float) -> str:
    """A number in 0..1 with two digits, without trailing zeros."""
    return f"{round(value, 2) + 0.0:g}"


# ---------------------------------------------------------------------------------------------------------------------


def _lfo(lfo: Lfo, tempo_bpm: float, semitones: float) -> str:
    shape = lfo.shape if lfo.shape_error <= ROUGH_ERROR else f"roughly {_article(lfo.shape)}"
    swing = f" (±{semitones * lfo.depth:.2g} semitones)" if semitones else ""
    return f"{lfo.rate_hz:.3g} Hz{_note(lfo, tempo_bpm)}, depth {number(lfo.depth)}{swing}, {shape}{_fade(lfo.fade)}"


def _note(lfo: Lfo, tempo_bpm: float) -> str:
    if lfo.note is None:
        return ""
    percent = lfo.note.deviation_percent
    off = f", {abs(percent):.1f} % {'fast' if percent > 0 else 'slow'}" if abs(percent) >= _NOTABLE_PERCENT else ""
    return f" ({lfo.note.name} at {tempo_bpm:.4g} BPM{off})"


def _fade(fade: Fade | None) -> str:
    if fade is None:
        return ""
    if fade.kind == "decay":
        return f", dying away (time constant {_seconds(fade.end_s - fade.start_s)})"
    is_sudden = fade.end_s - fade.start_s < _SUDDEN_S
    if fade.kind == "in":
        if is_sudden:
            return f", from {_seconds(fade.start_s)} on"
        return f", fading in from {_seconds(fade.start_s)} to {_seconds(fade.end_s)}"
    if is_sudden:
        return f", until {_seconds(fade.start_s)}"
    return f", fading out from {_seconds(fade.start_s)} to {_seconds(fade.end_s)}"


def _envelope(envelope: Envelope) -> str:
    first, *rest = envelope.ramps
    text = f"{envelope.shape} from {number(first.from_level)} to {number(first.to_level)} {_time(first)}"
    for ramp in rest:
        text += f", then to {number(ramp.to_level)} {_time(ramp)}"
    return text


def _time(ramp: Ramp) -> str:
    bend = "" if ramp.bend == "linear" else f" ({ramp.bend})"
    start = f" from {_seconds(ramp.start_s)} on" if ramp.start_s >= _SUDDEN_S else ""
    return f"in {_seconds(ramp.most_s)}{start}{bend}"


def _steps(steps: Steps) -> str:
    times = [_seconds(time_s) for time_s in steps.times_s]
    return f"steps {listed([number(level) for level in steps.levels])}, changing at {listed(times)}"


def _seconds(time_s: float) -> str:
    return f"{time_s:.2f} s"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
