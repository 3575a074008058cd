"""The Mod. Synth as a whole: gradient, trained parts, and the noise of the curriculum."""

from dataclasses import replace

import pytest
import torch

from core.seeding import generator, initialise
from core.settings.audio import AudioConfig
from core.settings.synths import ModSynthConfig
from core.synths.build import build_synth
from core.synths.mod_synth import ModSynth, shift_logit
from tests.support.notes import AUDIO, GREY_BOX, WHITE_BOX, curves_of, note_of


def test_gradient_of_the_whole_white_box_equals_finite_differences() -> None:
    audio_config = AudioConfig(sample_rate=8000, duration_s=0.01, hop_length=10)
    synth = build_synth(WHITE_BOX, audio_config).double()
    curves = 0.2 + 0.6 * torch.rand(1, 3, audio_config.n_frames, dtype=torch.float64, generator=generator(0, "curves"))
    note = note_of(1, audio_config.n_samples)
    note = replace(note, f0_hz=note.f0_hz.double(), q=note.q.double(), noise=None)
    assert torch.autograd.gradcheck(lambda c: synth(c, note), (curves.requires_grad_(),), atol=1e-4)


@pytest.mark.parametrize("config", [WHITE_BOX, GREY_BOX], ids=["white box", "grey box"])
def test_the_curve_itself_is_the_position_in_the_table(config: ModSynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    assert isinstance(synth, ModSynth)
    initialise(synth, 0)
    curves = curves_of(2)
    assert torch.equal(synth.controls(curves).position, curves[:, 0])


def test_noise_on_the_logit_keeps_the_ends_of_the_table() -> None:
    value = torch.tensor([[0.0, 1e-7, 0.2, 0.5, 0.9, 1.0]], dtype=torch.float64, requires_grad=True)
    for shift in (-2.0, 0.0, 1.5):
        shifted = shift_logit(value, torch.tensor(shift).double().expand_as(value))
        torch.testing.assert_close(shifted, torch.sigmoid(torch.logit(value) + shift))
        (gradient,) = torch.autograd.grad(shifted.sum(), value)
        assert bool((gradient.isfinite() & (gradient > 0)).all())


def test_position_noise_acts_in_training_only() -> None:
    synth = build_synth(GREY_BOX, AUDIO)
    assert isinstance(synth, ModSynth)
    initialise(synth, 0)
    curves = curves_of(1)
    still = synth.controls(curves).position
    noisy = synth.controls(curves, 1.0, generator(0, "noise")).position
    torch.testing.assert_close(synth.controls(curves, 0.0, generator(0, "noise")).position, still)
    assert float((noisy - still).detach().abs().max()) > 0.01
    logits = torch.logit(torch.stack([noisy, still]).detach().double())
    assert float((logits[0] - logits[1]).std()) == pytest.approx(synth.position_noise, rel=0.3)


def test_white_box_has_no_adapter_and_nothing_to_train() -> None:
    assert not list(build_synth(WHITE_BOX, AUDIO).parameters())


def test_table_of_the_grey_box_is_its_own_sound() -> None:
    synth = build_synth(GREY_BOX, AUDIO)
    assert isinstance(synth, ModSynth)
    assert [parameter.shape for parameter in synth.sound_parameters()] == [(16, 256)]
    assert synth.sound_parameters()[0] is synth.oscillator.table
