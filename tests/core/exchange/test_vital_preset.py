"""Presets of Vital as text; tests/real plays them."""

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from core.errors import DataError
from core.exchange.vital_preset import PlayedSynth, vital_preset
from core.settings.audio import AudioConfig
from core.settings.filters import LearnedFilterConfig, RbjFilterConfig
from core.settings.synths import (
    EngelConfig,
    FmConfig,
    ModSynthConfig,
    ShanConfig,
    SubtractiveConfig,
    SynthConfig,
)
from core.wavetables import load_wavetable
from tests.support.played_sounds import AUDIO, SAW_SYNTH, moving_curves

SAW = load_wavetable("saw_to_square").numpy()


def played(synth: SynthConfig = SAW_SYNTH, **changes: Any) -> PlayedSynth:
    base = PlayedSynth(
        synth=synth,
        audio=AUDIO,
        curves=moving_curves(synth),
        wavetable=SAW,
        f0_hz=220.0,
        resonance=0.0,
        peak=0.5,
    )
    return replace(base, **changes)


def settings(sound: PlayedSynth, *, with_lfos: bool = True) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(vital_preset(sound, "pad", with_lfos=with_lfos).text)["settings"]
    return content


def connections(content: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["source"], each["destination"]) for each in content["modulations"] if each["source"]]


def test_preset_has_what_vital_saves() -> None:
    content = json.loads(vital_preset(played(), "Warm pad", comments="sounds/pad.wav: drawn.").text)
    assert content["preset_name"] == "Warm pad"
    assert content["comments"] == "Made by modstudy from a sound. sounds/pad.wav: drawn."
    assert content["synth_version"].startswith("1.0.")
    assert len(content["settings"]["wavetables"]) == 3
    assert len(content["settings"]["lfos"]) == 8
    assert len(content["settings"]["modulations"]) == 64
    assert content["settings"]["sample"]["length"] * 2 == len(
        base64.b64decode(content["settings"]["sample"]["samples"])
    )


def test_curves_are_lfos_that_are_played_once() -> None:
    content = settings(played())
    assert connections(content) == [
        ("lfo_1", "osc_1_wave_frame"),
        ("lfo_2", "filter_1_cutoff"),
        ("lfo_3", "osc_1_level"),
    ]
    for number in (1, 2, 3):
        assert content[f"lfo_{number}_sync_type"] == 2.0
        assert 2 ** content[f"lfo_{number}_frequency"] == pytest.approx(1 / AUDIO.duration_s)
        assert content[f"modulation_{number}_bipolar"] == 0.0
    # Upside down.
    curve = moving_curves(SAW_SYNTH)["sub"]
    assert 1 - content["lfos"][1]["points"][1] == pytest.approx(curve[0], abs=0.006)


def test_level_is_the_root_of_the_amplitude() -> None:
    content = settings(played(curves=moving_curves(SAW_SYNTH) | {"env": np.full(AUDIO.n_frames, 0.25)}))
    assert 1 - content["lfos"][2]["points"][1] == pytest.approx(0.5)


def test_cutoff_has_the_range_of_the_synth() -> None:
    content = settings(played())
    assert content["filter_1_cutoff"] == pytest.approx(69 + 12 * np.log2(100 / 440))
    highest = 0.45 * AUDIO.sample_rate
    assert content["modulation_2_amount"] * 128 == pytest.approx(12 * np.log2(highest / 100))


def test_cutoffs_that_vital_does_not_have_are_its_lowest_and_highest() -> None:
    wide = replace(SAW_SYNTH, filter=RbjFilterConfig(min_cutoff_hz=2.0, max_cutoff_hz=30_000.0))
    audio = AudioConfig(sample_rate=96_000, hop_length=750)
    content = settings(played(wide, audio=audio, curves=moving_curves(wide, audio)))
    assert content["filter_1_cutoff"] == 8.0
    assert content["modulation_2_amount"] == pytest.approx(1.0)
    curve = moving_curves(wide, audio)["sub"]
    semitones = 12 * np.log2(2 / 440) + 69 + 12 * np.log2(15_000) * curve[0]
    assert 1 - content["lfos"][1]["points"][1] == pytest.approx((semitones - 8) / 128, abs=0.006)


def test_without_lfos_the_controls_are_held_at_the_means_of_the_curves() -> None:
    content = settings(played(), with_lfos=False)
    curves = moving_curves(SAW_SYNTH)
    assert connections(content) == []
    assert content["osc_1_wave_frame"] == pytest.approx(256 * curves["add"].mean())
    assert content["osc_1_level"] == pytest.approx(np.sqrt(curves["env"].mean()))
    low, high = (69 + 12 * np.log2(hz / 440) for hz in (100.0, 0.45 * AUDIO.sample_rate))
    assert content["filter_1_cutoff"] == pytest.approx(low + (high - low) * curves["sub"].mean())
    assert vital_preset(played(), "pad", with_lfos=False).shape_errors == {}


@pytest.mark.parametrize(
    ("depth", "destination", "amount"),
    [(0.5, "osc_1_tune", 0.5), (1.0, "osc_1_tune", 1.0), (6.0, "osc_1_transpose", 0.125)],
)
def test_vibrato_moves_the_tune_around_that_of_the_note(depth: float, destination: str, amount: float) -> None:
    content = settings(played(replace(SAW_SYNTH, vibrato_semitones=depth), f0_hz=225.0))
    assert connections(content)[-1] == ("lfo_4", destination)
    assert content["modulation_4_bipolar"] == 1.0
    assert content["modulation_4_amount"] == pytest.approx(amount)
    assert content["osc_1_tune"] == pytest.approx(12 * np.log2(225 / 220))


def test_a_notch_moves_two_filters_by_one_lfo() -> None:
    content = settings(played(replace(SAW_SYNTH, filter=RbjFilterConfig(response="notch"))))
    assert ("lfo_2", "filter_1_cutoff") in connections(content)
    assert ("lfo_2", "filter_2_cutoff") in connections(content)
    assert content["filter_1_cutoff"] == content["filter_2_cutoff"]


@pytest.mark.parametrize(("f0_hz", "note"), [(220.0, 57), (225.0, 57), (8.2, 0), (12_543.0, 127)])
def test_note_is_the_nearest(f0_hz: float, note: int) -> None:
    preset = vital_preset(played(f0_hz=f0_hz), "pad")
    assert preset.note == note
    tune = json.loads(preset.text)["settings"]["osc_1_tune"]
    assert 440 * 2 ** ((note + tune - 69) / 12) == pytest.approx(f0_hz)


def test_rows_of_the_wavetable_lie_at_equal_distances() -> None:
    table = SAW[:16]
    keyframes = settings(played(wavetable=table))["wavetables"][0]["groups"][0]["components"][0]["keyframes"]
    positions = [keyframe["position"] for keyframe in keyframes]
    assert (len(positions), positions[0], positions[-1]) == (16, 0, 256)
    np.testing.assert_allclose(positions, np.linspace(0, 256, 16), atol=0.5)
    row = np.frombuffer(base64.b64decode(keyframes[3]["wave_data"]), "<f4")
    assert row.shape == (2048,)
    assert np.corrcoef(row[::2], table[3])[0, 1] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0])
def test_volume_and_wavetable_together_have_the_loudness_of_the_table(scale: float) -> None:
    content = settings(played(wavetable=scale * SAW, peak=0.4 * scale))
    volume = 10 ** ((np.sqrt(content["volume"]) - 80) / 20)
    keyframe = content["wavetables"][0]["groups"][0]["components"][0]["keyframes"][0]["wave_data"]
    peak = np.abs(np.frombuffer(base64.b64decode(keyframe), "<f4")).max()
    filter_gain = 1 + 2 * content["filter_1_resonance"] ** 3
    assert volume * peak / filter_gain == pytest.approx(scale * np.abs(SAW[0]).max(), rel=0.02)
    assert 0.4 * scale / volume <= 0.67


def test_what_vital_cannot_do_is_remarked() -> None:
    steep = replace(SAW_SYNTH, filter=RbjFilterConfig(max_q=100.0))
    preset = vital_preset(played(steep, resonance=1.0, peak=5.0), "pad")
    assert preset.remarks == (
        "Vital's filter has a Q of 0.5 to 16; the sound's is 100.",
        "The sound is so loud that Vital's filter may saturate its peaks.",
    )
    assert preset.remarks[0] in json.loads(preset.text)["comments"]
    assert vital_preset(played(), "pad").remarks == ()


@pytest.mark.parametrize(
    "synth", [EngelConfig(), ShanConfig(), FmConfig(), ModSynthConfig(filter=LearnedFilterConfig())]
)
def test_synths_that_vital_does_not_have_are_refused(synth: SynthConfig) -> None:
    with pytest.raises(
        DataError, match=f"can play mod_synth with a filter of kind 'rbj', and subtractive.*{synth.kind}"
    ):
        vital_preset(played(synth), "pad")


def test_subtractive_needs_no_wavetable() -> None:
    content = settings(played(SubtractiveConfig(), wavetable=None))
    keyframes = content["wavetables"][0]["groups"][0]["components"][0]["keyframes"]
    assert [keyframe["position"] for keyframe in keyframes] == [0, 256]


def broken(table: Float[ndarray, "position sample"]) -> Float[ndarray, "position sample"]:
    table = table.copy()
    table[0, 0] = np.nan
    return table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wavetable": None}, "needs the wavetable of the synth.*got none"),
        ({"wavetable": SAW[:1]}, r"got one of shape \(1, 1024\)"),
        ({"wavetable": 0 * SAW}, "not all 0"),
        ({"wavetable": broken(SAW)}, "finite values"),
        ({"f0_hz": 4.0}, "pitch of 4 Hz"),
        ({"audio": replace(AUDIO, duration_s=200.0)}, "lasts at most 128 s; the sound has 200 s"),
        ({"curves": {"add": np.zeros(9), "env": np.zeros(9)}}, "sub is missing"),
        ({"curves": moving_curves(SAW_SYNTH) | {"sub": np.array([0.1, np.nan])}}, "sub has 1 that are not"),
    ],
)
def test_sounds_without_a_preset_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        vital_preset(played(**changes), "pad")
