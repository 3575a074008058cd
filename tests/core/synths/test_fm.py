"""The FM synth: its index over pitch and curve, and aliasing."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.ops.phase_modulation import largest_index, modulate_phase
from core.seeding import initialise
from core.settings.audio import AudioConfig
from core.settings.synths import FmConfig
from core.synths.build import build_synth
from core.synths.fm import Fm
from core.synths.note import Note
from tests.support.notes import AUDIO, curves_of

SECOND = AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=125)


def fm(config: FmConfig, audio: AudioConfig = AUDIO) -> Fm:
    synth = build_synth(config, audio)
    assert isinstance(synth, Fm)
    initialise(synth, 0)
    return synth


def note_at(f0_hz: float) -> Note:
    return Note(f0_hz=torch.tensor([f0_hz]), q=torch.zeros(1), phase=torch.zeros(1))


@torch.no_grad()
def test_without_modulation_a_sine_is_filtered() -> None:
    synth = fm(FmConfig())
    curves = curves_of(1)
    curves[:, 0] = 0
    controls = synth.controls(curves)
    sine = torch.sin(2 * math.pi * 200 * torch.arange(AUDIO.n_samples, dtype=torch.float64) / AUDIO.sample_rate)
    expected = synth.filter(sine.float()[None], controls.filter, controls.amplitude)
    torch.testing.assert_close(synth.render(controls, note_at(200.0)), expected, atol=1e-5, rtol=1e-4)


def test_the_curve_is_the_share_of_the_largest_index() -> None:
    curves = curves_of(2)
    torch.testing.assert_close(fm(FmConfig(max_index=5.0)).controls(curves).index, 5 * curves[:, 0])


@torch.no_grad()
def test_a_high_note_has_the_index_that_its_pitch_allows() -> None:
    note = note_at(1000.0)
    allowed = float(largest_index(note.f0_hz, 1.0, AUDIO.sample_rate)[0])
    assert 1 < allowed < 20
    wide, narrow = (fm(FmConfig(max_index=index)) for index in (20.0, allowed))
    curves = curves_of(1)
    torch.testing.assert_close(wide(curves, note), narrow(curves, note), atol=1e-5, rtol=1e-4)
    low = note_at(100.0)
    assert float((wide(curves, low) - narrow(curves, low)).abs().max()) > 0.01


@torch.no_grad()
def test_a_vibrato_lowers_the_index_to_that_of_its_highest_pitch() -> None:
    synth, note = fm(FmConfig(max_index=50.0, vibrato_semitones=12.0)), note_at(500.0)
    _, bent = synth.split_vibrato(curves_of(1, 4), note)
    assert bent.highest_hz.tolist() == [1000.0]
    controls = synth.controls(curves_of(1))
    lower = replace(controls, index=controls.index * float(largest_index(torch.tensor([1000.0]), 1.0, 16_000)) / 50)
    phase = bent.phase_of_samples(AUDIO.n_samples, AUDIO.sample_rate, AUDIO.hop_length)
    sound = modulate_phase(lower.index, phase, 1.0, AUDIO.hop_length)
    expected = synth.filter(sound, controls.filter, controls.amplitude)
    torch.testing.assert_close(synth.render(controls, bent), expected, atol=1e-5, rtol=1e-4)


def off_the_comb(audio: Tensor, spacing: int) -> float:
    """Energy of one second outside multiples of some Hz over that within, in dB."""
    energy = torch.fft.rfft(audio.double()).abs().square()
    comb = torch.arange(len(energy)) % spacing == 0
    return 10 * math.log10(float(energy[~comb].sum() / energy[comb].sum()) + 1e-30)


@pytest.mark.parametrize(("f0_hz", "ratio"), [(66, 1.0), (226, 1.0), (442, 1.5), (1006, 1.5), (1906, 0.5), (2514, 2.0)])
def test_aliasing_stays_below_the_sound_by_57_db(f0_hz: int, ratio: float) -> None:
    """A sideband that folds at Nyquist falls between the partials, since these do not divide the sample rate."""
    spacing = f0_hz if ratio.is_integer() else f0_hz // 2
    assert 16_000 % spacing
    note = note_at(float(f0_hz))
    phase = note.phase_of_samples(16_000, 16_000, 125)
    largest = largest_index(note.f0_hz, ratio, 16_000).clamp_max(100.0)
    bounded, unbounded = (
        modulate_phase(index[:, None].expand(1, SECOND.n_frames), phase, ratio, 125)[0]
        for index in (largest, torch.tensor([150.0]))
    )
    assert off_the_comb(bounded, spacing) < -57
    assert off_the_comb(unbounded, spacing) > -10, "sidebands that fold are seen"
