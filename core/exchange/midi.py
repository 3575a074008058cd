"""Modulation curves as a Standard MIDI File: the note, and one controller (CC) per modulation, each on its own track.

Controllers follow the MIDI 1.0 specification: a 7-bit controller has values 0 to 127. With 14 bits, controller n (below
32) has the upper 7 bits and controller n + 32 the lower ones. Receivers take the lower bits for 0 when the upper ones
arrive, so both are sent when the upper bits change, and only the lower ones otherwise.

    modulation       7 bits                    14 bits
    sub              74 (brightness, cutoff)   16 (general purpose 1)
    env              11 (expression)           11
    add              1 (modulation wheel)      1
    vibrato          76 (vibrato rate)         17 (general purpose 2)
    others, in turn  20, 21, ...               20, 21, ...
"""

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import mido
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from core.errors import ConfigError, DataError
from core.exchange.shapes import unit_curve

MIN_TEMPO, MAX_TEMPO = 4.0, 999.0
"""Range of tempi in beats per minute; a MIDI file has no slower one than 3.6."""
TICKS_PER_BEAT = 960
MAX_EVENTS_PER_S = 200.0
"""Most values of a controller per second."""
BEND_SEMITONES = 2.0
"""Pitch bend at its end, as synths have it when they are switched on."""
_LARGEST_OFFSET = 0.05
"""Semitones between pitch and note from which on the pitch is bent."""
_CONTROLLERS = {"sub": 74, "env": 11, "add": 1, "vibrato": 76}
_FINE_CONTROLLERS = {"sub": 16, "env": 11, "add": 1, "vibrato": 17}
"""Controllers with a partner for the lower bits."""
_FREE = tuple(range(20, 32))
"""Controllers without a meaning in the specification."""
_VELOCITY = 100
_Timed = tuple[int, mido.Message | mido.MetaMessage]
"""A message at a tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MidiCurves:
    """A MIDI file and which controller each modulation has."""

    data: bytes
    """Content of the file."""
    controllers: Mapping[str, int]
    """Number of the controller by modulation; with 14 bits that of the upper bits."""


def curves_midi(
    curves: Mapping[str, Float[ndarray, " frame"]],
    *,
    name: str,
    duration_s: float,
    f0_hz: float,
    tempo_bpm: float,
    fourteen_bit: bool = False,
) -> MidiCurves:
    """A MIDI file of type 1: a track with tempo, a track with the note, and a track per modulation.

    Args:
        curves: Curves in 0..1 by modulation, at equal distances from the start of the sound to its end.
        name: Name of the first track.
        duration_s: Length of the sound, during which the note is held.
        f0_hz: Pitch; the note is the nearest one, with a pitch bend if it is more than 5 cents away.
        tempo_bpm: Tempo of the file in beats per minute; it does not change the time of the events in seconds.
        fourteen_bit: Whether controllers have 14 bits.

    Raises:
        ConfigError: the tempo is out of range.
        DataError: no MIDI note is near the pitch, a curve is not in 0..1, or there are more curves than controllers.
    """
    if not MIN_TEMPO <= tempo_bpm <= MAX_TEMPO:
        raise ConfigError(
            f"a tempo has {MIN_TEMPO:g} to {MAX_TEMPO:g} beats per minute; got {tempo_bpm:g}; give that of the song"
        )
    controllers = controller_numbers(curves, fourteen_bit=fourteen_bit)
    ticks_per_s = TICKS_PER_BEAT * tempo_bpm / 60
    n_ticks = max(1, round(duration_s * ticks_per_s))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    tempo = mido.MetaMessage("set_tempo", tempo=round(6e7 / tempo_bpm))
    file.tracks.append(_track(name, [(0, tempo)], n_ticks))
    file.tracks.append(_track("note", _note_events(f0_hz, n_ticks), n_ticks))
    for modulation, curve in curves.items():
        values = unit_curve(curve, modulation)
        n_steps = max(1, min(len(values) - 1, math.floor(duration_s * MAX_EVENTS_PER_S)))
        share = np.linspace(0.0, 1.0, n_steps + 1)
        sent = np.interp(share * (len(values) - 1), np.arange(len(values)), values)
        ticks = np.rint(share * n_ticks).astype(int)
        events = list(_controller_events(controllers[modulation], ticks, sent, fourteen_bit=fourteen_bit))
        file.tracks.append(_track(f"{modulation} (CC {controllers[modulation]})", events, n_ticks))
    data = io.BytesIO()
    file.save(file=data)
    return MidiCurves(data=data.getvalue(), controllers=controllers)


def controller_numbers(modulations: Mapping[str, object], *, fourteen_bit: bool) -> dict[str, int]:
    """The controller of each modulation, see the docstring of this module.

    Raises:
        DataError: there are more modulations than controllers.
    """
    known = _FINE_CONTROLLERS if fourteen_bit else _CONTROLLERS
    others = [modulation for modulation in modulations if modulation not in known]
    if len(others) > len(_FREE):
        raise DataError(f"a MIDI file has controllers for {len(_FREE)} modulations of other names; got {len(others)}")
    free = dict(zip(others, _FREE, strict=False))
    return {modulation: known.get(modulation, free.get(modulation, 0)) for modulation in modulations}


# ---------------------------------------------------------------------------------------------------------------------


def _note_events(f0_hz: float, n_ticks: int) -> list[_Timed]:
    """The note over the whole length, and the pitch bend before it."""
    semitones = 69 + 12 * math.log2(f0_hz / 440) if 0 < f0_hz < math.inf else math.nan
    if not -0.5 <= semitones < 127.5:
        raise DataError(f"MIDI has notes of 8 Hz to 12.9 kHz; the sound has a pitch of {f0_hz:g} Hz")
    note = round(semitones)
    offset = semitones - note
    bend = round(8192 * offset / BEND_SEMITONES) if abs(offset) > _LARGEST_OFFSET else 0
    events = [(0, mido.Message("pitchwheel", pitch=bend))] if bend else []
    return [
        *events,
        (0, mido.Message("note_on", note=note, velocity=_VELOCITY)),
        (n_ticks, mido.Message("note_off", note=note, velocity=0)),
    ]


def _controller_events(
    controller: int, ticks: Int[ndarray, " event"], values: Float[ndarray, " event"], *, fourteen_bit: bool
) -> Iterator[_Timed]:
    """The values that differ from those before, with their times."""
    if not fourteen_bit:
        steps = np.rint(127 * values).astype(int).tolist()
        before = -1
        for tick, step in zip(ticks.tolist(), steps, strict=True):
            if step != before:
                yield tick, mido.Message("control_change", control=controller, value=step)
            before = step
        return
    upper_before = lower_before = -1
    for tick, step in zip(ticks.tolist(), np.rint(16_383 * values).astype(int).tolist(), strict=True):
        upper, lower = divmod(step, 128)
        if upper != upper_before:
            yield tick, mido.Message("control_change", control=controller, value=upper)
        if upper != upper_before or lower != lower_before:
            yield tick, mido.Message("control_change", control=controller + 32, value=lower)
        upper_before, lower_before = upper, lower


def _track(name: str, events: list[_Timed], n_ticks: int) -> mido.MidiTrack:
    """A named track of events at absolute ticks, as long as the sound."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name, time=0)])
    now = 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=n_ticks - now))
    return track
