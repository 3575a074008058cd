"""MIDI files of curves, read back by mido and by the rules of the specification for controllers."""

import io
from itertools import pairwise

import mido
import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.errors import ConfigError, DataError
from core.exchange.midi import BEND_SEMITONES, TICKS_PER_BEAT, curves_midi

N_FRAMES = 257
SECONDS = 2.0
CURVES = {
    "add": np.linspace(0.0, 1.0, N_FRAMES),
    "sub": 0.5 + 0.5 * np.sin(np.linspace(0, 20, N_FRAMES)),
    "env": np.repeat([1.0, 0.2], [100, N_FRAMES - 100]),
}
TIMES = np.linspace(0.0, SECONDS, N_FRAMES)

Curve = Float[ndarray, " frame"]


def written(
    curves: dict[str, Curve] | None = None,
    *,
    f0_hz: float = 220.0,
    tempo_bpm: float = 120.0,
    fourteen_bit: bool = False,
) -> mido.MidiFile:
    midi = curves_midi(
        CURVES if curves is None else curves,
        name="pad",
        duration_s=SECONDS,
        f0_hz=f0_hz,
        tempo_bpm=tempo_bpm,
        fourteen_bit=fourteen_bit,
    )
    return mido.MidiFile(file=io.BytesIO(midi.data), charset="utf-8")


def timed(track: mido.MidiTrack, tempo_bpm: float) -> list[tuple[float, mido.Message]]:
    """The messages of a track with their times in seconds."""
    ticks = np.cumsum([message.time for message in track])
    return [(tick * 60 / tempo_bpm / TICKS_PER_BEAT, message) for tick, message in zip(ticks, track, strict=True)]


def received(track: mido.MidiTrack, controller: int, tempo_bpm: float = 120.0, *, fourteen_bit: bool = False) -> Curve:
    """What a receiver has at the times of the frames; it takes the lower bits for 0 when the upper ones arrive."""
    events = [(time, m) for time, m in timed(track, tempo_bpm) if m.type == "control_change"]
    heard, value, i = [], 0, 0
    for time in TIMES:
        # Within half a tick.
        while i < len(events) and events[i][0] <= time + 1e-3:
            message = events[i][1]
            if message.control == controller:
                value = 128 * message.value if fourteen_bit else message.value
            elif fourteen_bit and message.control == controller + 32:
                value = 128 * (value // 128) + message.value
            i += 1
        heard.append(value)
    return np.array(heard) / (16_383 if fourteen_bit else 127)


@pytest.mark.parametrize("tempo_bpm", [60.0, 97.3, 174.0])
def test_seven_bits_are_within_a_step_of_the_curves(tempo_bpm: float) -> None:
    file = written(tempo_bpm=tempo_bpm)
    for track, (name, controller) in zip(file.tracks[2:], {"add": 1, "sub": 74, "env": 11}.items(), strict=True):
        assert track.name == f"{name} (CC {controller})"
        assert np.abs(received(track, controller, tempo_bpm) - CURVES[name]).max() <= 1 / 127


def test_fourteen_bits_are_within_a_step_of_the_curves() -> None:
    file = written(fourteen_bit=True)
    for track, (name, controller) in zip(file.tracks[2:], {"add": 1, "sub": 16, "env": 11}.items(), strict=True):
        error = np.abs(received(track, controller, fourteen_bit=True) - CURVES[name])
        assert error.max() <= 1 / 16_383


def test_lower_bits_follow_upper_ones_at_once() -> None:
    messages = [m for m in written(fourteen_bit=True).tracks[3] if m.type == "control_change"]
    for message, following in pairwise(messages):
        if message.control == 16:
            assert following.control == 48
            assert following.time == 0
    assert messages[-1].control == 48


def test_the_file_lasts_as_long_as_the_sound_at_any_tempo() -> None:
    for tempo_bpm in (40.0, 120.0, 200.0):
        file = written(tempo_bpm=tempo_bpm)
        assert file.length == pytest.approx(SECONDS, abs=1e-3)
        tempo = next(message.tempo for message in file.tracks[0] if message.type == "set_tempo")
        assert mido.tempo2bpm(tempo) == pytest.approx(tempo_bpm, rel=1e-4)


def test_only_changes_are_sent() -> None:
    file = written({"env": CURVES["env"], "sub": np.full(N_FRAMES, 0.3)})
    counts = [sum(message.type == "control_change" for message in track) for track in file.tracks[2:]]
    assert counts == [2, 1]


def test_at_most_200_values_a_second_are_sent() -> None:
    rng = np.random.default_rng(0)
    file = written({"sub": rng.random(20_001)})
    count = sum(message.type == "control_change" for message in file.tracks[2])
    assert 350 < count <= 200 * SECONDS + 1


def test_note_lasts_as_long_as_the_sound() -> None:
    file = written()
    assert [track.name for track in file.tracks] == ["pad", "note", "add (CC 1)", "sub (CC 74)", "env (CC 11)"]
    notes = [(time, m) for time, m in timed(file.tracks[1], 120.0) if not m.is_meta]
    assert [(time, m.type, m.note) for time, m in notes] == [(0.0, "note_on", 57), (SECONDS, "note_off", 57)]


@pytest.mark.parametrize(("cents", "is_bent"), [(0, False), (4, False), (-6, True), (40, True), (-49, True)])
def test_pitch_is_bent_if_it_is_more_than_5_cents_from_the_note(cents: float, is_bent: bool) -> None:
    messages = written(f0_hz=440 * 2 ** (cents / 1200)).tracks[1]
    bends = [message for message in messages if message.type == "pitchwheel"]
    assert len(bends) == is_bent
    assert next(message.note for message in messages if message.type == "note_on") == 69
    for bend in bends:
        assert bend.time == 0
        assert bend.pitch / 8192 * BEND_SEMITONES * 100 == pytest.approx(cents, abs=0.05)


def test_modulations_of_other_names_have_controllers_of_their_own() -> None:
    midi = curves_midi(
        dict.fromkeys(["vibrato", "grain", "ring"], CURVES["add"]),
        name="x",
        duration_s=1.0,
        f0_hz=100.0,
        tempo_bpm=90.0,
    )
    assert midi.controllers == {"vibrato": 76, "grain": 20, "ring": 21}


@pytest.mark.parametrize("tempo_bpm", [0.0, 3.0, 1000.0, float("nan")])
def test_tempo_out_of_range_is_refused(tempo_bpm: float) -> None:
    with pytest.raises(ConfigError, match="4 to 999 beats per minute"):
        written(tempo_bpm=tempo_bpm)


@pytest.mark.parametrize("f0_hz", [0.0, 5.0, 20_000.0, float("nan")])
def test_pitch_without_a_note_is_refused(f0_hz: float) -> None:
    with pytest.raises(DataError, match="notes of 8 Hz to 12.9 kHz"):
        written(f0_hz=f0_hz)


def test_curve_that_is_not_finite_is_named() -> None:
    with pytest.raises(DataError, match="env has 1 that are not"):
        written({"env": np.array([0.0, np.nan, 1.0])})
