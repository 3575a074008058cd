"""Vibrato of every synth: its pitch, its gradient, and that the band limit is that of the highest pitch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import hilbert

from core.ops.phase_modulation import modulate_phase
from core.seeding import generator, initialise
from core.settings.audio import AudioConfig
from core.settings.synths import FmConfig, SynthConfig
from core.synths.build import build_synth
from tests.support.notes import AUDIO, SYNTHS, curves_of, note_of

each_synth = pytest.mark.parametrize("config", SYNTHS.values(), ids=SYNTHS.keys())


@each_synth
@torch.no_grad()
def test_at_its_highest_it_is_a_higher_note(config: SynthConfig) -> None:
    straight, bent = (build_synth(replace(config, vibrato_semitones=depth), AUDIO) for depth in (0.0, 3.0))
    for synth in (straight, bent):
        initialise(synth, 0)
    curves, note = curves_of(2), note_of(2)
    higher = replace(note, f0_hz=note.f0_hz * 2 ** (3 / 12))
    up = torch.cat([curves, torch.ones(2, 1, AUDIO.n_frames)], 1)
    torch.testing.assert_close(bent(up, note), straight(curves, higher), atol=2e-4, rtol=1e-3)


@each_synth
def test_the_curve_of_the_pitch_gets_a_gradient(config: SynthConfig) -> None:
    synth = build_synth(replace(config, vibrato_semitones=1.0), AUDIO)
    initialise(synth, 0)
    curves = curves_of(2, 4).requires_grad_()
    weights = torch.randn(2, AUDIO.n_samples, generator=generator(0, "weights"))
    (synth(curves, note_of(2)) * weights).sum().backward()
    assert curves.grad is not None
    assert bool((curves.grad[:, 3].abs().amax(1) > 0).all())


def test_the_pitch_follows_the_curve() -> None:
    """A sine of which the instantaneous frequency is that of the curve."""
    audio = AudioConfig(sample_rate=16_000, duration_s=1.0, hop_length=125)
    synth = build_synth(FmConfig(vibrato_semitones=2.0), audio)
    time = torch.linspace(0, 1, audio.n_frames)
    curve = 0.5 + 0.5 * torch.sin(2 * torch.pi * 4 * time)
    _, note = synth.split_vibrato(torch.stack([curve] * 4)[None], replace(note_of(1), f0_hz=torch.tensor([440.0])))
    still = torch.zeros(1, audio.n_frames)
    sound = modulate_phase(still, note.phase_of_samples(audio.n_samples, 16_000, 125), 1.0, 125)[0].double().numpy()
    phase = np.unwrap(np.angle(hilbert(sound)))
    # A mean over 5 ms takes the ripple away that the ends of the clip put into its analytic signal.
    found = np.convolve(np.diff(phase), np.ones(80) / 80, "same")[800:-800] / (2 * np.pi) * 16_000
    expected = 440 * 2 ** (2 / 12 * np.sin(2 * np.pi * 4 * np.arange(16_000) / 16_000))[800:-801]
    assert np.abs(12 * np.log2(found / expected)).max() < 0.05


def test_gradient_of_a_bent_synth_equals_finite_differences() -> None:
    audio = AudioConfig(sample_rate=8000, duration_s=0.01, hop_length=20)
    synth = build_synth(FmConfig(vibrato_semitones=2.0), audio).double()
    initialise(synth, 0)
    curves = 0.2 + 0.6 * torch.rand(1, 4, audio.n_frames, dtype=torch.float64, generator=generator(0, "curves"))
    note = note_of(1, audio.n_samples)
    note = replace(note, f0_hz=note.f0_hz.double(), q=note.q.double(), noise=None)
    assert torch.autograd.gradcheck(lambda c: synth(c, note), (curves.requires_grad_(),), atol=1e-4)


def test_a_part_of_bent_notes_is_bent() -> None:
    synth = build_synth(FmConfig(vibrato_semitones=2.0), AUDIO)
    _, note = synth.split_vibrato(curves_of(3, 4), note_of(3))
    assert note.bend is not None
    part = note[1:2]
    assert part.bend is not None
    assert torch.equal(part.bend, note.bend[1:2])
    size = AUDIO.n_samples, AUDIO.sample_rate, AUDIO.hop_length
    torch.testing.assert_close(part.phase_of_samples(*size), note.phase_of_samples(*size)[1:2])
