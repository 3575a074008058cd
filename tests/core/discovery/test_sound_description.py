"""Sentences about sounds whose curves and effects are known, and to which modulation their movement is attributed."""

import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.discovery.discovered_sound import DiscoveredCurve
from core.discovery.sound_description import SoundDescription, describe_sound
from core.errors import DataError
from core.settings.synths import EngelConfig, FmConfig, ModSynthConfig, SynthConfig
from tests.support.known_curves import FRAME_RATE, time_of

Curve = Float[ndarray, " frame"]
TIME_S = time_of(3.0)
STILL = np.full_like(TIME_S, 0.4)
SYNTH = ModSynthConfig(vibrato_semitones=1.0)


def sine(rate_hz: float, depth: float, phase: float = 0.0) -> Curve:
    return np.asarray(0.5 + depth / 2 * np.sin(2 * math.pi * (rate_hz * TIME_S + phase)))


def described(
    curves: Mapping[str, tuple[Curve, float]],
    *,
    mss: float = 0.5,
    constant_mss: float = 2.0,
    tempo_bpm: float = 174.0,
    synth: SynthConfig = SYNTH,
    solo_mss: Mapping[str, float] | None = None,
) -> SoundDescription:
    """The description of curves with effects, by the name of their modulation."""
    modulations = {modulation.name: modulation for modulation in synth.modulations}
    return describe_sound(
        [
            DiscoveredCurve(
                modulation=modulations[name], values=values, effect=effect, solo=np.zeros(8), muted=np.zeros(8)
            )
            for name, (values, effect) in curves.items()
        ],
        frame_rate=FRAME_RATE,
        mss=mss,
        constant_mss=constant_mss,
        synth=synth,
        tempo_bpm=tempo_bpm,
        solo_mss=solo_mss,
    )


def test_a_tremolo_is_said_with_rate_note_depth_and_shape() -> None:
    found = described({"add": (STILL, 0.0), "sub": (sine(2.0, 0.1), 0.01), "env": (sine(5.8, 0.6), 1.2)})
    assert found.sentence == (
        "tremolo: 5.8 Hz (1/8 at 174 BPM), depth 0.6, sine; the filter hardly moves; the timbre stays"
    )
    assert (found.main_modulation, found.may_as_well_be) == ("env", ())
    assert found.main_rate_hz == pytest.approx(5.8, rel=1e-3)
    assert [modulation.name for modulation in found.modulations] == ["env", "sub", "add"]


def test_a_filter_lfo_over_an_envelope_of_the_level() -> None:
    decay = 0.1 + 0.8 * np.exp(-TIME_S / 0.5)
    found = described({"add": (sine(3.0, 0.5), 0.02), "sub": (sine(3.0, 0.5), 0.6), "env": (decay, 0.9)})
    assert found.sentence == (
        "filter LFO: 3 Hz, depth 0.5, sine; level: decay from 0.9 to 0.1 in 1.47 s (exponential); "
        "the timbre moves, but is hardly heard"
    )
    # The LFO comes before the envelope that any note has, though the envelope has the greater effect.
    assert found.main_modulation == "sub"


def test_deviations_fades_and_trends_are_said() -> None:
    late = 0.5 + (sine(4.08, 0.6) - 0.5) * np.clip((TIME_S - 0.8) / 0.5, 0, 1)
    trend = sine(4.08, 0.3) * 0.5 + 0.6 - 0.2 * TIME_S
    found = described({"sub": (trend, 0.3), "env": (late, 0.6)}, tempo_bpm=120.0)
    assert found.sentence == (
        "tremolo: 4.08 Hz (1/8 at 120 BPM, 2.0 % fast), depth 0.6, sine, fading in from 0.77 s to 1.32 s; "
        "filter LFO: 4.08 Hz (1/8 at 120 BPM, 2.0 % fast), depth 0.15, sine, over a decay from 0.85 to 0.25 in 3.00 s"
    )


def test_a_vibrato_is_said_in_semitones() -> None:
    found = described({"env": (STILL, 0.0), "vibrato": (sine(5.8, 0.5), 0.7)})
    assert found.sentence == ("vibrato: 5.8 Hz (1/8 at 174 BPM), depth 0.5 (±0.5 semitones), sine; the level stays")


def test_steps_and_free_motions_are_said() -> None:
    steps = np.where(TIME_S < 1, 0.2, np.where(TIME_S < 1.7, 0.8, 0.4))
    found = described({"sub": (steps, 0.3), "env": (0.5 + 0.4 * np.sin(2 * math.pi * TIME_S / 3), 0.2)})
    assert found.sentence == (
        "filter: steps 0.2, 0.8 and 0.4, changing at 1.00 s and 1.70 s; level: moves freely between 0.1 and 0.9"
    )
    assert (found.main_modulation, found.main_rate_hz) == ("sub", None)


def test_a_sound_without_movement_says_so() -> None:
    found = described({"add": (STILL, 0.0), "sub": (STILL, 0.0), "env": (sine(3.0, 0.2), 0.01)}, constant_mss=0.51)
    assert (
        found.sentence == "no modulation is heard; the level moves, but is hardly heard; the timbre and the filter stay"
    )
    assert (found.main_modulation, found.main_rate_hz) == (None, None)


def test_words_depend_on_the_synth() -> None:
    curves = {"add": (sine(3.0, 0.5), 0.5), "sub": (sine(5.0, 0.5), 0.3)}
    fm = described(curves, synth=FmConfig(), tempo_bpm=100.0)
    engel = described(curves, synth=EngelConfig(), tempo_bpm=100.0)
    assert fm.sentence == (
        "timbre LFO (modulation index): 3 Hz, depth 0.5, sine; "
        "filter LFO: 5 Hz (1/8 triplet at 100 BPM), depth 0.5, sine"
    )
    assert engel.sentence.endswith("; noise LFO: 5 Hz (1/8 triplet at 100 BPM), depth 0.5, sine")


def test_modulations_that_make_up_for_each_other_may_be_each_other() -> None:
    alike = {"add": (STILL, 0.0), "sub": (sine(3.0, 0.4, 0.5), 0.02), "env": (sine(3.0, 0.6), 0.04)}
    found = described(alike, tempo_bpm=100.0)
    assert (found.main_modulation, found.may_as_well_be) == ("env", ("sub",))
    assert found.sentence == ("tremolo: 3 Hz, depth 0.6, sine; it may as well be a filter LFO; the timbre stays")
    # Each matters by itself.
    assert described({**alike, "env": (sine(3.0, 0.6), 1.0)}).may_as_well_be == ()
    # They do not move alike.
    assert described({**alike, "sub": (sine(4.0, 0.4), 0.02)}).may_as_well_be == ()


def test_a_modulation_whose_solo_is_as_good_may_be_the_cause() -> None:
    curves = {"sub": (sine(3.0, 0.4), 0.3), "env": (sine(3.0, 0.6), 0.4)}
    found = described(curves, solo_mss={"sub": 0.8, "env": 0.7})
    assert (found.main_modulation, found.may_as_well_be) == ("env", ("sub",))
    # The solo of the filter explains nearly all, that of the level nothing.
    found = described(curves, solo_mss={"sub": 0.6, "env": 2.0})
    assert (found.main_modulation, found.may_as_well_be) == ("sub", ())


def test_a_description_is_ready_for_json() -> None:
    found = described({"sub": (sine(2.0, 0.1), 0.01), "env": (sine(5.8, 0.6), 1.2)})
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["sentence"] == found.sentence
    assert plain["main_modulation"] == "env"
    assert [modulation["name"] for modulation in plain["modulations"]] == ["env", "sub"]
    assert plain["modulations"][0]["curve"]["lfo"]["note"]["name"] == "1/8"


def test_what_cannot_be_described_is_refused() -> None:
    with pytest.raises(DataError, match="a sound is described by its curves; got none"):
        described({})
    with pytest.raises(DataError, match="distances of a sound are numbers; got effect of env = nan"):
        described({"env": (STILL, math.nan)})
    with pytest.raises(DataError, match="have the same frames; got sub 385, env 10"):
        described({"sub": (STILL, 0.0), "env": (STILL[:10], 0.0)})
