"""All synths: batches, envelopes, gradients of all curves, and ranges of the controls."""

import math
from dataclasses import fields

import pytest
import torch

from core.seeding import initialise
from core.settings.synths import SynthConfig
from core.synths.build import build_synth
from tests.support.notes import AUDIO, SYNTHS, curves_of, note_of

pytestmark = pytest.mark.parametrize("config", SYNTHS.values(), ids=SYNTHS.keys())


def test_batch_size_does_not_change_the_sound(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    curves, note = curves_of(4), note_of(4)
    whole = synth(curves, note)
    assert whole.shape == (4, AUDIO.n_samples)
    for i in range(4):
        alone = synth(curves[i : i + 1], note[i : i + 1])
        torch.testing.assert_close(alone, whole[i : i + 1], atol=1e-5, rtol=1e-4)


def test_envelope_scales_the_sound(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    (envelope,) = (place for place, modulation in enumerate(config.modulations) if modulation.is_amplitude)
    curves, note = curves_of(1), note_of(1)
    curves[:, envelope] = 1.0
    with torch.no_grad():
        full = synth(curves, note)
    curves[:, envelope, : AUDIO.n_frames // 2] = 0.0
    with torch.no_grad():
        silenced = synth(curves, note)
    half = (AUDIO.n_frames // 2 - 1) * AUDIO.hop_length
    assert float(silenced[:, :half].abs().max()) == 0
    torch.testing.assert_close(silenced[:, half + AUDIO.hop_length :], full[:, half + AUDIO.hop_length :])


def test_every_curve_gets_a_gradient(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    curves = curves_of(2, len(config.modulations)).requires_grad_()
    synth(curves, note_of(2)).square().sum().backward()
    assert curves.grad is not None
    assert bool((curves.grad.abs().amax((0, 2)) > 0).all())


def test_rendering_the_controls_is_calling_the_synth(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    curves, note = curves_of(2), note_of(2)
    torch.testing.assert_close(synth.render(synth.controls(curves), note), synth(curves, note))


def test_controls_lie_in_their_ranges(config: SynthConfig) -> None:
    synth = build_synth(config, AUDIO)
    initialise(synth, 0)
    for scale in (0.0, 0.5, 1.0):
        controls = synth.controls(scale * torch.ones_like(curves_of(2)))
        assert [field.name for field in fields(controls)] == list(synth.control_ranges)
        for name, (low, high) in synth.control_ranges.items():
            assert low < high
            values = getattr(controls, name).detach()
            assert float(values.min()) >= low * (1 - 1e-6)
            assert float(values.max()) <= high * (1 + 1e-6) or math.isinf(high)
