"""Responses of synths, against scipy and against the sound that the synth makes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import freqz

from core.seeding import initialise
from core.settings.filters import FilterResponse, RbjFilterConfig
from core.settings.synths import EngelConfig, FmConfig, ShanConfig, SubtractiveConfig, SynthConfig
from core.synths.build import build_synth
from core.synths.engel import Engel
from core.synths.filters import LearnedFilter, rbj_biquad
from core.synths.mod_synth import ModSynth
from core.synths.responses import FLOOR_DB, biquad_magnitude_db, responses, wavetable
from core.synths.shan import Shan
from core.synths.subtractive import Subtractive
from tests.support.notes import AUDIO, GREY_BOX, WHITE_BOX

RATE = AUDIO.sample_rate


def test_magnitudes_are_scipys() -> None:
    b, a = rbj_biquad("low_pass", torch.tensor([500.0, 2000.0]), torch.tensor([0.7, 3.0]), RATE)
    frequencies = torch.linspace(20, 0.45 * RATE, 50, dtype=torch.float64)
    found = biquad_magnitude_db(b, a, frequencies, RATE)
    for i in range(2):
        _, expected = freqz(b[i].numpy(), [1.0, *a[i].tolist()], worN=frequencies.numpy(), fs=RATE)
        np.testing.assert_allclose(found[i].numpy(), 20 * np.log10(np.abs(expected)), atol=1e-3)


def test_the_low_pass_opens_with_its_curve() -> None:
    (response,) = responses(build_synth(WHITE_BOX, AUDIO), RATE, (0.0, 0.5, 1.0))
    assert (response.module, response.modulation, response.unit) == ("low-pass filter", "sub", "Hz")
    assert response.magnitude_db[:, 0].tolist() == pytest.approx([0, 0, 0], abs=1.0)
    energy = response.magnitude_db.mean(1)
    assert (energy.diff() > 3).all()


@pytest.mark.parametrize(
    ("response", "module"),
    [("high_pass", "high-pass filter"), ("band_pass", "band-pass filter"), ("notch", "notch filter")],
)
def test_the_resonant_filter_has_the_name_and_the_magnitudes_of_its_kind(response: FilterResponse, module: str) -> None:
    config = replace(WHITE_BOX, filter=RbjFilterConfig(response=response))
    (found,) = responses(build_synth(config, AUDIO), RATE, (0.5,))
    assert found.module == module
    centre = found.positions.log().sub(math.log(math.sqrt(100.0 * 0.45 * RATE))).abs().argmin()
    lowest, at_centre = float(found.magnitude_db[0, 0]), float(found.magnitude_db[0, centre])
    assert (lowest < at_centre) == (response != "notch")


def test_the_learned_filter_is_evaluated_through_its_adapter() -> None:
    synth = build_synth(GREY_BOX, AUDIO)
    assert isinstance(synth, ModSynth)
    assert isinstance(synth.filter, LearnedFilter)
    initialise(synth, 0)
    (response,) = responses(synth, RATE, (0.25, 0.75))
    assert response.module == "learned filter"
    logits = synth.controls(torch.full((1, 3, 5), 0.75)).filter[:, 2]
    b, a = synth.filter.transfer(logits[0].detach())
    _, expected = freqz(b.numpy(), [1.0, *a.tolist()], worN=response.positions.numpy(), fs=RATE)
    np.testing.assert_allclose(response.magnitude_db[1].numpy(), 20 * np.log10(np.abs(expected)), atol=1e-2)


def test_the_harmonic_synth_has_harmonics_and_noise_bands() -> None:
    synth = build_synth(EngelConfig(), AUDIO)
    assert isinstance(synth, Engel)
    initialise(synth, 0)
    harmonics, noise = responses(synth, RATE, (0.0, 1.0))
    assert (harmonics.module, harmonics.modulation, harmonics.unit) == ("harmonics", "add", "harmonic")
    assert harmonics.positions.tolist() == list(range(1, 61))
    controls = synth.controls(torch.ones(1, 3, 3))
    total = (10 ** (harmonics.magnitude_db[1].double() / 20)).sum()
    assert float(total) == pytest.approx(float(controls.harmonic_amplitude[0, 1, 0].detach()), rel=1e-3)
    assert (noise.module, noise.modulation) == ("noise bands", "sub")
    assert noise.positions[[0, -1]].tolist() == [0, RATE / 2]
    assert (noise.magnitude_db >= FLOOR_DB).all()


def test_a_wavetable_is_that_of_its_oscillator() -> None:
    white, grey = build_synth(WHITE_BOX, AUDIO), build_synth(GREY_BOX, AUDIO)
    for synth in (white, grey):
        assert isinstance(synth, ModSynth)
        table = wavetable(synth)
        assert table is not None
        assert torch.equal(table, synth.oscillator.table)
        assert not table.requires_grad
    assert wavetable(build_synth(EngelConfig(), AUDIO)) is None


def test_other_oscillators_have_a_waveform_for_each_value_of_their_curve() -> None:
    sine = np.sin(2 * np.pi * np.arange(1024) / 1024)
    fm = wavetable(build_synth(FmConfig(ratio=2.0), AUDIO))
    assert fm is not None
    np.testing.assert_allclose(fm[0].numpy(), sine, atol=1e-6)
    assert wavetable(build_synth(FmConfig(ratio=1.5), AUDIO)) is None, "it does not repeat with the pitch"
    subtractive = build_synth(SubtractiveConfig(), AUDIO)
    assert isinstance(subtractive, Subtractive)
    waves = wavetable(subtractive)
    assert waves is not None
    torch.testing.assert_close(waves[[0, -1]], subtractive.tables)
    shan = build_synth(ShanConfig(), AUDIO)
    assert isinstance(shan, Shan)
    initialise(shan, 0)
    waves = wavetable(shan)
    assert waves is not None
    weights = shan.controls(torch.ones(1, 3, 3)).weights[0, 1]
    torch.testing.assert_close(waves[-1], (weights[:, None] * shan.tables.table).sum(0).detach())


@pytest.mark.parametrize("config", [ShanConfig(), FmConfig(), SubtractiveConfig()])
def test_every_filter_has_its_response(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    (response,) = responses(synth, RATE, (0.0, 1.0))
    assert response.modulation == "sub"
    assert response.module == ("low-pass filter" if isinstance(config, SubtractiveConfig) else "learned filter")
    assert float((response.magnitude_db[1] - response.magnitude_db[0]).abs().max()) > 0.01


def test_a_granular_synth_has_no_curve_to_respond_to() -> None:
    for config in (ShanConfig(control="granular"), EngelConfig(control="granular")):
        synth = build_synth(config, AUDIO)
        initialise(synth, 0)
        assert responses(synth, RATE, (0.0, 1.0)) == ()
    shan = build_synth(ShanConfig(control="granular", n_tables=5), AUDIO)
    assert isinstance(shan, Shan)
    waves = wavetable(shan)
    assert waves is not None
    assert torch.equal(waves, shan.tables.table)
